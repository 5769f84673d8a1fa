"""The end of a pipe session that writes files under temporary names and renames them when they are whole.

The text of this module is run by any python3, 3.6 or later, at both ends of one ssh connection: only the standard
library, no import but of its sisters, no annotation that 3.6 could not evaluate.
The form of the stream is order.py's; whether a file arrived is confirm.py's question.
"""

import contextlib
import errno
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Any

from syncer.transfer.ends.order import (
    BLOCK_BYTES,
    BROKEN,
    FULL,
    HEAD,
    LAST,
    PART_BYTES,
    REASON_BYTES,
    REFUSED,
    SMALL,
    TAIL,
    Order,
    as_path,
    exactly,
    words_of,
)
from syncer.transfer.ends.unnamed import Unnamed, write_all


class NotAsked(Exception):
    """The other end does not keep to what was agreed; nothing more of it is believed."""


class NoRoom(Exception):
    """The destination's disk or quota ran out."""


class Inlet:
    """Gives the files of a stream their names; tells of those that cannot have them."""

    def __init__(
        self,
        order: Order,
        stream: "BufferedReader[Any]",
        tell: "Callable[[bytes], None]",
        moved: "Callable[[int, int], None]",
    ) -> None:
        self._order, self._stream, self._tell, self._moved = order, stream, tell, moved
        settings = order.settings
        self._prefix = as_path(settings["temporary"])
        self._aside = as_path(settings["aside"]) if settings["aside"] else b""
        self._mode = settings["mode"]
        self._unnamed = Unnamed(os.path.dirname(self._prefix))  # noqa: PTH120 - names are bytes
        self._block = bytearray(PART_BYTES)
        self._left = 0

    def receive(self) -> None:
        """Take files until the sender says that there are no more."""
        os.chdir(as_path(self._order.settings["destination_root"]))
        following = 0
        while True:
            number, kind, mode, size, mtime_ns, crc = HEAD.unpack(exactly(self._stream, HEAD.size))
            if kind == LAST:
                return
            if not following <= number < len(self._order.sizes):
                raise NotAsked("file number %d" % number)  # noqa: UP031
            following = number + 1
            if kind == REFUSED:
                self._refused(number, size)
            else:
                self._file(number, kind, mode, size, mtime_ns, crc)

    def _refused(self, number: int, size: int) -> None:
        if size > REASON_BYTES:
            raise NotAsked("a reason of %d bytes" % size)  # noqa: UP031
        self._tell(b"s %d %s" % (number, exactly(self._stream, size).replace(b"\0", b"")))

    def _file(self, number: int, kind: int, mode: int, size: int, mtime_ns: int, crc: int) -> None:
        if size != self._order.sizes[number] or (kind == SMALL) != (size <= BLOCK_BYTES):
            raise NotAsked("%d bytes of file number %d" % (size, number))  # noqa: UP031
        mode = self._mode if self._mode is not None else mode & 0o7777
        try:
            if kind == SMALL:
                self._small(number, self._whole(size, crc), mode, mtime_ns)
            else:
                self._large(number, size, mode, mtime_ns)
        except Void as error:
            self._tell(b"s %d %s" % (number, str(error).encode()))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom from error
            self._tell(b"d %d %s" % (number, words_of(error)))

    def _whole(self, size: int, crc: int) -> bytes:
        """Take a small file; over a slow line each part of it is a sign of life."""
        data = self._stream.read1(size) if size else b""
        if len(data) != size:
            data = self._rest_of(data, size)
        if zlib.crc32(data) != crc:
            raise Void("its bytes changed on the way")
        return data

    def _rest_of(self, data: bytes, size: int) -> bytes:
        parts = [data]
        left = size - len(data)
        while left:
            if not parts[-1]:
                raise EOFError
            self._moved(0, 0)
            parts.append(self._stream.read1(left))
            left -= len(parts[-1])
        return b"".join(parts)

    def _small(self, number: int, data: bytes, mode: int, mtime_ns: int) -> None:
        target = self._order.targets[number]
        if not self._unnamed.put(target, data, mode, mtime_ns):
            with self._temporary(number) as temporary:
                descriptor = create(temporary)
                try:
                    write_all(descriptor, data)
                    settle(descriptor, mode, mtime_ns)
                finally:
                    os.close(descriptor)
                self._publish(temporary, target)
        self._moved(len(data), 1)

    @contextlib.contextmanager
    def _temporary(self, number: int) -> "Iterator[bytes]":
        """Give a name for the time until a file is whole; nothing stays under it where that fails."""
        temporary = self._prefix + b"%d" % number
        try:
            yield temporary
        except BaseException:
            remove(temporary)
            raise

    def _large(self, number: int, size: int, mode: int, mtime_ns: int) -> None:
        with self._temporary(number) as temporary:
            self._write_large(temporary, size, mode, mtime_ns)
            self._publish(temporary, self._order.targets[number])
        self._moved(0, 1)

    def _write_large(self, temporary: bytes, size: int, mode: int, mtime_ns: int) -> None:
        """Write a file as it comes; where that fails the rest of it is taken from the stream all the same."""
        fault = None
        descriptor = -1
        self._left = size
        try:
            try:
                descriptor = create(temporary)
                while self._left:
                    write_all(descriptor, self._piece(self._left))
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise
                fault = error
            while self._left:
                self._piece(self._left)
            (is_unchanged,) = TAIL.unpack(exactly(self._stream, TAIL.size))
            if fault is not None:
                raise fault
            if not is_unchanged:
                raise Void("changed")
            settle(descriptor, mode, mtime_ns)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _piece(self, most: int) -> memoryview:
        """Take what there is of what is left of a file, up to so much."""
        view = memoryview(self._block)
        count = self._stream.readinto1(view[: min(most, PART_BYTES)])
        if not count:
            raise EOFError
        self._left -= count
        self._moved(count, 0)
        return view[:count]

    def _publish(self, temporary: bytes, target: bytes) -> None:
        if self._aside:
            try:
                os.lstat(target)
            except FileNotFoundError:
                pass
            else:
                self._set_aside(target)
        os.rename(temporary, target)  # noqa: PTH104 - names are bytes

    def _set_aside(self, target: bytes) -> None:
        """Give the old file a second name, so that at no instant the first one is empty."""
        aside = os.path.join(self._aside, target)  # noqa: PTH118
        os.makedirs(os.path.dirname(aside), exist_ok=True)  # noqa: PTH103,PTH120
        try:
            os.link(target, aside, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:
            os.rename(target, aside)  # noqa: PTH104


class Void(Exception):
    """A file came that is not what it should be."""


def create(temporary: bytes) -> int:
    """Return a new file that nobody else may read yet."""
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def settle(descriptor: int, mode: int, mtime_ns: int) -> None:
    """Give a file that is whole its permission bits and its time."""
    os.fchmod(descriptor, mode)
    os.utime(descriptor, ns=(mtime_ns, mtime_ns))


def remove(path: bytes) -> None:
    """Remove a file that may not be there; what stays is swept by the next run."""
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def receive_all(inlet: Inlet, tell: "Callable[[bytes], None]") -> int:
    """Take what a session brings, tell how it ended, and return the exit status."""
    try:
        inlet.receive()
    except NoRoom:
        tell(b"full")
        return FULL
    except EOFError:
        return BROKEN
    except NotAsked as error:
        sys.stderr.write("the other end sent what nobody asked for: %s\n" % error)  # noqa: UP031
        return BROKEN
    tell(b"end")
    return 0
