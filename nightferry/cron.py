"""Cron expressions in the site's zone, said the same way to APScheduler, cron and systemd.

Pure. cron counts Sunday as 0 and takes a day that matches either the day of the month or the day of the
week; APScheduler counts Monday as 0 and wants both. Here the meaning is cron's.
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
        As written, months as numbers.
    weekdays : tuple of str
        ``sun`` to ``sat``; empty for any.
    """

    minute: str
    hour: str
    day: str
    month: str
    weekdays: tuple[str, ...]

    @property
    def alternatives(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The pairs of day and weekdays of which any one suffices: cron's own rule."""
        if self.day == "*" or not self.weekdays:
            return ((self.day, self.weekdays),)
        return ((self.day, ()), ("*", self.weekdays))


def parse(expression: str) -> Cron:
    """Take an expression apart; it was checked when the specification was read.

    Raises
    ------
    ValueError
        It has not five fields, or a name that is none.
    """
    minute, hour, day, month, weekday = _WORDS.get(expression.strip(), expression).split()
    return Cron(minute, hour, day, _numbered(month), _weekdays(weekday))


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
        end = 6 if first == "*" else _weekday(last, is_end=True) if last else (6 if step else start)
        chosen.update(day % 7 for day in range(start, end + 1, int(step or 1)))
    return tuple(_DAYS[day] for day in sorted(chosen))


def _weekday(text: str, is_end: bool = False) -> int:
    if text.isdigit():
        return int(text)
    day = _DAYS.index(text.lower())
    return 7 if is_end and day == 0 else day


def calendar(cron: Cron, zone: str) -> tuple[str, ...]:
    """Return systemd's ``OnCalendar`` lines for an expression, in the zone."""
    clock = f"{_systemd(cron.hour)}:{_systemd(cron.minute)}:00"
    return tuple(
        f"{','.join(day.capitalize() for day in days)}{' ' if days else ''}"
        f"*-{_systemd(cron.month)}-{_systemd(day)} {clock} {zone}"
        for day, days in cron.alternatives
    )


def _systemd(field: str) -> str:
    """Turn ``1-5/2``, ``*/10`` into systemd's ``1..5/2``, ``00/10``; in cron a step counts from the range's start."""
    return ",".join(_systemd_part(part) for part in field.split(","))


def _systemd_part(part: str) -> str:
    span, slash, step = part.partition("/")
    if span == "*":
        return f"0/{step}" if slash else "*"
    return span.replace("-", "..") + slash + step
