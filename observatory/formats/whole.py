"""Whether a file is whole by its own format: chooses the format by the name, opens read-only, and judges.

The formats themselves are fits.py's and xrif.py's; files of other names are left unjudged.

A convention for whoever sends this to another host: fits.py, xrif.py and this module hold no import of ours but
the two below, run on python3 from 3.6 on, do nothing when imported, and print nothing. Far off, execute the
source of the first two in modules registered in `sys.modules` as ``observatory.formats.fits`` and
``observatory.formats.xrif`` (with ``observatory`` and ``observatory.formats`` registered before them), then
that of this one, and call `judge` for each path.
"""

import errno
import gzip
import os
import stat
import zlib
from typing import BinaryIO, cast

from observatory.formats import fits, xrif

FORMAT_BY_SUFFIX = (
    (b".fits", "fits"),
    (b".fit", "fits"),
    (b".fts", "fits"),
    (b".fits.fz", "fits"),
    (b".fit.fz", "fits"),
    (b".fts.fz", "fits"),
    (b".fits.gz", "fits.gz"),
    (b".fit.gz", "fits.gz"),
    (b".fts.gz", "fits.gz"),
    (b".xrif", "xrif"),
)
"""What the end of a name, in small letters or capitals, says that the file is."""

BARE = "its name says that it is compressed, and nothing follows its empty primary HDU"
"""What is said of such a file that was cut off behind it."""

_GZIP = 31
"""The window size by which zlib expects the header and the sum of gzip."""
_CHUNK_BYTES = 1 << 18


def format_of(path: bytes) -> "str | None":
    """Return the format that a name claims: ``fits``, ``fits.gz`` or ``xrif``; None for any other name."""
    name = path.lower()
    for suffix, format_name in FORMAT_BY_SUFFIX:
        if name.endswith(suffix):
            return format_name
    return None


def judge(path: bytes, sums: bool = False) -> "tuple[str, str]":
    """Judge one file on the machine we run on.

    Parameters
    ----------
    path : bytes
        Absolute, or relative to the working directory. A link is followed.
    sums : bool
        Compute anew the sums that the file carries, which reads every byte that they cover.

    Returns
    -------
    state : str
        ``whole``, ``short``, ``damaged``, ``unreadable`` (by us, now: says nothing about the file) or ``unjudged``.
    reason : str
        A sentence without a full stop for every state but ``whole``.
    """
    if format_of(path) is None:
        return "unjudged", "its name tells no format that can be judged"
    try:
        with _open(path) as stream:
            return judge_stream(path, stream, os.fstat(stream.fileno()).st_size, sums)
    except OSError as error:
        return "unreadable", error.strerror or str(error)


def judge_stream(path: bytes, stream: BinaryIO, size: int, sums: bool = False) -> "tuple[str, str]":
    """Judge one file that somebody else opened; `path` is only asked for its suffix.

    A gzipped FITS file is unpacked in passing, and only with `sums`: its length cannot be told otherwise.

    Raises
    ------
    OSError
        The stream could not be read.
    """
    format_name = format_of(path)
    if format_name == "xrif":
        return xrif.examine(stream, size)
    if format_name == "fits":
        state, reason = fits.examine(stream, size, sums)
        if state == "whole" and is_packed(path) and is_bare(next(fits.walk(stream, size)), size):
            return "short", BARE
        return state, reason
    if format_name is None:
        return "unjudged", "its name tells no format that can be judged"
    if not sums:
        return "unjudged", "compressed by gzip, judged only where every byte is read"
    return _judge_gzipped(stream)


def is_packed(path: bytes) -> bool:
    """Say whether a name tells of a FITS file that is compressed tile by tile."""
    return path.lower().endswith(b".fz")


def is_bare(primary: "fits.Unit", size: int) -> bool:
    """Say whether there is one HDU alone, without data: what is compressed lies in extensions.

    A file cut off there, at the end of its first block, keeps every rule of FITS.
    """
    return primary.data_offset == primary.end_offset == size


def _open(path: bytes) -> BinaryIO:
    """Open a regular file; never wait for the other end of a pipe that took its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file")
    return os.fdopen(descriptor, "rb")


def _judge_gzipped(stream: BinaryIO) -> "tuple[str, str]":
    try:
        unpacked_size = _unpacked_size(stream)
        if unpacked_size is None:
            return "short", "the file ends before its gzip stream does"
        stream.seek(0)
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            return fits.examine(cast("BinaryIO", unpacked), unpacked_size, True)
    except (EOFError, zlib.error) as error:
        return "damaged", f"its gzip stream is damaged: {error}"


def _unpacked_size(stream: BinaryIO) -> "int | None":
    """Unpack every member, which checks its sum, and return their length; None where the last does not end.

    Zeros behind a member are passed over, as gzip does: tapes pad their blocks.
    """
    stream.seek(0)
    total = 0
    unpacker = zlib.decompressobj(_GZIP)
    chunk = stream.read(_CHUNK_BYTES)
    while chunk:
        if unpacker.eof:
            chunk = chunk.lstrip(b"\0")
            if not chunk:
                chunk = stream.read(_CHUNK_BYTES)
                continue
            unpacker = zlib.decompressobj(_GZIP)
        total += len(unpacker.decompress(chunk, _CHUNK_BYTES))
        chunk = unpacker.unconsumed_tail or unpacker.unused_data or stream.read(_CHUNK_BYTES)
    if not unpacker.eof:
        total += len(unpacker.flush())
    return total if unpacker.eof else None
