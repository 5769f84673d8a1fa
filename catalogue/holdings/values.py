"""From what a header or a JSON file holds to the value of a column: types, units, nights. Pure.

What cannot be read as its type is absent and said so; nothing is guessed. Reading files is headers.py's.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from catalogue.holdings.section import STANDARD, UNITS, Source, column_type
from observatory.nights import FIRST_YEAR, LAST_YEAR, NightClock

Value = str | int | float | dt.date | dt.datetime
_MJD_EPOCH = dt.datetime(1858, 11, 17, tzinfo=dt.UTC)
_SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,3})[: ](\d{1,2})[: ](\d{1,2}(?:\.\d*)?)")
_TIME_OF_DAY = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d+)?)?")
_SECOND_60 = re.compile(r"(?<=\d)(:\d\d:)60(\.\d*)?")
_LONGEST_TEXT = 1000
"""Characters; a header's card holds 68, and continued ones seldom more than a few hundred."""

Lookup = Callable[[str, tuple[str, ...] | None], Any]
"""Gives the value of a keyword in the first of some HDUs (None: the usual ones) that has it, else None."""


class Unreadable(ValueError):
    """A value that is not of the type its column wants; a sentence."""


def columns_from(
    sources: Mapping[str, Sequence[Source]], lookup: Lookup, clock: NightClock
) -> tuple[dict[str, Value], list[str]]:
    """Return the value of every column that these sources fill, and a sentence for each that could not be read.

    Parameters
    ----------
    sources : mapping of column to its sources, in the order in which they are asked
    lookup : callable
        Gives what a keyword holds.
    clock : NightClock
        Turns instants into nights.
    """
    found: dict[str, Value] = {}
    faults: list[str] = []
    for name, asked in sources.items():
        try:
            value = next(_values(name, asked, lookup, clock), None)
        except Unreadable as fault:
            faults.append(f"{name}: {fault}")
            continue
        if value is not None:
            found[name] = value
    return found, faults


def _values(name: str, asked: Sequence[Source], lookup: Lookup, clock: NightClock) -> Iterator[Value]:
    """Yield the values of a column; one that cannot be read counts only where no later source holds one."""
    wanted = column_type(name, asked)
    fault: Unreadable | None = None
    for source in asked:
        for keyword in source.keyword:
            try:
                raw = lookup(keyword, source.hdu)
                if raw is None or raw == "":
                    continue
                value = _read(name, wanted, source, raw, lookup, clock)
            except Unreadable as found:
                fault = fault or Unreadable(f"{keyword} holds {found}")
                continue
            if value is not None:
                yield value
    if fault is not None:
        raise fault


def _read(name: str, wanted: str, source: Source, raw: Any, lookup: Lookup, clock: NightClock) -> Value | None:
    kind = source.type or wanted
    if kind in ("instant", "mjd"):
        instant = _instant(raw, lookup(source.time, source.hdu) if source.time else None, kind)
        return clock.night_of(instant) if wanted == "night" and instant else instant
    if kind == "night":
        return _night(raw)
    if kind == "integer":
        return _integer(raw)
    if kind == "number":
        return _number(raw, source.unit, STANDARD.get(name, (None, source.unit))[1])
    return _text(raw)


def _text(raw: Any) -> str | None:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    text = str(raw).strip()
    if len(text) > _LONGEST_TEXT or "\0" in text:
        raise Unreadable("a text that is too long or holds a NUL")
    return text or None


def _is_no_number(raw: Any) -> bool:
    """Say whether a value only looks like a number to Python, which takes True for 1 and ``1_000`` for a thousand."""
    return isinstance(raw, bool) or (isinstance(raw, str) and "_" in raw)


def _integer(raw: Any) -> int:
    if _is_no_number(raw):
        raise Unreadable(f"{raw!r}, no whole number")
    try:
        value = int(raw) if isinstance(raw, (int, str)) else int(float(raw)) if float(raw).is_integer() else None
    except (TypeError, ValueError, OverflowError):
        value = None
    if value is None or abs(value) >= 2**63:
        raise Unreadable(f"{_shown(raw)}, no whole number of 64 bits")
    return value


