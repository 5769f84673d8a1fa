"""Writes a FITS file anew with another header: the data follow byte for byte, and the hash is taken on the way.

What is changed in the header, the caller says. The sums of a header (CHECKSUM) are kept true by sums.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO

from converters.cards import Header, read_header
from converters.sums import refresh

BUFFER_BYTES = 8 * 1024 * 1024


class Ended(Exception):
    """The run is to end now."""

    def __init__(self) -> None:
        super().__init__("it was ended with the run")


class HashingWriter:
    """A file that is hashed as it is written, by a thread beside: hashing and writing take about as long."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target, self._digest = target, hashlib.sha256()
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[None] | None = None

    def __enter__(self) -> HashingWriter:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread; the file is its opener's."""
        self._pool.shutdown()

    def write(self, data: bytes | memoryview) -> None:
        """Write some bytes; they must not change before the next call has returned."""
        self._wait()
        self._pending = self._pool.submit(self._digest.update, data)
        rest = memoryview(data)
        while len(rest):
            rest = rest[self._target.write(rest) or 0 :]

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()

    def hexdigest(self) -> str:
        """Return the SHA-256 of all that was written."""
        self._wait()
        return self._digest.hexdigest()


def rewrite(source: Path, place: Path, edit: Callable[[Header], None], is_pulled: Callable[[], bool]) -> str:
    """Write a file anew with its first header edited, and return its SHA-256.

    Raises
    ------
    converters.cards.NotAHeader
        It is no FITS file.
    Ended
        `is_pulled` said so.
    OSError
    """
    buffers = [bytearray(BUFFER_BYTES), bytearray(BUFFER_BYTES)]
    number = 0
    with (
        source.open("rb", buffering=0) as stream,
        place.open("xb", buffering=0) as target,
        HashingWriter(target) as sink,
    ):
        header = read_header(stream)
        edit(header)
        refresh(header)
        sink.write(header.to_bytes())
        while size := stream.readinto(buffers[number % 2]):
            if is_pulled():
                raise Ended
            sink.write(memoryview(buffers[number % 2])[:size])
            number += 1
        return sink.hexdigest()
