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
import posixpath
import struct
import threading
from collections import deque
from collections.abc import Iterator

from observatory.endpoints import sftp_packets as packets
from observatory.endpoints.sftp_packets import Attributes, Pipe, Room, Words, packed_number, packed_text, raise_status

LARGE_BLOCK_BYTES = 130048
"""Asked of servers that say they take it (limits@openssh.com): a quarter of the packets."""
REQUESTS_AHEAD = 64
"""Under way at a time: 2 to 8 MiB, which fills 1 Gbit/s at 20 to 60 ms of round trip."""
FOLDERS_AHEAD = 2
LONGEST_PACKET_BYTES = 1 << 20
"""OpenSSH's own limit is 256 KiB; a longer packet is noise, such as a login script that prints."""


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
        pipe.send(struct.pack(">IBI", 5, packets.INIT, 3))
        kind, data = self._receive_packet()
        if kind != packets.VERSION:
            raise ConnectionError("what answers does not speak SFTP")
        words = Words(data)
        words.number()
        self.extensions: dict[bytes, bytes] = {}
        while words.has_more():
            name = words.text()
            self.extensions[name] = words.text()
        self.block_bytes = LARGE_BLOCK_BYTES if b"limits@openssh.com" in self.extensions else packets.SMALL_BLOCK_BYTES

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

    def answer(self, number: int) -> tuple[int, Words]:
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
            return kind, Words(data)

    def drop(self, number: int) -> None:
        """Let go of the answer to a request, come or to come."""
        with self._lock:
            if self._answers.pop(number, None) is None:
                self._dropped.add(number)

    def ask(self, kind: int, payload: bytes, path: bytes, expected: int) -> Words:
        """Send one request and return the fields of its answer; a status other than OK is raised."""
        return self.expect(self.send(kind, payload), path, expected)

    def expect(self, number: int, path: bytes, expected: int) -> Words:
        """Return the fields of an answer that must be of one kind."""
        kind, words = self.answer(number)
        if kind == packets.STATUS:
            raise_status(words, path)
        if kind != expected:
            raise ConnectionError(f"the SFTP server gave answer {kind} where {expected} was due")
        return words

    # ---- looking

    def stat(self, path: bytes) -> Attributes:
        """Look at what a path leads to."""
        return self.ask(packets.STAT, packed_text(path), path, packets.ATTRS).attributes()

    def lstat(self, path: bytes) -> Attributes:
        """Look at a path, a last link as a link."""
        return self.ask(packets.LSTAT, packed_text(path), path, packets.ATTRS).attributes()

    def lstat_many(self, paths: list[bytes]) -> Iterator[Attributes | OSError]:
        """Look at some paths, many requests under way; one answer each, in order."""
        under_way: deque[tuple[int, bytes]] = deque()
        for path in paths:
            under_way.append((self.send(packets.LSTAT, packed_text(path)), path))
            if len(under_way) >= REQUESTS_AHEAD:
                yield self._looked(*under_way.popleft())
        while under_way:
            yield self._looked(*under_way.popleft())

    def _looked(self, number: int, path: bytes) -> Attributes | OSError:
        try:
            return self.expect(number, path, packets.ATTRS).attributes()
        except ConnectionError:
            raise
        except OSError as error:
            return error

    def readlink(self, path: bytes) -> bytes:
        """Return the text of a link."""
        return self._one_name(packets.READLINK, path)

    def realpath(self, path: bytes) -> bytes:
        """Return the absolute path without links."""
        return self._one_name(packets.REALPATH, path)

    def _one_name(self, kind: int, path: bytes) -> bytes:
        words = self.ask(kind, packed_text(path), path, packets.NAME)
        words.number()
        return words.text()

    def scan(self, path: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """Give names and attributes in one folder, in the server's order, without ``.`` and ``..``."""
        handle = self.ask(packets.OPENDIR, packed_text(path), path, packets.HANDLE).text()
        under_way = deque(self.send(packets.READDIR, packed_text(handle)) for _ in range(FOLDERS_AHEAD))
        try:
            while True:
                words = self.expect(under_way.popleft(), path, packets.NAME)
                under_way.append(self.send(packets.READDIR, packed_text(handle)))
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

    def room(self, path: bytes) -> Room | None:
        """Return what the server says of the file system of a path; None where it cannot tell."""
        if b"statvfs@openssh.com" not in self.extensions:
            return None
        payload = packed_text(b"statvfs@openssh.com") + packed_text(path)
        return self.ask(packets.EXTENDED, payload, path, packets.EXTENDED_REPLY).room()

    def free_bytes(self, path: bytes) -> int | None:
        """Return what an ordinary user may still write; None where the server cannot tell."""
        room = self.room(path)
        return None if room is None else room.free_bytes

    # ---- acting

    def change(self, kind: int, payload: bytes, path: bytes, expected: int = packets.STATUS) -> Words:
        """Send a request that changes something at a path; what it is refused for is found out where it can be."""
        try:
            return self.ask(kind, payload, path, expected)
        except OSError as error:
            raise self.as_it_is(error, path) from error

    def as_it_is(self, error: OSError, path: bytes) -> OSError:
        """Return why a change was refused: of a full or read-only disk this version of SFTP says "Failure" alone."""
        if error.errno != errno.EIO:
            return error
        with contextlib.suppress(OSError, EOFError):
            room = self.room(posixpath.dirname(path) or b"/")
            number = None if room is None else room.refusal
            if number is not None:
                return OSError(number, os.strerror(number), error.filename)
        return error

    def mkdir(self, path: bytes) -> None:
        """Make one folder."""
        self.change(packets.MKDIR, packed_text(path) + packed_number(0), path)

    def remove(self, path: bytes) -> None:
        """Remove one file."""
        self.change(packets.REMOVE, packed_text(path), path)

    def rmdir(self, path: bytes) -> None:
        """Remove one empty folder."""
        self.change(packets.RMDIR, packed_text(path), path)

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename, replacing `new` at once where the server can; without that it fails where `new` is."""
        if b"posix-rename@openssh.com" in self.extensions:
            self.change(
                packets.EXTENDED,
                packed_text(b"posix-rename@openssh.com") + packed_text(old) + packed_text(new),
                new,
            )
        else:
            self.change(packets.RENAME, packed_text(old) + packed_text(new), new)

    def symlink(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link; OpenSSH takes the target first, against the draft."""
        self.change(packets.SYMLINK, packed_text(target) + packed_text(path), path)

    def set_attributes(self, path: bytes, mtime_s: int | None, mode: int | None) -> None:
        """Set modification time, whole seconds, and permission bits."""
        flags = (packets.HAS_MODE if mode is not None else 0) | (packets.HAS_TIMES if mtime_s is not None else 0)
        payload = packed_number(flags)
        if mode is not None:
            payload += packed_number(mode)
        if mtime_s is not None:
            seconds = min(max(mtime_s, 0), 0xFFFFFFFF)
            payload += packed_number(seconds) * 2
        self.change(packets.SETSTAT, packed_text(path) + payload, path)

    def open_read(self, path: bytes) -> SftpReader:
        """Open a file for reading."""
        payload = packed_text(path) + packed_number(packets.FLAG_READ) + packed_number(0)
        return SftpReader(self, path, self.ask(packets.OPEN, payload, path, packets.HANDLE).text())

    def open_new(self, path: bytes, mode: int) -> SftpWriter:
        """Create a file that is not there yet, for writing."""
        flags = packed_number(packets.FLAG_WRITE | packets.FLAG_CREATE | packets.FLAG_EXCLUSIVE)
        payload = packed_text(path) + flags + packed_number(packets.HAS_MODE) + packed_number(mode)
        return SftpWriter(self, path, self.change(packets.OPEN, payload, path, packets.HANDLE).text())

    def fsync(self, handle: bytes, path: bytes) -> bool:
        """Bring an open file to disk; False where the server cannot."""
        if b"fsync@openssh.com" not in self.extensions:
            return False
        self.ask(packets.EXTENDED, packed_text(b"fsync@openssh.com") + packed_text(handle), path, packets.STATUS)
        return True

    def _close_handle(self, handle: bytes) -> None:
        with contextlib.suppress(OSError, EOFError):
            self.ask(packets.CLOSE, packed_text(handle), b"", packets.STATUS)


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
        words = self._session.ask(packets.FSTAT, packed_text(self._handle), self._path, packets.ATTRS)
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
        payload = packed_text(self._handle) + struct.pack(">QI", offset, length)
        return self._session.send(packets.READ, payload)

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
            block = self._session.expect(number, self._path, packets.DATA).text()
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
            payload = packed_text(self._handle) + struct.pack(">Q", self._position) + packed_text(block)
            self._under_way.append(self._session.send(packets.WRITE, payload))
            self._position += len(block)
            while len(self._under_way) > REQUESTS_AHEAD:
                self._settle()
        return len(view)

    def _settle(self) -> None:
        try:
            self._session.expect(self._under_way.popleft(), self._path, packets.STATUS)
        except ConnectionError:
            raise
        except OSError as error:
            raise self._session.as_it_is(error, self._path) from error

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
        """Wait until the server has taken all, and close the far file.

        Also where it could not take all: a removed file that is still open keeps its room on the disk.
        """
        if self.closed:
            return
        try:
            self.flush()
        finally:
            for number in self._under_way:
                self._session.drop(number)
            self._under_way.clear()
            super().close()
            self._session.ask(packets.CLOSE, packed_text(self._handle), self._path, packets.STATUS)
