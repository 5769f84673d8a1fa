"""Instants between the instrument's nanoseconds, `datetime`, the command line and the Modified Julian Date. Pure.

How the instrument stamps names is converters/stamps.py's. Leap seconds are not counted, as in Unix time.
"""

from __future__ import annotations

import datetime as dt

from converters.stamps import NS_PER_S
from observatory.errors import UsageError

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_MJD_OF_1970 = 40587
_DAY_NS = 86400 * NS_PER_S


def from_datetime(instant_utc: dt.datetime) -> int:
    """Return an aware instant in Unix nanoseconds."""
    return (instant_utc - _EPOCH) // _MICROSECOND * 1000


def to_datetime(at_ns: int) -> dt.datetime:
    """Return Unix nanoseconds as an instant, cut to microseconds."""
    return _EPOCH + dt.timedelta(microseconds=at_ns // 1000)


def modified_julian_date(at_ns: int) -> float:
    """Return the Modified Julian Date of an instant (UTC)."""
    return _MJD_OF_1970 + at_ns / _DAY_NS


def read_instant(text: str) -> int:
    """Read an ISO instant of the command line; without a zone it is UTC, a date alone is its first instant.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        instant = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is no instant: write 2025-12-02T00:00:12, in UTC") from error
    return from_datetime(instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC))
