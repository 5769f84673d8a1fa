"""I16: a real file system has room for bytes and for no more names: its inodes are used up."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync
from tests.faults.mounts import Mounted


def make(stage: Stage) -> None:
    """Make a file system of 40 inodes, and use them up with empty files; one frame is missing."""
    Mounted(stage, "ext4", "8M", "-N 40")
    stage.there(2).unlink()
    litter = stage.destination / "litter"
    litter.mkdir()
    for number in range(100):
        try:
            (litter / str(number)).touch()
        except OSError as full:
            stage.seen["full"] = full.strerror
            break


def after(stage: Stage, found: Found) -> None:
    """It is said why; with names to give again it is carried."""
    assert stage.seen["full"] == "No space left on device"
    assert not stage.there(2).exists()
    for path in (stage.destination / "litter").iterdir():
        path.unlink()
    (stage.destination / "litter").rmdir()
    stage.mended()


FAULT = Fault(
    "I16",
    "the archive's disk has room, and no inode left (a real file system)",
    make,
    sync(),
    "unknown",
    says=("No space left",),
    after=after,
)
