"""Cron expressions in the site's zone, said the same way to APScheduler, cron and systemd.

Pure. cron counts Sunday as 0 and, where both the day of the month and the day of the week are restricted,
takes a day that matches either; APScheduler counts Monday as 0 and wants both. Here the meaning is cron's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields of an expression, days of the week as names.

    Attributes
    ----------
    minute, hour, day, month : str
        As written, but months as numbers, and steps spelt out where APScheduler would refuse them.
    weekdays : tuple of str
        ``sun`` to ``sat``; empty for any.
    is_either : bool
        A day that matches either the day of the month or the weekday will do: neither field begins with ``*``,
        which to cron is no restriction even as ``*/2``.
    """

    minute: str
    hour: str
    day: str
    month: str
    weekdays: tuple[str, ...]
    is_either: bool

    @property
    def alternatives(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The pairs of day and weekdays of which any one suffices: cron's own rule."""
        if self.is_either:
            return ((self.day, ()), ("*", self.weekdays))
        return ((self.day, self.weekdays),)


def parse(expression: str) -> Cron:
    """Take an expression apart; it was checked when the specification was read.

    Raises
    ------
    ValueError
        It has not five fields, or a name that is none.
    """
    minute, hour, day, month, weekday = _WORDS.get(expression.strip(), expression).split()
    return Cron(
        _spelt_out(minute, 0, 59),
        _spelt_out(hour, 0, 23),
        _spelt_out(day, 1, 31),
        _spelt_out(_numbered(month), 1, 12),
        _weekdays(weekday),
        is_either=not day.startswith("*") and not weekday.startswith("*"),
    )


def _spelt_out(field: str, low: int, high: int) -> str:
    """Write the steps of a field as numbers: APScheduler refuses ``9-9/1`` and ``*/31``, which cron takes."""
    return ",".join(_spelt_out_part(part, low, high) for part in field.split(","))


def _spelt_out_part(part: str, low: int, high: int) -> str:
    span, slash, step = part.partition("/")
    if not slash or (span == "*" and int(step) <= high - low):
        return part
    first, _, last = span.partition("-") if span != "*" else (str(low), "", "")
    return ",".join(str(number) for number in range(int(first), int(last or high) + 1, int(step)))


def _numbered(month: str) -> str:
    return re.sub(r"[A-Za-z]+", lambda name: str(_MONTHS.index(name[0].lower()) + 1), month)


def _weekdays(field: str) -> tuple[str, ...]:
    if field == "*":
        return ()
    chosen: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = 0 if first == "*" else _weekday(first)
        end = 6 if first == "*" else _weekday(last) if last else (7 if step else start)
        chosen.update(day % 7 for day in range(start, end + 1, int(step or 1)))
    return tuple(_DAYS[day] for day in sorted(chosen))


def _weekday(text: str) -> int:
    return int(text) if text.isdigit() else _DAYS.index(text.lower())


def calendar(cron: Cron, zone: str) -> tuple[str, ...]:
    """Return systemd's ``OnCalendar`` lines for an expression, in the zone."""
    clock = f"{_systemd(cron.hour)}:{_systemd(cron.minute)}:00"
    return tuple(
        f"{','.join(day.capitalize() for day in days)}{' ' if days else ''}"
        f"*-{_systemd(cron.month, 1)}-{_systemd(day, 1)} {clock} {zone}"
        for day, days in cron.alternatives
    )


def _systemd(field: str, first: int = 0) -> str:
    """Turn ``1-5/2``, ``*/10`` into systemd's ``1..5/2``, ``0/10``; days and months begin with 1."""
    parts = field.split(",")
    return "*" if "*" in parts else ",".join(_systemd_part(part, first) for part in parts)


def _systemd_part(part: str, first: int) -> str:
    span, slash, step = part.partition("/")
    return (str(first) if span == "*" else span.replace("-", "..")) + slash + step
