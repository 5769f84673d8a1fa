"""A far file as a stream of bytes: read by `cat`, which outruns SFTP and needs little memory.

Hashing a stream that had to come here is here too. Writing is sftp.py's.
"""

from __future__ import annotations

import hashlib
import io
from typing import BinaryIO, cast

from observatory.endpoints.running import ENDING_S, Running
from observatory.endpoints.script import quote
from observatory.endpoints.shell import Starter, first_line
from observatory.errors import FileUnreadable, ProgramSilent
from observatory.names import show

SILENCE_S = 300.0
"""A disk that retries a bad sector is silent for minutes."""
BUFFER_BYTES = 1 << 20


class FarStream(io.RawIOBase):
    """The output of a far `cat`; a file that cannot be read to its end is raised as FileUnreadable."""

    def __init__(self, running: Running, host: str, path: bytes) -> None:
        self._running, self._host, self._path = running, host, path
        self._rest = b""
        self._is_over = False

    @classmethod
    def opened(cls, start: Starter, host: str, path: bytes) -> BinaryIO:
        """Open a far file.

        Raises
        ------
        FileUnreadable
        """
        word = quote(path)
        script = b"LC_ALL=C; export LC_ALL; if [ -e %b ] && [ ! -f %b ]; then " % (word, word)
        script += b"echo 'not a regular file' >&2; exit 1; fi; exec <%b && printf k && exec cat" % word
        stream = cls(start(script, ()), host, path)
        first = stream._read(BUFFER_BYTES)
        if first[:1] != b"k":
            try:
                stream._check_end()
                raise FileUnreadable(host, show(path), "the far end said nothing")
            finally:
                stream.close()
        stream._rest = first[1:]
        return cast(BinaryIO, io.BufferedReader(stream, BUFFER_BYTES))

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer with what has come; 0 at the end of the file."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._rest and not self._is_over:
            self._rest = self._read(BUFFER_BYTES)
            if not self._rest:
                self._is_over = True
                self._check_end()
        part = self._rest[: len(view)]
        view[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)

    def _read(self, size: int) -> bytes:
        try:
            return self._running.read(size, SILENCE_S)
        except TimeoutError as error:
            raise ProgramSilent(self._host, f"reading {show(self._path)}", SILENCE_S) from error

    def _check_end(self) -> None:
        try:
            status, stderr = self._running.finish(ENDING_S)
        except TimeoutError as error:
            raise ProgramSilent(self._host, f"reading the end of {show(self._path)}", ENDING_S) from error
        if status != 0:
            said = first_line(stderr).rpartition(": ")[2] or f"status {status}"
            raise FileUnreadable(self._host, show(self._path), said)

    def close(self) -> None:
        """End the far program."""
        if not self.closed:
            self._running.kill()
        super().close()


def hash_stream(stream: BinaryIO) -> str:
    """Return the SHA-256 of what a stream still holds."""
    digest = hashlib.sha256()
    while block := stream.read(BUFFER_BYTES):
        digest.update(block)
    return digest.hexdigest()
