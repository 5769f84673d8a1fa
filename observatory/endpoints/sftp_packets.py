"""SFTP's packets, version 3: the numbers of its requests and answers, and how their fields are read and written.

Who sends what, and when, is sftp.py's. Numbers are those of draft-ietf-secsh-filexfer-02.
"""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import dataclass
from typing import Protocol

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT = range(1, 10)
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(11, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201
FLAG_READ, FLAG_WRITE, FLAG_CREATE, FLAG_EXCLUSIVE = 0x01, 0x02, 0x08, 0x20
HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES, HAS_EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000
SMALL_BLOCK_BYTES = 32768
"""What every server takes (draft-ietf-secsh-filexfer-02, section 3)."""
_OK, _EOF = 0, 1
_READ_ONLY = 1
"""A flag of statvfs@openssh.com."""
_ERRNO = {2: errno.ENOENT, 3: errno.EACCES, 6: errno.ENOTCONN, 7: errno.ECONNRESET, 8: errno.EOPNOTSUPP}


class Pipe(Protocol):
    """Bytes to and from a server; both calls raise ConnectionError or CouldNotTell when it is lost."""

    def send(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def receive(self, size: int) -> bytes:
        """Return some bytes, at most so many; ``b""`` at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server says of one name; `mode` holds the bits of its kind too. Times are whole Unix seconds."""

    size_bytes: int = 0
    mode: int = 0
    mtime_s: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What a server says of a file system: what an ordinary user may still write, and how many names he may give."""

    free_bytes: int
    free_names: int
    counts_names: bool
    is_read_only: bool

    @property
    def refusal(self) -> int | None:
        """The errno for which it takes nothing more; None where it should."""
        if self.is_read_only:
            return errno.EROFS
        is_full = self.free_bytes < SMALL_BLOCK_BYTES or (self.counts_names and not self.free_names)
        return errno.ENOSPC if is_full else None


class Words:
    """Reads the fields of one packet."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        """Take a number of 32 bits."""
        (value,) = struct.unpack_from(">I", self._data, self._at)
        self._at += 4
        return int(value)

    def long(self) -> int:
        """Take a number of 64 bits."""
        (value,) = struct.unpack_from(">Q", self._data, self._at)
        self._at += 8
        return int(value)

    def text(self) -> bytes:
        """Take a text with its length before it."""
        length = self.number()
        value = self._data[self._at : self._at + length]
        if len(value) != length:
            raise ConnectionError("an SFTP packet is shorter than it says")
        self._at += length
        return value

    def room(self) -> Room:
        """Take what is said of a file system (statvfs@openssh.com)."""
        _, fragment, _, _, free, names, _, free_names, _, flags, _ = (self.long() for _ in range(11))
        return Room(fragment * free, free_names, names > 0, bool(flags & _READ_ONLY))

    def has_more(self) -> bool:
        """Say whether anything is left."""
        return self._at < len(self._data)

    def attributes(self) -> Attributes:
        """Take what is said of one name."""
        flags = self.number()
        size = self.long() if flags & HAS_SIZE else 0
        if flags & HAS_OWNER:
            self._at += 8
        mode = self.number() if flags & HAS_MODE else 0
        mtime = (self.number(), self.number())[1] if flags & HAS_TIMES else 0
        if flags & HAS_EXTENDED:
            for _ in range(self.number() * 2):
                self.text()
        return Attributes(size, mode, mtime)


def packed_text(value: bytes) -> bytes:
    """Return a text with its length before it."""
    return struct.pack(">I", len(value)) + value


def packed_number(value: int) -> bytes:
    """Return a number in 32 bits."""
    return struct.pack(">I", value)


def raise_status(words: Words, path: bytes) -> None:
    """Raise what a status means, unless it is OK: EOFError at an end, else OSError with the nearest errno."""
    code = words.number()
    if code == _OK:
        return
    if code == _EOF:
        raise EOFError
    said = words.text().decode("utf-8", "replace") if words.has_more() else ""
    number = _ERRNO.get(code, errno.EIO)
    reason = os.strerror(number) if code in _ERRNO else (said or "failed for a reason the server does not tell")
    raise OSError(number, reason, os.fsdecode(path))
