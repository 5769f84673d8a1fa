"""What two ends of a pipe session agree on: the order, the form of the stream, and the exit statuses.

The text of this module is run by any python3, 3.6 or later, at both ends of one ssh connection: only the standard
library, no import but of its sisters, no annotation that 3.6 could not evaluate.
What to carry is the order (`packed_order`), made by pipe.py, which also says what a result means.

The near end reads the order from its standard input, starts the far end and hands it the same order. Then one
stream runs from sender to receiver: for each file a `HEAD` and its bytes, for a large one a `TAIL` after them.
On its standard output the near end tells NUL-terminated results: ``p bytes files`` how far it is, ``s number reason``
and ``d number reason`` what could not be had at the source or given its name at the destination, ``full``, ``end``.
"""

import contextlib
import fcntl
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

TAIL = struct.Struct("<B")
"""Whether the file was still the same after it had left."""
LENGTH = struct.Struct("<Q")
SMALL, LARGE, REFUSED, LAST = range(4)
"""Kinds: whole in one piece; in blocks with a tail; a reason instead of bytes; no more files."""

BLOCK_BYTES = 1 << 20
"""Up to this size a file is read whole before its head is written."""
PART_BYTES = 1 << 18
"""A larger one is taken in, and written, so much at a time: it stays in the processor's cache."""
REASON_BYTES = 1000
PIPE_BYTES = 1 << 20
"""The most that Linux gives an ordinary account. With its usual 64 KiB each packet of ssh's is a change of programs:
3 GB took a fifth longer, 100,000 small files a tenth (2026-11-21)."""
F_SETPIPE_SZ = 1031
"""Linux ``linux/fcntl.h``; Python has it from 3.10 on."""

BROKEN, FULL, SILENT = 12, 28, 30
"""Exit statuses of our own; any other but 0 is that of ssh or of the program it started."""

NS_PER_S = 10**9


class _Head:
    """Number in the order, kind, permission bits, size, mtime in ns, CRC-32 (of a small file).

    The time travels as seconds and nanoseconds of them: file systems hold times that no 64 bits of nanoseconds do.
    """

    _form = struct.Struct("<IBIQqII")
    size = _form.size

    def pack(self, number: int, kind: int, mode: int, size: int, mtime_ns: int, crc: int) -> bytes:
        return self._form.pack(number, kind, mode, size, *divmod(mtime_ns, NS_PER_S), crc)

    def unpack(self, data: bytes) -> "tuple[int, int, int, int, int, int]":
        number, kind, mode, size, seconds, nanoseconds, crc = self._form.unpack(data)
        return number, kind, mode, size, seconds * NS_PER_S + nanoseconds, crc


HEAD = _Head()


class Order(NamedTuple):
    """What one session carries: settings, and for each file its promised size, mtime in ns, and two names."""

    settings: Any
    sizes: "Sequence[int]"
    times: "Sequence[int]"
    sources: "Sequence[bytes]"
    targets: "Sequence[bytes]"


def packed_order(order: Order) -> bytes:
    """Return an order as it travels; its length stands before it."""
    count = len(order.sizes)
    is_same = list(order.sources) == list(order.targets)
    settings = json.dumps(dict(order.settings, count=count, same=is_same))
    names = b"\0".join(order.sources) + (b"" if is_same else b"\0" + b"\0".join(order.targets))
    seconds, nanoseconds = [at // NS_PER_S for at in order.times], [at % NS_PER_S for at in order.times]
    numbers = struct.pack(_columns(count), *order.sizes, *seconds, *nanoseconds)
    packed = zlib.compress(settings.encode() + b"\n" + numbers + names, 1)
    return LENGTH.pack(len(packed)) + packed


def read_order(stream: BinaryIO) -> "tuple[Order, bytes]":
    """Read an order; return it, and the bytes as which it came."""
    head = exactly(stream, LENGTH.size)
    packed = exactly(stream, LENGTH.unpack(head)[0])
    line, _, rest = zlib.decompress(packed).partition(b"\n")
    settings = json.loads(line.decode())
    count = settings["count"]
    names = rest[struct.calcsize(_columns(count)) :].split(b"\0")
    targets = names[:count] if settings["same"] else names[count:]
    numbers = struct.unpack_from(_columns(count), rest)
    seconds, nanoseconds = numbers[count : 2 * count], numbers[2 * count :]
    times = [whole * NS_PER_S + part for whole, part in zip(seconds, nanoseconds)]  # noqa: B905
    return Order(settings, numbers[:count], times, names[:count], targets), head + packed


def _columns(count: int) -> str:
    """Return the form of an order's numbers: all sizes, then all seconds, then all nanoseconds of them."""
    return "<%dQ%dq%dI" % (count, count, count)  # noqa: UP031


def widen(descriptor: int) -> None:
    """Have the pipe that files go through hold more, where it is one and the system lets us.

    That alone: all pipes of an account together may hold 64 MiB (``fs.pipe-user-pages-soft``), and from there on
    whatever else runs under it would get pipes of two pages.
    """
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)


def exactly(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes; EOFError where there are fewer."""
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def as_path(text: str) -> bytes:
    """Return a path from the settings as the bytes it is."""
    return text.encode("utf-8", "surrogateescape")


def words_of(error: OSError) -> bytes:
    """Return what the system says of an error."""
    return (error.strerror or str(error)).encode("utf-8", "replace")