def _number(raw: Any, unit: str | None, wanted: str | None) -> float:
    value = _sexagesimal(raw, unit) if isinstance(raw, str) else None
    if value is None:
        try:
            value = math.nan if _is_no_number(raw) else float(raw)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
    if not math.isfinite(value):
        raise Unreadable(f"{_shown(raw)}, no number")
    return _converted(value, unit, wanted)


def _sexagesimal(raw: str, unit: str | None) -> float | None:
    """Read ``12:34:56.7``; in hours (``unit: hourangle``) or degrees is the unit's to say."""
    found = _SEXAGESIMAL.fullmatch(raw.strip())
    if found is None:
        return None
    if unit not in ("hourangle", "deg"):
        raise Unreadable(f"{_shown(raw)}: declare `unit: hourangle` or `unit: deg`")
    value = int(found[2]) + int(found[3]) / 60 + float(found[4]) / 3600
    return -value if found[1] == "-" else value


def _converted(value: float, unit: str | None, wanted: str | None) -> float:
    if unit is None or wanted is None or unit == wanted:
        return value
    kind, factor = UNITS[unit]
    target, divisor = UNITS[wanted]
    if (kind, target) == ("arcsec", "deg"):
        return value * factor / 3600
    if (kind, target) == ("deg", "arcsec"):
        return value * factor * 3600
    return value * factor / divisor


def _night(raw: Any) -> dt.date:
    text = str(raw).strip()
    try:
        night = dt.date.fromisoformat(text) if re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text, re.ASCII) else None
    except ValueError:
        night = None
    if night is None or not FIRST_YEAR <= night.year <= LAST_YEAR:
        raise Unreadable(f"{_shown(raw)}, no night")
    return night


def _instant(raw: Any, time_of_day: Any, kind: str) -> dt.datetime | None:
    """Return an instant; None for a date alone, which is none."""
    if kind == "mjd":
        return instant_of_mjd(_number(raw, None, None))
    text = str(raw).strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        if not (isinstance(time_of_day, str) and _TIME_OF_DAY.fullmatch(time_of_day.strip())):
            return None
        text = f"{text}T{time_of_day.strip()}"
    return instant_of_text(text)


def instant_of_mjd(days: float) -> dt.datetime:
    """Return the instant of a modified Julian date, in days of UTC.

    Raises
    ------
    Unreadable
        It is centuries away from any observing.
    """
    if not -100_000 < days < 1_000_000:
        raise Unreadable(f"{_shown(days)}, no modified Julian date")
    return _MJD_EPOCH + dt.timedelta(days=days)


def instant_of_text(text: str) -> dt.datetime:
    """Return the instant that a text tells, of UTC where it names no zone; a date alone is its midnight.

    The second 60, of a leap second or of a writer that rounds, is the last instant of its minute, and so of its day.

    Raises
    ------
    Unreadable
        It tells none, or one of another age.
    """
    try:
        instant = dt.datetime.fromisoformat(_SECOND_60.sub(r"\g<1>59.999999", text))
    except ValueError:
        instant = None
    if instant is None or not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise Unreadable(f"{_shown(text)}, no instant as YYYY-MM-DDThh:mm:ss")
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)


def _shown(raw: Any) -> str:
    return repr(str(raw)[:40])


def to_json(value: Value) -> str | int | float | dict[str, str]:
    """Return a value as JSON keeps it."""
    if isinstance(value, dt.datetime):
        return {"instant": value.isoformat()}
    return {"night": value.isoformat()} if isinstance(value, dt.date) else value


def from_json(value: Any) -> Value:
    """Return a value as it was."""
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        return dt.datetime.fromisoformat(text) if kind == "instant" else dt.date.fromisoformat(text)
    kept: Value = value
    return kept
