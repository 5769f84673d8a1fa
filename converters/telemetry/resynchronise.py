"""Finds the chain of records again behind damage: where does a header stand that others follow?

Single headers prove nothing, some in a row that agree in time do. What lies between is records.py's to note.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from converters.stamps import NS_PER_S
from converters.telemetry.flatbuffer import Malformed
from converters.telemetry.headers import EARLIEST_S, HEADER_BYTES, LATEST_S, Header, read_header
from converters.telemetry.schemas import PRIORITIES, decode

_IN_A_ROW = 4
"""So many headers, each where the one before it ends, none older than it and none a week later, are a chain."""
_WEEK_S = 7 * 86_400
_FIRST_WINDOW, _LARGEST_WINDOW = 1 << 9, 1 << 20


def is_chain(content: bytes, at: int) -> bool:
    """Say whether a chain of records begins here.

    Near the end of the file fewer records do, if the last ends with it and can be read.
    """
    before: Header | None = None
    for _ in range(_IN_A_ROW):
        header = read_header(content, at)
        if header is None or header.end > len(content):
            return False
        if before is not None and not 0 <= header.seconds - before.seconds <= _WEEK_S:
            return False
        if header.end == len(content):
            return _can_be_read(header, content)
        at, before = header.end, header
    return True


def _can_be_read(header: Header, content: bytes) -> bool:
    """Say whether a record is of a kind that we know, and its body what such a record has."""
    try:
        return decode(header.code, content[header.body : header.end]) is not None
    except Malformed:
        return False


def next_chain(content: bytes, begin: int) -> int | None:
    """Return the first place at or after `begin` where a chain begins; None if there is none.

    Looks at windows that grow, so that a near chain is found quickly and a far one at little cost a byte.
    """
    window = _FIRST_WINDOW
    while begin + HEADER_BYTES <= len(content):
        end = min(begin + window, len(content) - HEADER_BYTES + 1)
        for candidate in _candidates(content, begin, end):
            if is_chain(content, int(candidate)):
                return int(candidate)
        begin, window = end, min(2 * window, _LARGEST_WINDOW)
    return None


def _candidates(content: bytes, begin: int, end: int) -> NDArray[np.int64]:
    """Return the places from `begin` up to `end` where a header could stand, by its fields alone."""
    raw = np.frombuffer(content, np.uint8, count=end - begin + HEADER_BYTES - 1, offset=begin)
    count = end - begin
    is_priority = np.zeros(256, np.bool_)
    is_priority[list(PRIORITIES)] = True
    places = np.flatnonzero(is_priority[raw[:count]])
    seconds, nanoseconds = _u32(raw, places + 3), _u32(raw, places + 7)
    good = (seconds >= EARLIEST_S) & (seconds < LATEST_S) & (nanoseconds < NS_PER_S)
    found: NDArray[np.int64] = places[good] + begin
    return found


def _u32(raw: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.int64]:
    value = raw[places].astype(np.int64)
    for byte in range(1, 4):
        value |= raw[places + byte].astype(np.int64) << 8 * byte
    return value
