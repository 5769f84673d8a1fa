"""A streamed merge of two sorted listings: what is the same, what differs, what is on one side only.

Pure. Equal stretches are recognised as bytes before anything is parsed, so that a million files that
agree cost no more than reading them. What a difference means is the caller's: the planner and the
verifier each bring a `Visitor`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from observatory.records import FILE, NUL, RecordError, key_of

_FIRST_STRIDE = 256
_LARGEST_STRIDE = 1 << 20


class Visitor(Protocol):
    """Is told of every record of both listings exactly once, in ascending order of key."""

    def same(self, block: bytes) -> None:
        """Take one or more whole NUL-terminated records that stand on both sides to the last byte."""
        ...

    def pair(self, source: bytes, destination: bytes) -> None:
        """Take two records of one key that are not equal; without the closing NUL."""
        ...

    def only_source(self, record: bytes) -> None:
        """Take a record whose key the destination does not have."""
        ...

    def only_destination(self, record: bytes) -> None:
        """Take a record whose key the source does not have."""
        ...


class UnsortedListing(RecordError):
    """A listing is not in strictly ascending order; nothing concluded from it is to be believed."""


class _Stream:
    """One listing: a buffer of whole records and a position in it."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self.buffer = b""
        self.position = 0
        self._last_key = b""

    def has_more(self) -> bool:
        if self.position < len(self.buffer):
            return True
        # An empty chunk is no end: taking it for one would leave the rest of the listing unseen.
        self.buffer, self.position = next(filter(None, self._chunks), b""), 0
        if self.buffer and not self.buffer.endswith(NUL):
            raise RecordError(f"a listing broke off within a record: {self.buffer[-80:]!r}")
        return bool(self.buffer)

    def remaining(self) -> int:
        return len(self.buffer) - self.position

    def record(self) -> bytes:
        return self.buffer[self.position : self.buffer.index(NUL, self.position)]

    def skip(self, record: bytes, key: bytes) -> None:
        if key <= self._last_key:
            raise UnsortedListing(f"{key[:120]!r} comes after {self._last_key[:120]!r}")
        self._last_key = key
        self.position += len(record) + 1

    def rest(self) -> Iterator[bytes]:
        """Yield every record that is left; as `skip` does, only while they ascend."""
        while self.has_more():
            for record in self.buffer[self.position : -1].split(NUL):
                self.skip(record, key_of(record))
                yield record

    def take(self, size: int) -> bytes:
        block = self.buffer[self.position : self.position + size]
        first = self.record()
        last = block[block.rfind(NUL, 0, -1) + 1 : -1]
        self.skip(first, key_of(first))
        if len(first) + 1 < size:
            self.position += size - len(first) - len(last) - 2
            self.skip(last, key_of(last))
        return block


def _equal_bytes(source: _Stream, destination: _Stream) -> int:
    """Count the bytes that agree from both positions on, in strides that grow while they do."""
    limit = min(source.remaining(), destination.remaining())
    agreed, stride = 0, _FIRST_STRIDE
    while agreed < limit:
        size = min(stride, limit - agreed)
        start, other = source.position + agreed, destination.position + agreed
        if source.buffer[start : start + size] != destination.buffer[other : other + size]:
            return agreed + _first_difference(source.buffer, start, destination.buffer, other, size)
        agreed += size
        stride = min(stride * 2, _LARGEST_STRIDE)
    return agreed


def _first_difference(left: bytes, start: int, right: bytes, other: int, size: int) -> int:
    """Return how many of `size` bytes agree, knowing that not all do; by halving."""
    agreed = 0
    while size > 1:
        half = size // 2
        if left[start + agreed : start + agreed + half] == right[other + agreed : other + agreed + half]:
            agreed += half
            size -= half
        else:
            size = half
    return agreed


def merge(source: Iterable[bytes], destination: Iterable[bytes], visitor: Visitor) -> None:
    """Walk two listings side by side and tell `visitor` of every record once.

    Parameters
    ----------
    source, destination : iterables of bytes
        Chunks of whole NUL-terminated records (records.py), ascending by `records.key_of`.

    Raises
    ------
    UnsortedListing
        Where records are taken one by one and do not ascend. Of stretches that are equal on both sides only
        the first and the last record are looked at: whatever their order, both sides hold the same.
    RecordError
        A chunk ends within a record, or holds what is none.
    """
    left, right = _Stream(source), _Stream(destination)
    while True:
        more_left, more_right = left.has_more(), right.has_more()
        if not (more_left and more_right):
            break
        _step(left, right, visitor)
    for record in left.rest():
        visitor.only_source(record)
    for record in right.rest():
        visitor.only_destination(record)


def _step(left: _Stream, right: _Stream, visitor: Visitor) -> None:
    agreed = _equal_bytes(left, right)
    whole = left.buffer.rfind(NUL, left.position, left.position + agreed) + 1 - left.position
    if agreed and whole > 0:
        right.take(whole)
        visitor.same(left.take(whole))
        return
    source, destination = left.record(), right.record()
    source_key, destination_key = key_of(source), key_of(destination)
    if source_key == destination_key:
        left.skip(source, source_key)
        right.skip(destination, destination_key)
        visitor.pair(source, destination)
    elif source_key < destination_key:
        left.skip(source, source_key)
        visitor.only_source(source)
    else:
        right.skip(destination, destination_key)
        visitor.only_destination(destination)


def split(block: bytes) -> list[bytes]:
    """Return the records of a block, without their closing NULs."""
    return block[:-1].split(NUL)


def not_files(block: bytes) -> list[bytes]:
    """Return the records of a sorted block that are no files of the patterns; FILE sorts before every other kind."""
    if block[block.rfind(NUL, 0, -1) + 1 :][:1] == FILE:
        return []
    last_file = block.rfind(NUL + FILE)
    if last_file < 0 and block[:1] != FILE:
        return split(block)
    start = block.index(NUL, last_file + 1) + 1
    return split(block[start:])
