"""I2: the disk beneath a real file system ends too early: what lies beyond cannot be read (EIO)."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Found, Stage, verify
from tests.faults.mounts import Mounted
from tests.observatory import fits_file


def make(stage: Stage) -> None:
    """Fill an ext4 with a large frame, forget what the kernel remembers of it, and cut the disk's end off."""
    large = stage.frame(7)
    for end in stage.ends:
        stage.put(end, large, fits_file(12_000_000, seed=7))
    mounted = Mounted(stage, "ext4", "24M")
    mounted.does("sync", "-f", str(mounted.root))
    with (stage.destination / large).open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    mounted.does("blockdev", "--flushbufs", f"/dev/{mounted.device}")
    os.truncate(mounted.image, 12_000_000)
    with mounted.image.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def after(stage: Stage, found: Found) -> None:
    """Exit 3: nothing is called different, or missing, that nobody could read."""
    assert found.status == 3


FAULT = Fault(
    "I2b",
    "the archive's disk breaks away beneath its file system (EIO from a real one)",
    make,
    verify("--level", "checksum"),
    "unknown: 1 unreadable, 1 not comparable",
    after=after,
    has_trees=False,
)
