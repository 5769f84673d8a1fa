"""The records of one .bintel or .binlog file: found by their chain of lengths, past damage, up to a growing tail.

What a body says is schemas.py's; which files there are places.py's; how a chain is found again after damage
resynchronise.py's.

A file is a plain concatenation of records: priority (i8), event code (u16), seconds and nanoseconds (u32, Unix,
UTC), length of the body (u8, or 254 and u16, or 255 and u64), body; packed and little-endian. There is neither
file header nor checksum, so every header is looked at before it is believed (magao-x/MagAOX, flatlogs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.stamps import NS_PER_S
from converters.telemetry.headers import HEADER_BYTES, SHORT_LENGTHS, Header, is_near, near, read_header
from converters.telemetry.resynchronise import is_chain, next_chain
from converters.telemetry.schemas import EVENT_BY_CODE

_LEAST_RUN = 8
"""So many records of one length in a row, and the next are tried all at once: first so many, then more."""
_FIRST_TRIED = 64


@dataclass(frozen=True, slots=True)
class DamagedSpan:
    """Bytes of a file that belong to no record that can be believed."""

    offset: int
    length: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of one file, in the order of the file; bodies stay where they are until asked for.

    Attributes
    ----------
    content : bytes
        The whole file.
    codes : array of uint16
    priorities : array of int8
    times_ns : array of int64
        Unix nanoseconds, UTC.
    body_offsets, body_lengths : array of int64
        Where each body lies in `content`.
    damage : tuple of DamagedSpan
    tail_bytes : int
        Bytes at the end that are the begin of a record: the file is still growing, or was cut short.
    """

    content: bytes
    codes: NDArray[np.uint16]
    priorities: NDArray[np.int8]
    times_ns: NDArray[np.int64]
    body_offsets: NDArray[np.int64]
    body_lengths: NDArray[np.int64]
    damage: tuple[DamagedSpan, ...]
    tail_bytes: int

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.codes)

    def body(self, number: int) -> bytes:
        """Return the body of one record."""
        begin = int(self.body_offsets[number])
        return self.content[begin : begin + int(self.body_lengths[number])]


def parse(content: bytes, stamp_ns: int | None = None) -> Records:
    """Find the records in the content of a file.

    Parameters
    ----------
    content : bytes
    stamp_ns : int, optional
        The instant in the file's name (Unix nanoseconds, UTC), that of its first record; helps to tell records
        from noise.

    Notes
    -----
    Any bytes are answered, in time proportional to their number.
    """
    found = _Finder(content, stamp_ns)
    found.run()
    return _records(content, found)


class _Finder:
    """Follows the chain through one file. `offsets` are those of the headers found, ascending, in pieces."""

    def __init__(self, content: bytes, stamp_ns: int | None) -> None:
        self.offsets: list[NDArray[np.int64]] = []
        self.damage: list[DamagedSpan] = []
        self.tail_bytes = 0
        self._content = content
        self._raw = np.frombuffer(content, np.uint8)
        self._single: list[int] = []
        self._latest_s = None if stamp_ns is None else stamp_ns // NS_PER_S
        self._codes = set(EVENT_BY_CODE)

    def run(self) -> None:
        """Find everything there is."""
        content, size, single = self._content, len(self._content), self._single
        at, repeated, last_length = 0, 0, -1
        while at < size:
            header = read_header(content, at)
            if header is None or header.end > size or not self._is_believed(header, at):
                at, repeated = self._past_damage(at, header), 0
                continue
            single.append(at)
            length = header.end - at
            repeated = repeated + 1 if length == last_length else 0
            at, last_length = header.end, length
            self._latest_s = header.seconds
            if repeated >= _LEAST_RUN:
                at, repeated = self._run_of_equals(at, length), 0
        self._flush()

    def _is_believed(self, header: Header, at: int) -> bool:
        """Say whether a header is as one expects here; if not, whether it begins a chain all the same."""
        latest_s = self._latest_s
        if header.code in self._codes and (latest_s is None or is_near(header.seconds, latest_s)):
            return True
        if not is_chain(self._content, at):
            return False
        self._codes.add(header.code)
        return True

    def _run_of_equals(self, at: int, length: int) -> int:
        """Take all records from here on that are as long as the last, and of its kind; return where they end."""
        raw, header = self._raw, self._raw[at - length :]
        rows = _FIRST_TRIED
        while True:
            rows = min(rows, (len(raw) - at) // length)
            table = raw[at : at + rows * length].reshape(rows, length)
            good = _rows_like(table, header, self._latest_s or 0)
            if good:
                self._flush()
                self.offsets.append(at + length * np.arange(good, dtype=np.int64))
                at += good * length
            if good < rows or not rows:
                return at
            rows *= 4

    def _flush(self) -> None:
        if self._single:
            self.offsets.append(np.array(self._single, np.int64))
            self._single.clear()

    def _past_damage(self, at: int, header: Header | None) -> int:
        """Return where the chain goes on, after noting what lies between; the end of the file if nowhere.

        The length of the record before may be what is wrong: it is looked into first.
        """
        size = len(self._content)
        last = self._single[-1] if self._single else None
        after = next_chain(self._content, at + 1 if last is None else last + HEADER_BYTES)
        if after is None:
            if size - at < HEADER_BYTES or (header is not None and header.end > size):
                self.tail_bytes = size - at
            else:
                self.damage.append(DamagedSpan(at, size - at, "no record can be made out to the end of the file"))
            return size
        if after < at and last is not None:
            self._single.pop()
            self.damage.append(DamagedSpan(last, after - last, "a record's length leads into the next"))
        elif after > at:
            self.damage.append(DamagedSpan(at, after - at, "no record can be made out"))
        return after


def _rows_like(table: NDArray[np.uint8], header: NDArray[np.uint8], latest_s: int) -> int:
    """Count the rows, from the first, that are headers of the same priority, code and length, and of a near time."""
    if not len(table):
        return 0
    same = np.concatenate([np.arange(3), np.arange(11, 14)[: 1 if header[11] < SHORT_LENGTHS else 3]])
    good = (table[:, same] == header[same]).all(axis=1)
    seconds = table[:, 3:7].copy().view("<u4")[:, 0].astype(np.int64)
    nanoseconds = table[:, 7:11].copy().view("<u4")[:, 0]
    good &= (nanoseconds < NS_PER_S) & near(seconds, latest_s)
    return len(table) if good.all() else int(good.argmin())


def _records(content: bytes, found: _Finder) -> Records:
    """Read the headers at the offsets found, all at once."""
    offsets = np.concatenate(found.offsets) if found.offsets else np.empty(0, np.int64)
    raw = np.frombuffer(content, np.uint8)

    def number(at: int, size: int, where: NDArray[np.int64] = offsets) -> NDArray[np.int64]:
        parts = [raw[where + at + byte].astype(np.int64) << 8 * byte for byte in range(size)]
        whole: NDArray[np.int64] = np.bitwise_or.reduce(parts)
        return whole

    forms = number(11, 1)
    lengths = forms.copy()
    headers = np.full(len(offsets), HEADER_BYTES, np.int64)
    for form, size in ((254, 2), (255, 8)):
        longer = forms == form
        lengths[longer] = number(12, size, offsets[longer])
        headers[longer] = HEADER_BYTES + size
    return Records(
        content=content,
        codes=number(1, 2).astype(np.uint16),
        priorities=raw[offsets].view(np.int8),
        times_ns=number(3, 4) * NS_PER_S + number(7, 4),
        body_offsets=offsets + headers,
        body_lengths=lengths,
        damage=tuple(found.damage),
        tail_bytes=found.tail_bytes,
    )
