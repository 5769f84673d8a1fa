"""The end of a pipe session that reads files and sends them, each as it was promised or with the reason why not.

The text of this module is run by any python3, 3.6 or later, at both ends of one ssh connection: only the standard
library, no import but of its sisters, no annotation that 3.6 could not evaluate.
The form of the stream is order.py's.
"""

import os
import stat
import time
import zlib
from collections.abc import Callable

from syncer.transfer.ends.order import (
    BLOCK_BYTES,
    HEAD,
    LARGE,
    LAST,
    PART_BYTES,
    REASON_BYTES,
    REFUSED,
    SMALL,
    TAIL,
    Order,
    as_path,
    words_of,
)

GATHER_BYTES = 1 << 18
"""Small files leave together."""
PIECE_S = 0.25
"""At a rate no more leaves at once than is due in this time."""
LEAST_BYTES = 4096
MTIME_TOLERANCE_NS = 2 * 10**9
"""As the planner has it: beyond this it is another file."""


class Outlet:
    """Where a sender's bytes go: small pieces are gathered, each is counted, and a rate is kept.

    Parameters
    ----------
    descriptor : int
    moved : callable
        Told how many bytes and files left.
    rate_bytes_per_s : int or None
    """

    def __init__(
        self, descriptor: int, moved: "Callable[[int, int], None]", rate_bytes_per_s: "int | None" = None
    ) -> None:
        self._descriptor, self._moved, self._rate = descriptor, moved, rate_bytes_per_s
        self._due_s = time.monotonic()
        self._pieces = []  # type: list[bytes]
        self._size = 0
        self._files = 0

    def put(self, head: bytes, data: bytes, files: int) -> None:
        """Take a piece; it leaves at once or with the next ones."""
        self._pieces.append(head)
        self._pieces.append(data)
        self._size += len(data)
        self._files += files
        if self._size >= GATHER_BYTES or len(self._pieces) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Let everything gathered leave."""
        self.write(b"".join(self._pieces))
        self._moved(self._size, self._files)
        self._pieces, self._size, self._files = [], 0, 0

    def write(self, data: "bytes | memoryview") -> None:
        """Write all of some bytes, each piece when it is due."""
        view = memoryview(data)
        while view:
            size = os.write(self._descriptor, view if self._rate is None else self._due(view, self._rate))
            view = view[size:]
            self._moved(0, 0)

    def _due(self, view: memoryview, rate: int) -> memoryview:
        """Wait until something is due, and return so much of what is to leave."""
        piece = view[: max(LEAST_BYTES, int(rate * PIECE_S))]
        now_s = time.monotonic()
        time.sleep(max(0.0, self._due_s - now_s))
        self._due_s = max(self._due_s, now_s) + len(piece) / rate
        return piece

    def count(self, size: int, files: int) -> None:
        """Say that bytes left that were written past the gathering."""
        self._moved(size, files)


def send(order: Order, outlet: Outlet) -> None:
    """Read the files of an order and send them, each as it was promised or with the reason why not."""
    os.chdir(as_path(order.settings["source_root"]))
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    by_link = frozenset(order.settings["by_link"])
    for number, (name, size, mtime_ns) in enumerate(zip(order.sources, order.sizes, order.times)):  # noqa: B905
        try:
            descriptor = os.open(name, flags if number in by_link else flags | os.O_NOFOLLOW)
        except OSError as error:
            refuse(outlet, number, words_of(error))
            continue
        try:
            _send_one(outlet, number, descriptor, size, mtime_ns)
        except (BrokenPipeError, EOFError):
            raise
        except OSError as error:
            refuse(outlet, number, words_of(error))
        finally:
            os.close(descriptor)
    outlet.put(HEAD.pack(0, LAST, 0, 0, 0, 0), b"", 0)
    outlet.flush()


def refuse(outlet: Outlet, number: int, reason: bytes) -> None:
    """Send a reason instead of a file."""
    reason = reason[:REASON_BYTES].replace(b"\0", b"")
    outlet.put(HEAD.pack(number, REFUSED, 0, len(reason), 0, 0), reason, 0)


def _send_one(outlet: Outlet, number: int, descriptor: int, size: int, mtime_ns: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        refuse(outlet, number, b"not a regular file")
    elif found.st_size != size or abs(found.st_mtime_ns - mtime_ns) > MTIME_TOLERANCE_NS:
        refuse(outlet, number, b"changed")
    elif size > BLOCK_BYTES:
        _send_large(outlet, number, descriptor, found)
    else:
        data = os.read(descriptor, size + 1)
        if len(data) != size or not is_same(found, descriptor):
            refuse(outlet, number, b"changed")
            return
        mode = stat.S_IMODE(found.st_mode)
        outlet.put(HEAD.pack(number, SMALL, mode, size, found.st_mtime_ns, zlib.crc32(data)), data, 1)


def is_same(before: os.stat_result, descriptor: int) -> bool:
    """Say whether an open file is as it was; the time of its inode nobody can set back."""
    try:
        after = os.fstat(descriptor)
    except OSError:
        return False
    return (after.st_mtime_ns, after.st_ctime_ns, after.st_size) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_size,
    )


def _send_large(outlet: Outlet, number: int, descriptor: int, found: os.stat_result) -> None:
    """Send a file in blocks; its tail says whether it could be read to its end and is still the same.

    They are taken in and written, not passed on by `sendfile`: what that puts into a pipe are the pages of the file
    itself, which may still change there, and while a disk lets it wait the pipe is locked for ssh, too, which then
    does not answer whether it is alive.
    """
    outlet.flush()
    left, whole = found.st_size, True
    outlet.write(HEAD.pack(number, LARGE, stat.S_IMODE(found.st_mode), left, found.st_mtime_ns, 0))
    view = memoryview(bytearray(PART_BYTES))
    while left:
        count = _read_into(descriptor, view[: min(left, PART_BYTES)]) if whole else 0
        whole = count > 0
        piece = view[: count or min(left, PART_BYTES)]  # the rest of one that cannot be read is filled up
        outlet.write(piece)
        outlet.count(len(piece), 0)
        left -= len(piece)
    outlet.write(TAIL.pack(whole and is_same(found, descriptor)))
    outlet.count(0, 1)


def _read_into(descriptor: int, view: memoryview) -> int:
    try:
        return os.readv(descriptor, [view])
    except OSError:  # the disk cannot read this block: the tail says so, and the next look finds the reason
        return 0
