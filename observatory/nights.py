"""One definition of the observing night: between nights, instants, words and the stamps in names.

A night is a `datetime.date`: the local date on which it begins, by default at noon. Pure: reads neither
clock nor disk, the present is always a parameter. Where a night's folder lies is layouts.py's.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from observatory.errors import UsageError

FIRST_YEAR, LAST_YEAR = 1900, 2999
"""A night of any other year is a slip of the pen, or digits that are no date."""
MOST_NIGHTS = 100_000
"""The most nights that one range, or all of one request, may name: 273 years."""

STAMP_FORMAT = "%Y%m%dT%H%M%SZ"
"""How what is ours is named after an instant, in UTC: ``20160907T081500Z``."""
THIS_AND_LAST_MONTH: Literal["this-and-last-month"] = "this-and-last-month"

_DAY = dt.timedelta(days=1)
_DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})", re.ASCII)
_UNDERSTOOD = "a night is written 20160907, 2016-09-07, today or yesterday; a range 20160901..20160907"


class StampError(ValueError):
    """A ``night_in_name`` that cannot be compiled, or has no group `night` or `utc`."""


@dataclass(frozen=True, slots=True)
class NightClock:
    """When an instrument's nights begin and end.

    Attributes
    ----------
    zone : tzinfo
        The observatory's time zone.
    rollover : time or None
        Local wall-clock time at which a night begins; None where nights are UT dates.

    Notes
    -----
    A night begins at that wall-clock time whatever the zone's offset, so two nights of the year last 23 or
    25 hours. A wall-clock time that a change of offset skips is read with the offset before the change (what a
    clock that nobody set would have shown); one that comes twice is the first of the two. On a date that
    a zone skipped whole (Apia, 30 December 2011) the night is empty: it begins and ends at one instant.
    """

    zone: dt.tzinfo
    rollover: dt.time | None = dt.time(12)

    @classmethod
    def from_spec(cls, zone_name: str, rollover_text: str = "12:00") -> NightClock:
        """Make the clock from what the YAML says: an IANA zone, and ``HH:MM`` or ``utc``.

        Raises
        ------
        UsageError
            There is no such zone or time.
        """
        try:
            zone = zoneinfo.ZoneInfo(zone_name)
        except (KeyError, ValueError, OSError) as error:
            raise UsageError(f"{zone_name!r} is no IANA time zone, such as Africa/Johannesburg") from error
        if rollover_text == "utc":
            return cls(zone, None)
        if not re.fullmatch(r"[0-2][0-9]:[0-5][0-9]", rollover_text) or rollover_text >= "24":
            raise UsageError(f"rollover {rollover_text!r}: a time of day as HH:MM, or utc")
        return cls(zone, dt.time.fromisoformat(rollover_text))

    def night_of(self, instant_utc: dt.datetime) -> dt.date:
        """Return the night that an instant belongs to.

        Parameters
        ----------
        instant_utc : datetime
            Aware; any zone will do.

        Raises
        ------
        ValueError
            The instant is naive.
        """
        if instant_utc.utcoffset() is None:
            raise ValueError(f"{instant_utc} does not know its time zone")
        instant_utc = instant_utc.astimezone(dt.UTC)
        if self.rollover is None:
            return instant_utc.date()
        night = instant_utc.astimezone(self.zone).date()
        while instant_utc < self._start(night):
            night -= _DAY
        while instant_utc >= self._start(night + _DAY):
            night += _DAY
        return night

    def bounds(self, night: dt.date) -> tuple[dt.datetime, dt.datetime]:
        """Return the first instant of a night and that of the next, both in UTC."""
        return self._start(night), self._start(night + _DAY)

    def _start(self, night: dt.date) -> dt.datetime:
        if self.rollover is None:
            return dt.datetime.combine(night, dt.time(), dt.UTC)
        return dt.datetime.combine(night, self.rollover.replace(fold=0), self.zone).astimezone(dt.UTC)


def night_text(night: dt.date) -> str:
    """Write a night as ``YYYYMMDD``."""
    return f"{night.year:04d}{night.month:02d}{night.day:02d}"


def parse_night(text: str, present: dt.date) -> dt.date:
    """Read one night.

    Parameters
    ----------
    text : str
        ``20160907``, ``2016-09-07``, ``today`` or ``yesterday``.
    present : date
        The present night of the instrument's clock: what ``today`` means.

    Raises
    ------
    UsageError
        It is neither, or no day of the calendar.
    """
    if text == "today":
        return present
    if text == "yesterday":
        return present - _DAY
    match = _DATE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no night: {_UNDERSTOOD}")
    night = _night(match[1], match[3], match[4])
    if night is None:
        raise UsageError(f"{text!r} is no day of the calendar between {FIRST_YEAR} and {LAST_YEAR}")
    return night


def parse_nights(texts: Iterable[str], present: dt.date) -> tuple[dt.date, ...]:
    """Read nights and inclusive ranges ``A..B`` of them; return each night once, ascending.

    Raises
    ------
    UsageError
        One cannot be read, a range runs backwards, or they are more than `MOST_NIGHTS`.
    """
    nights: set[dt.date] = set()
    for text in texts:
        nights.update(_parse_range(text, present))
        if len(nights) > MOST_NIGHTS:
            raise UsageError(f"more than {MOST_NIGHTS} nights were asked for")
    return tuple(sorted(nights))


def _parse_range(text: str, present: dt.date) -> tuple[dt.date, ...]:
    first_text, dots, last_text = text.partition("..")
    first = parse_night(first_text, present)
    last = parse_night(last_text, present) if dots else first
    if last < first:
        raise UsageError(f"{text!r} runs backwards; did you mean {night_text(last)}..{night_text(first)}?")
    if (last - first).days >= MOST_NIGHTS:
        raise UsageError(f"{text!r} spans more than {MOST_NIGHTS} nights")
    return _span(first, last)


def window(present: dt.date, nights: int) -> tuple[dt.date, ...]:
    """Return the present night and the ``nights - 1`` before it, ascending.

    Raises
    ------
    UsageError
        `nights` is less than one or more than `MOST_NIGHTS`.
    """
    if not 1 <= nights <= MOST_NIGHTS:
        raise UsageError(f"a window of {nights} nights: it holds at least 1 and at most {MOST_NIGHTS}")
    return _span(present - (nights - 1) * _DAY, present)


def this_and_last_month(present: dt.date) -> tuple[dt.date, ...]:
    """Return every night from the first of last month to the present one: 29 on 1 March, 62 on 31 August."""
    last_month = present.replace(day=1) - _DAY
    return _span(last_month.replace(day=1), present)


def window_of(setting: int | Literal["this-and-last-month"], present: dt.date) -> tuple[dt.date, ...]:
    """Return the nights that ``window_nights`` means at the present night, ascending."""
    if setting == THIS_AND_LAST_MONTH:
        return this_and_last_month(present)
    return window(present, setting)


def _span(first: dt.date, last: dt.date) -> tuple[dt.date, ...]:
    return tuple(first + days * _DAY for days in range((last - first).days + 1))


def _night(year: str | bytes, month: str | bytes, day: str | bytes) -> dt.date | None:
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


_NIGHT_STAMP = re.compile(rb"(\d{4})([-_]?)(\d{2})\2(\d{2})")
_UTC_STAMP = re.compile(
    rb"(?P<year>\d{4})(?P<dash>[-_]?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2})"
    rb"(?:[T_-]?(?P<hour>\d{2})(?P<colon>[:_-]?)(?P<minute>\d{2})(?P=colon)(?P<second>\d{2})"
    rb"(?:[.,_]?(?P<fraction>\d+))?Z?)?"
)


@dataclass(frozen=True, slots=True)
class NameNight:
    """How a night is read from a file's name (``night_in_name``); made by `stamp_expression`.

    Attributes
    ----------
    expression : re.Pattern of bytes
        Searched for anywhere in the last part of a path. Its group `night` holds the night as
        ``YYYYMMDD``, ``YYYY-MM-DD`` or ``YYYY_MM_DD``; its group `utc` an instant in UTC: such a date, then
        ``HHMMSS`` or ``HH:MM:SS`` (after ``T``, ``_``, ``-`` or nothing) and any digits of its fraction.
    """

    expression: re.Pattern[bytes]

    def night_of(self, name: bytes, clock: NightClock) -> dt.date | None:
        """Return the night that a file's name tells, or None if it tells none.

        A date alone in `utc` stands for its first instant, 0 h UT: right wherever all of a night has one UT
        date (Hawaii, Arizona); elsewhere the specification needs a stamp with a time.
        """
        match = self.expression.search(name.rpartition(b"/")[2])
        if match is None:
            return None
        stamps = match.groupdict()
        if stamps.get("utc"):
            instant_utc = _instant(stamps["utc"])
            return None if instant_utc is None else clock.night_of(instant_utc)
        stamp = _NIGHT_STAMP.fullmatch(stamps.get("night") or b"")
        return None if stamp is None else _night(stamp[1], stamp[3], stamp[4])


def stamp_expression(regex_text: str) -> NameNight:
    """Compile a ``night_in_name``.

    Raises
    ------
    StampError
        It is no regular expression, or has neither a group `night` nor a group `utc`.
    """
    try:
        expression = re.compile(regex_text.encode())
    except re.error as error:
        raise StampError(f"{regex_text!r} is no regular expression: {error}") from error
    if not {"night", "utc"} & set(expression.groupindex):
        raise StampError(f"{regex_text!r} needs a group (?P<night>...) or (?P<utc>...)")
    return NameNight(expression)


def _instant(stamp: bytes) -> dt.datetime | None:
    match = _UTC_STAMP.fullmatch(stamp)
    if match is None:
        return None
    date = _night(match["year"], match["month"], match["day"])
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    if date is None or hour > 23 or minute > 59 or second > 60:
        return None
    microsecond = int(((match["fraction"] or b"") + b"000000")[:6])
    if second == 60:  # a leap second, which datetime cannot hold, belongs to the minute that it ends
        second, microsecond = 59, 999_999
    return dt.datetime.combine(date, dt.time(hour, minute, second, microsecond), dt.UTC)
