"""Where a program at a far end can be struck: every call that changes a disk, counted once and then hit one by one.

strace counts and strikes, by call and thread. Leaves to far.py which program that is, and to everywhere.py how many of
the points are tried.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "write",
    "pwrite64",
    "writev",
    "copy_file_range",
    "sendfile",
    "ftruncate",
    "fsync",
    "fdatasync",
    "syncfs",
    "sync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "utimensat",
    "fchmod",
    "chmod",
)
FATES = ("kill", "EIO", "ENOSPC", "EDQUOT", "ESTALE")
"""What befalls a call: the process dies at it, or the kernel says that it failed."""
_QUICKLY = ("strace", "-f", "--seccomp-bpf", "-qq")
_LINE = re.compile(rb"^(\d+) +(\w+)\(")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One call of a program and what befalls it; `number` counts the calls of that kind in each thread, from 1."""

    call: str
    number: int
    fate: str

    def __str__(self) -> str:
        """Name it: ``rename 3: kill``."""
        return f"{self.call} {self.number}: {self.fate}"


def counting(log: Path) -> list[str]:
    """Return the words before a program that have its calls written down."""
    return [*_QUICKLY, "-o", str(log), "-e", f"trace={','.join(CALLS)}", "-e", "signal=none"]


def striking(point: Point) -> list[str]:
    """Return the words before a program that let one point befall it."""
    how = "signal=KILL" if point.fate == "kill" else f"error={point.fate}"
    inject = f"inject={point.call}:{how}:when={point.number}"
    return [*_QUICKLY, "-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject, "-e", "signal=none"]


def counted(log: Path) -> dict[str, int]:
    """Return for each kind of call how often the busiest thread made it."""
    per_thread: Counter[tuple[bytes, bytes]] = Counter()
    for line in log.read_bytes().splitlines():
        found = _LINE.match(line)
        if found is not None:
            per_thread[found[1], found[2]] += 1
    most: dict[str, int] = {}
    for (_, call), count in per_thread.items():
        name = call.decode()
        most[name] = max(most.get(name, 0), count)
    return most
