r"""SFTP, version 3, as OpenSSH speaks it: names as bytes, many requests under way, and its extensions.

Works over any pipe of bytes, and knows neither paramiko nor hosts. paramiko's own client turns names into text,
which fails at the first one that is not UTF-8, and it cannot fsync.
Faults are OSError with the nearest errno; a lost connection is ConnectionError.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SMALL_BLOCK_BYTES = 32768
"""What every server takes (draft-ietf-secsh-filexfer-02, section 3)."""
LARGE_BLOCK_BYTES = 130048
"""Asked of servers that say they take it (limits@openssh.com): a quarter of the packets."""
REQUESTS_AHEAD = 64
"""Under way at a time: 2 to 8 MiB, which fills 1 Gbit/s at 20 to 60 ms of round trip."""
FOLDERS_AHEAD = 2
LONGEST_PACKET_BYTES = 1 << 20
"""OpenSSH's own limit is 256 KiB; a longer packet is noise, such as a login script that prints."""

_INIT, _VERSION, _OPEN, _CLOSE, _READ, _WRITE, _LSTAT, _FSTAT, _SETSTAT = range(1, 10)
_OPENDIR, _READDIR, _REMOVE, _MKDIR, _RMDIR, _REALPATH, _STAT, _RENAME, _READLINK, _SYMLINK = range(11, 21)
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = range(101, 106)
_EXTENDED, _EXTENDED_REPLY = 200, 201
_FLAG_READ, _FLAG_WRITE, _FLAG_CREATE, _FLAG_EXCLUSIVE = 0x01, 0x02, 0x08, 0x20
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000
_OK, _EOF = 0, 1
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


