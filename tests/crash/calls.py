"""The calls that change a disk: their numbers, how each names its file, and the filter that lets them be heard.

Leaves hearing and answering to layer.py. Numbers of calls: the kernel's tables for x86_64 and (generic) aarch64.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

_MACHINE = 0xC000003E if platform.machine() == "x86_64" else 0xC00000B7
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_HEARD, _ALLOWED = 0x7FC00000, 0x7FFF0000
_HERE = 0xFFFFFF9C
"""AT_FDCWD, as 32 bits."""
_UNNAMED = os.O_TMPFILE & ~os.O_DIRECTORY
"""The bit of a file without a name; any folder is opened with the other one."""

_X86_64 = {
    "write": 1, "pwrite64": 18, "writev": 20, "sendfile": 40, "pwritev": 296, "pwritev2": 328, "copy_file_range": 326,
    "splice": 275,
    "fallocate": 285, "ftruncate": 77, "truncate": 76, "fsync": 74, "fdatasync": 75, "syncfs": 306,
    "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88, "symlinkat": 266,
    "unlink": 87, "unlinkat": 263, "rmdir": 84, "mkdir": 83, "mkdirat": 258, "utimensat": 280,
    "fchmod": 91, "chmod": 90, "fchmodat": 268, "fchown": 93, "chown": 92, "fchownat": 260,
    "open": 2, "openat": 257, "seccomp": 317,
}  # fmt: skip
_AARCH64 = {
    "write": 64, "pwrite64": 68, "writev": 66, "sendfile": 71, "pwritev": 70, "pwritev2": 287, "copy_file_range": 285,
    "splice": 76,
    "fallocate": 47, "ftruncate": 46, "truncate": 45, "fsync": 82, "fdatasync": 83, "syncfs": 267,
    "renameat": 38, "renameat2": 276, "linkat": 37, "symlinkat": 36,
    "unlinkat": 35, "mkdirat": 34, "utimensat": 88,
    "fchmod": 52, "fchmodat": 53, "fchown": 55, "fchownat": 54,
    "openat": 56, "seccomp": 277,
}  # fmt: skip
NUMBERS = _X86_64 if platform.machine() == "x86_64" else _AARCH64


class Kind(Enum):
    """What a call does to a disk."""

    CREATE = "create"
    WRITE = "write"
    SIZE = "size"
    SYNC = "sync"
    SYNC_ALL = "sync of the file system"
    RENAME = "rename"
    LINK = "link"
    REMOVE = "remove"
    FOLDER = "mkdir"
    FACTS = "times or mode"


CREATING = frozenset({Kind.CREATE, Kind.WRITE, Kind.SIZE, Kind.LINK, Kind.FOLDER})
"""Take room: on a full disk they fail."""

_BY_DESCRIPTOR = {
    "write": (Kind.WRITE, 0), "pwrite64": (Kind.WRITE, 0), "writev": (Kind.WRITE, 0), "sendfile": (Kind.WRITE, 0),
    "pwritev": (Kind.WRITE, 0), "pwritev2": (Kind.WRITE, 0), "copy_file_range": (Kind.WRITE, 2),
    "splice": (Kind.WRITE, 2),
    "fallocate": (Kind.SIZE, 0), "ftruncate": (Kind.SIZE, 0),
    "fsync": (Kind.SYNC, 0), "fdatasync": (Kind.SYNC, 0), "syncfs": (Kind.SYNC_ALL, 0),
    "fchmod": (Kind.FACTS, 0), "fchown": (Kind.FACTS, 0),
}  # fmt: skip
"""The argument that is the open file."""
_BY_PATH = {
    "truncate": (Kind.SIZE, None, 0),
    "rename": (Kind.RENAME, None, 1), "renameat": (Kind.RENAME, 2, 3), "renameat2": (Kind.RENAME, 2, 3),
    "link": (Kind.LINK, None, 1), "linkat": (Kind.LINK, 2, 3),
    "symlink": (Kind.LINK, None, 1), "symlinkat": (Kind.LINK, 1, 2),
    "unlink": (Kind.REMOVE, None, 0), "unlinkat": (Kind.REMOVE, 0, 1), "rmdir": (Kind.REMOVE, None, 0),
    "mkdir": (Kind.FOLDER, None, 0), "mkdirat": (Kind.FOLDER, 0, 1),
    "utimensat": (Kind.FACTS, 0, 1), "chmod": (Kind.FACTS, None, 0), "fchmodat": (Kind.FACTS, 0, 1),
    "chown": (Kind.FACTS, None, 0), "fchownat": (Kind.FACTS, 0, 1),
    "open": (Kind.CREATE, None, 0), "openat": (Kind.CREATE, 0, 1),
}  # fmt: skip
"""The arguments that are the open folder, if any, and the path; of two paths the new one."""
_FROM = {"rename": (None, 0), "renameat": (0, 1), "renameat2": (0, 1), "link": (None, 0), "linkat": (0, 1)}
"""The same of the old path."""
_NAMES = {number: name for name, number in NUMBERS.items()}
_OPENING = {"open": 1, "openat": 2}
"""The argument that holds the flags."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that changes a disk.

    Attributes
    ----------
    kind : Kind
    path : bytes
        Of the file or folder that it changes.
    is_alone : bool
        The program itself makes it, not one that it has started.
    origin : bytes
        Of what is renamed or linked the old path.
    """

    kind: Kind
    path: bytes
    is_alone: bool = True
    origin: bytes = b""

    def __str__(self) -> str:
        """Name it: ``rename …/SHA_1.fits``."""
        who = "" if self.is_alone else " (by another process)"
        return f"{self.kind.value} …{os.fsdecode(self.path[-60:])}{who}"


def filter_words() -> list[tuple[int, int, int, int]]:
    """Return the filter's instructions: code, steps to jump if so, if not, and operand."""
    words = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _MACHINE), (_RETURN, 0, 0, _ALLOWED), (_LOAD, 0, 0, 0)]
    for name in (*_BY_DESCRIPTOR, *_BY_PATH):
        if name not in NUMBERS or name in _OPENING:
            continue
        words += [(_EQUAL, 0, 1, NUMBERS[name]), (_RETURN, 0, 0, _HEARD)]
    for name, flags in _OPENING.items():
        if name in NUMBERS:
            words += [
                (_EQUAL, 0, 4, NUMBERS[name]),
                (_LOAD, 0, 0, 16 + 8 * flags),
                (_ANY_BIT, 0, 1, os.O_CREAT | os.O_TRUNC | _UNNAMED),
                (_RETURN, 0, 0, _HEARD),
                (_RETURN, 0, 0, _ALLOWED),
            ]
    return [*words, (_RETURN, 0, 0, _ALLOWED)]


