"""The header of one record, and whether it can be one. Pure, and quick: it is asked for every record.

What follows a header, and what to do where there is none, is records.py's.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.stamps import NS_PER_S
from converters.telemetry.schemas import PRIORITIES

HEADER_BYTES = 12
"""The shortest header; that of a body of 254 bytes or more has 2 or 8 more."""
SHORT_LENGTHS = 254
"""Lengths below stand in the header's last byte; 254 and 255 say that 2 or 8 bytes with the length follow."""
EARLIEST_S, LATEST_S = 946_684_800, 4_102_444_800
"""The years 2000 to 2100. There was no such record before; zeros and noise are mostly outside."""
_BACK_S, _AHEAD_S = 86_400, 400 * 86_400
"""How far from the record before a record's time is nothing to wonder at."""
_HEADER = struct.Struct("<bHIIB")
_U16, _U64 = struct.Struct("<H"), struct.Struct("<Q")
_PRIORITIES = frozenset(PRIORITIES)


class Header(NamedTuple):
    """What a header says; the record's body lies from `body` up to `end`, perhaps beyond the file."""

    code: int
    seconds: int
    nanoseconds: int
    body: int
    end: int


def read_header(content: bytes, at: int) -> Header | None:
    """Read the header at a place; None where there can be none, or the file ends within its first 12 bytes."""
    if len(content) - at < HEADER_BYTES:
        return None
    priority, code, seconds, nanoseconds, length = _HEADER.unpack_from(content, at)
    if priority not in _PRIORITIES or nanoseconds >= NS_PER_S or not EARLIEST_S <= seconds < LATEST_S:
        return None
    if length < SHORT_LENGTHS:
        begin = at + HEADER_BYTES
        return Header(code, seconds, nanoseconds, begin, begin + length)
    form = _U16 if length == SHORT_LENGTHS else _U64
    begin = at + HEADER_BYTES + form.size
    if begin > len(content):
        return Header(code, seconds, nanoseconds, begin, begin)
    return Header(code, seconds, nanoseconds, begin, begin + form.unpack_from(content, at + HEADER_BYTES)[0])


def is_near(seconds: int, latest_s: int) -> bool:
    """Say whether a record's time is one to be expected after another's."""
    return latest_s - _BACK_S <= seconds <= latest_s + _AHEAD_S


def near(seconds: NDArray[np.int64], latest_s: int) -> NDArray[np.bool_]:
    """Say so of many at once."""
    return (seconds >= latest_s - _BACK_S) & (seconds <= latest_s + _AHEAD_S)