class _Words:
    """Reads the fields of one packet."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        (value,) = struct.unpack_from(">I", self._data, self._at)
        self._at += 4
        return int(value)

    def long(self) -> int:
        (value,) = struct.unpack_from(">Q", self._data, self._at)
        self._at += 8
        return int(value)

    def text(self) -> bytes:
        length = self.number()
        value = self._data[self._at : self._at + length]
        if len(value) != length:
            raise ConnectionError("an SFTP packet is shorter than it says")
        self._at += length
        return value

    def has_more(self) -> bool:
        return self._at < len(self._data)

    def attributes(self) -> Attributes:
        flags = self.number()
        size = self.long() if flags & _HAS_SIZE else 0
        if flags & _HAS_OWNER:
            self._at += 8
        mode = self.number() if flags & _HAS_MODE else 0
        mtime = (self.number(), self.number())[1] if flags & _HAS_TIMES else 0
        if flags & _HAS_EXTENDED:
            for _ in range(self.number() * 2):
                self.text()
        return Attributes(size, mode, mtime)


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _number(value: int) -> bytes:
    return struct.pack(">I", value)


def _raise_status(words: _Words, path: bytes) -> None:
    code = words.number()
    if code == _OK:
        return
    if code == _EOF:
        raise EOFError
    said = words.text().decode("utf-8", "replace") if words.has_more() else ""
    number = _ERRNO.get(code, errno.EIO)
    reason = os.strerror(number) if code in _ERRNO else (said or "failed for a reason the server does not tell")
    raise OSError(number, reason, os.fsdecode(path))


class SftpSession:
    """One conversation with a server; calls may come from several threads.

    Raises
    ------
    ConnectionError
        What answers does not speak SFTP.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = threading.RLock()
        self._answers: dict[int, tuple[int, bytes]] = {}
        self._dropped: set[int] = set()
        self._next = 0
        pipe.send(struct.pack(">IBI", 5, _INIT, 3))
        kind, data = self._receive_packet()
        if kind != _VERSION:
            raise ConnectionError("what answers does not speak SFTP")
        words = _Words(data)
        words.number()
        self.extensions: dict[bytes, bytes] = {}
        while words.has_more():
            name = words.text()
            self.extensions[name] = words.text()
        self.block_bytes = LARGE_BLOCK_BYTES if b"limits@openssh.com" in self.extensions else SMALL_BLOCK_BYTES

    def close(self) -> None:
        """End the conversation."""
        self._pipe.close()

    # ---- packets

    def _receive_exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._pipe.receive(size)
            if not part:
                raise ConnectionError("the SFTP server ended the conversation")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _receive_packet(self) -> tuple[int, bytes]:
        length = struct.unpack(">I", self._receive_exactly(4))[0]
        if not 0 < length <= LONGEST_PACKET_BYTES:
            raise ConnectionError("what answers does not speak SFTP: does a login script print something?")
        packet = self._receive_exactly(length)
        return packet[0], packet[1:]

    def send(self, kind: int, payload: bytes) -> int:
        """Send one request and return its number; `answer` gives what comes back."""
        with self._lock:
            self._next = (self._next + 1) & 0xFFFFFFFF
            number = self._next
            self._pipe.send(struct.pack(">IBI", len(payload) + 5, kind, number) + payload)
            return number

    def answer(self, number: int) -> tuple[int, _Words]:
        """Return kind and fields of the answer to a request."""
        with self._lock:
            while number not in self._answers:
                kind, data = self._receive_packet()
                (key,) = struct.unpack_from(">I", data)
                if key in self._dropped:
                    self._dropped.discard(key)
                else:
                    self._answers[key] = (kind, data[4:])
            kind, data = self._answers.pop(number)
            return kind, _Words(data)

    def drop(self, number: int) -> None:
        """Let go of the answer to a request, come or to come."""
        with self._lock:
            if self._answers.pop(number, None) is None:
                self._dropped.add(number)

    def ask(self, kind: int, payload: bytes, path: bytes, expected: int) -> _Words:
        """Send one request and return the fields of its answer; a status other than OK is raised."""
        return self.expect(self.send(kind, payload), path, expected)

    def expect(self, number: int, path: bytes, expected: int) -> _Words:
        """Return the fields of an answer that must be of one kind."""
        kind, words = self.answer(number)
        if kind == _STATUS:
            _raise_status(words, path)
        if kind != expected:
            raise ConnectionError(f"the SFTP server gave answer {kind} where {expected} was due")
        return words

    # ---- looking

    def stat(self, path: bytes) -> Attributes:
        """Look at what a path leads to."""
        return self.ask(_STAT, _text(path), path, _ATTRS).attributes()

    def lstat(self, path: bytes) -> Attributes:
        """Look at a path, a last link as a link."""
        return self.ask(_LSTAT, _text(path), path, _ATTRS).attributes()

    def lstat_many(self, paths: list[bytes]) -> Iterator[Attributes | OSError]:
        """Look at some paths, many requests under way; one answer each, in order."""
        under_way: deque[tuple[int, bytes]] = deque()
        for path in paths:
            under_way.append((self.send(_LSTAT, _text(path)), path))
            if len(under_way) >= REQUESTS_AHEAD:
                yield self._looked(*under_way.popleft())
        while under_way:
            yield self._looked(*under_way.popleft())

    def _looked(self, number: int, path: bytes) -> Attributes | OSError:
        try:
            return self.expect(number, path, _ATTRS).attributes()
        except ConnectionError:
            raise
        except OSError as error:
            return error

    def readlink(self, path: bytes) -> bytes:
        """Return the text of a link."""
        return self._one_name(_READLINK, path)

    def realpath(self, path: bytes) -> bytes:
        """Return the absolute path without links."""
        return self._one_name(_REALPATH, path)

    def _one_name(self, kind: int, path: bytes) -> bytes:
        words = self.ask(kind, _text(path), path, _NAME)
        words.number()
        return words.text()

    def scan(self, path: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """Give names and attributes in one folder, in the server's order, without ``.`` and ``..``."""
        handle = self.ask(_OPENDIR, _text(path), path, _HANDLE).text()
        under_way = deque(self.send(_READDIR, _text(handle)) for _ in range(FOLDERS_AHEAD))
        try:
            while True:
                words = self.expect(under_way.popleft(), path, _NAME)
                under_way.append(self.send(_READDIR, _text(handle)))
                for _ in range(words.number()):
                    name, _, attributes = words.text(), words.text(), words.attributes()
                    if name not in (b".", b".."):
                        yield name, attributes
        except EOFError:
            return
        finally:
            for number in under_way:
                self.drop(number)
            self._close_handle(handle)

    def free_bytes(self, path: bytes) -> int | None:
        """Return what an ordinary user may still write; None where the server cannot tell."""
        if b"statvfs@openssh.com" not in self.extensions:
            return None
        words = self.ask(_EXTENDED, _text(b"statvfs@openssh.com") + _text(path), path, _EXTENDED_REPLY)
        _, fragment, _, _, available = (words.long() for _ in range(5))
        return fragment * available

    # ---- acting

    def mkdir(self, path: bytes) -> None:
        """Make one folder."""
        self.ask(_MKDIR, _text(path) + _number(0), path, _STATUS)

    def remove(self, path: bytes) -> None:
        """Remove one file."""
        self.ask(_REMOVE, _text(path), path, _STATUS)

    def rmdir(self, path: bytes) -> None:
        """Remove one empty folder."""
        self.ask(_RMDIR, _text(path), path, _STATUS)

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename, replacing `new` at once where the server can; without that it fails where `new` is."""
        if b"posix-rename@openssh.com" in self.extensions:
            self.ask(_EXTENDED, _text(b"posix-rename@openssh.com") + _text(old) + _text(new), new, _STATUS)
        else:
            self.ask(_RENAME, _text(old) + _text(new), new, _STATUS)

    def symlink(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link; OpenSSH takes the target first, against the draft."""
        self.ask(_SYMLINK, _text(target) + _text(path), path, _STATUS)

    def set_attributes(self, path: bytes, mtime_s: int | None, mode: int | None) -> None:
        """Set modification time, whole seconds, and permission bits."""
        flags = (_HAS_MODE if mode is not None else 0) | (_HAS_TIMES if mtime_s is not None else 0)
        payload = _number(flags)
        if mode is not None:
            payload += _number(mode)
        if mtime_s is not None:
            seconds = min(max(mtime_s, 0), 0xFFFFFFFF)
            payload += _number(seconds) * 2
        self.ask(_SETSTAT, _text(path) + payload, path, _STATUS)

    def open_read(self, path: bytes) -> SftpReader:
        """Open a file for reading."""
        payload = _text(path) + _number(_FLAG_READ) + _number(0)
        return SftpReader(self, path, self.ask(_OPEN, payload, path, _HANDLE).text())

    def open_new(self, path: bytes, mode: int) -> SftpWriter:
        """Create a file that is not there yet, for writing."""
        flags = _number(_FLAG_WRITE | _FLAG_CREATE | _FLAG_EXCLUSIVE)
        payload = _text(path) + flags + _number(_HAS_MODE) + _number(mode)
        return SftpWriter(self, path, self.ask(_OPEN, payload, path, _HANDLE).text())

    def fsync(self, handle: bytes, path: bytes) -> bool:
        """Bring an open file to disk; False where the server cannot."""
        if b"fsync@openssh.com" not in self.extensions:
            return False
        self.ask(_EXTENDED, _text(b"fsync@openssh.com") + _text(handle), path, _STATUS)
        return True

    def _close_handle(self, handle: bytes) -> None:
        with contextlib.suppress(OSError, EOFError):
            self.ask(_CLOSE, _text(handle), b"", _STATUS)


class SftpReader(io.RawIOBase):
    """A far file, read ahead."""

    def __init__(self, session: SftpSession, path: bytes, handle: bytes) -> None:
        self._session, self._path, self._handle = session, path, handle
        self._position = self._asked = 0
        self._under_way: deque[tuple[int, int, int]] = deque()
        self._ready = b""
        self._size: int | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Return where the next byte comes from."""
        return self._position

    def size_bytes(self) -> int:
        """Return the file's size now."""
        words = self._session.ask(_FSTAT, _text(self._handle), self._path, _ATTRS)
        return words.attributes().size_bytes

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; what was read ahead is dropped."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        target = offset + (self.size_bytes() if start is None else start)
        if target != self._position:
            self._drop()
            self._position = self._asked = target
        return target

    def _drop(self) -> None:
        for number, _, _ in self._under_way:
            self._session.drop(number)
        self._under_way.clear()
        self._ready = b""

    def _request(self, offset: int, length: int) -> int:
        payload = _text(self._handle) + struct.pack(">QI", offset, length)
        return self._session.send(_READ, payload)

    def _ahead(self) -> None:
        """Ask ahead, twice as far each time: a reader of headers wants little."""
        wanted = min(REQUESTS_AHEAD, max(2, 2 * (self._asked - self._position) // self._session.block_bytes))
        while len(self._under_way) < max(wanted, 1):
            length = self._session.block_bytes
            self._under_way.append((self._request(self._asked, length), self._asked, length))
            self._asked += length

    def readinto(self, buffer: object) -> int:
        """Fill a buffer as far as one block goes; 0 at the end of the file."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._ready:
            self._ready = self._next_block()
        part = self._ready[: len(view)]
        view[: len(part)] = part
        self._ready = self._ready[len(part) :]
        self._position += len(part)
        return len(part)

    def _next_block(self) -> bytes:
        if not self._under_way:
            self._asked = self._position
        self._ahead()
        number, offset, length = self._under_way.popleft()
        try:
            block = self._session.expect(number, self._path, _DATA).text()
        except EOFError:
            self._drop()
            self._asked = self._position
            return b""
        if len(block) < length:  # a short answer: the rest is asked for again before what follows it
            offset, length = offset + len(block), length - len(block)
            self._under_way.appendleft((self._request(offset, length), offset, length))
        return block

    def close(self) -> None:
        """Close the far file."""
        if not self.closed:
            with contextlib.suppress(OSError):
                self._drop()
                self._session._close_handle(self._handle)
        super().close()


class SftpWriter(io.RawIOBase):
    """A far file being written, many blocks under way; what fails is raised by a later write, flush or close."""

    def __init__(self, session: SftpSession, path: bytes, handle: bytes) -> None:
        self._session, self._path, self._handle = session, path, handle
        self._position = 0
        self._under_way: deque[int] = deque()

    def writable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._position

    def write(self, data: object) -> int:
        """Send the data."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        for start in range(0, len(view), self._session.block_bytes):
            block = bytes(view[start : start + self._session.block_bytes])
            payload = _text(self._handle) + struct.pack(">Q", self._position) + _text(block)
            self._under_way.append(self._session.send(_WRITE, payload))
            self._position += len(block)
            while len(self._under_way) > REQUESTS_AHEAD:
                self._settle()
        return len(view)

    def _settle(self) -> None:
        self._session.expect(self._under_way.popleft(), self._path, _STATUS)

    def flush(self) -> None:
        """Wait until the server has taken all."""
        if not self.closed:
            while self._under_way:
                self._settle()

    def sync(self) -> bool:
        """Bring the file to the far disk; False where the server cannot."""
        self.flush()
        return self._session.fsync(self._handle, self._path)

    def close(self) -> None:
        """Wait until the server has taken all, and close the far file."""
        if self.closed:
            return
        try:
            self.flush()
            self._session.ask(_CLOSE, _text(self._handle), self._path, _STATUS)
        finally:
            for number in self._under_way:
                self._session.drop(number)
            self._under_way.clear()
            super().close()