def call_of(process: int, number: int, arguments: Sequence[int]) -> Call | None:
    """Return what a call changes; None: no file or folder, as a pipe, or the process is gone."""
    name = _NAMES[number]
    try:
        if name in _BY_DESCRIPTOR:
            kind, which = _BY_DESCRIPTOR[name]
            return _of_descriptor(kind, process, arguments[which])
        kind, folder, which = _BY_PATH[name]
        if name == "utimensat" and arguments[which] == 0:
            return _of_descriptor(kind, process, arguments[0])
        return Call(kind, _path(process, arguments, folder, which), origin=_origin(process, name, arguments))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH, errno.EIO, errno.ENOTDIR):
            return None
        raise


def _of_descriptor(kind: Kind, process: int, descriptor: int) -> Call | None:
    link = f"/proc/{process}/fd/{descriptor & 0xFFFFFFFF}"
    mode = os.stat(link).st_mode  # noqa: PTH116 - names are bytes
    return Call(kind, os.readlink(os.fsencode(link))) if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else None  # noqa: PTH115


def _origin(process: int, name: str, arguments: Sequence[int]) -> bytes:
    path = _path(process, arguments, *_FROM[name]) if name in _FROM else b""
    return os.readlink(path) if path.startswith(b"/proc/") else path  # noqa: PTH115


def _path(process: int, arguments: Sequence[int], folder: int | None, which: int) -> bytes:
    path = _text(process, arguments[which])
    if path.startswith(b"/"):
        return path
    is_here = folder is None or arguments[folder] & 0xFFFFFFFF == _HERE
    base = f"/proc/{process}/cwd" if is_here else f"/proc/{process}/fd/{arguments[folder or 0] & 0xFFFFFFFF}"
    return os.readlink(os.fsencode(base)) + b"/" + path  # noqa: PTH115


def unsynced(calls: Sequence[Call], is_final: Callable[[bytes], bool]) -> list[Call]:
    """Return the renames and links that gave a file its final name before its bytes were brought to disk.

    After a power cut such a name may stand over nothing, which a killed process never shows.
    """
    dirty: set[bytes] = set()
    found = []
    for call in calls:
        if call.kind in (Kind.CREATE, Kind.WRITE, Kind.SIZE):
            dirty.add(call.path)
        elif call.kind is Kind.SYNC:
            dirty.discard(call.path)
        elif call.kind is Kind.SYNC_ALL:
            dirty.clear()
        elif call.kind in (Kind.RENAME, Kind.LINK) and call.origin in dirty:
            dirty.add(call.path)
            if is_final(call.path):
                found.append(call)
        elif call.kind is Kind.REMOVE:
            dirty.discard(call.path)
    return found


def _text(process: int, address: int) -> bytes:
    memory = os.open(f"/proc/{process}/mem", os.O_RDONLY)
    try:
        return os.pread(memory, 4096, address).partition(b"\0")[0]
    finally:
        os.close(memory)
