"""Files of this machine read by ourselves: opened, hashed, judged, with a pulse that tells how far that is.

Who watches the pulse is watched.py's.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from typing import BinaryIO

from observatory.endpoints import shell
from observatory.endpoints.contract import Hashed, Inspection
from observatory.endpoints.walk import join, reason_of
from observatory.endpoints.watched import Pulse, PulsingFile
from observatory.formats import whole


def open_regular(path: bytes) -> BinaryIO:
    """Open a regular file for reading; a pipe or device is refused rather than waited for."""
    return os.fdopen(_opened(path), "rb")


def _opened(path: bytes) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(22, "not a regular file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def hashed(root: bytes, path: bytes, pulse: Pulse, block: bytearray) -> Hashed:
    """Hash one file; `block` is room to read into."""
    if not shell.is_below(path):
        return Hashed(path, None, shell.NOT_BELOW)
    try:
        return Hashed(path, _hash_file(join(root, path), pulse, block))
    except OSError as error:
        return Hashed(path, None, reason_of(error))


def _hash_file(path: bytes, pulse: Pulse, block: bytearray) -> str:
    """Return the SHA-256 of a file, read from its disk as far as the system lets go of what it has cached."""
    digest, view = hashlib.sha256(), memoryview(block)
    with PulsingFile(_opened(path), pulse) as stream:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while count := stream.readinto(block):
            digest.update(view[:count])
    return digest.hexdigest()


def inspected(root: bytes, path: bytes, sums: bool, pulse: Pulse) -> Inspection:
    """Judge one file by its own structure."""
    if not shell.is_below(path):
        return Inspection(path, "unreadable", shell.NOT_BELOW)
    state, reason = _judged(join(root, path), sums, pulse)
    return shell.inspection(path, f"={state} {reason}".encode("utf-8", "replace"))


def _judged(path: bytes, sums: bool, pulse: Pulse) -> tuple[str, str]:
    if whole.format_of(path) is None:
        return whole.judge(path)
    try:
        with io.BufferedReader(PulsingFile(_opened(path), pulse)) as stream:
            return whole.judge_stream(path, stream, os.fstat(stream.fileno()).st_size, sums)
    except OSError as error:
        return "unreadable", reason_of(error)
