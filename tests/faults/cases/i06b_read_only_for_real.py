"""I6: a real file system is remounted read only before a sync begins."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync
from tests.faults.mounts import Mounted


def make(stage: Stage) -> None:
    """Remount; one frame is missing."""
    mounted = Mounted(stage, "tmpfs", "8M")
    stage.there(2).unlink()
    mounted.remount("ro")
    stage.seen["mounted"] = mounted


def after(stage: Stage, found: Found) -> None:
    """A verify, which only reads, says what is there; writable again, it is mended."""
    assert stage.call("verify").status == 1
    stage.seen["mounted"].remount("rw")
    stage.mended()


FAULT = Fault(
    "I6b",
    "the archive's disk was remounted read only (a real file system)",
    make,
    sync(),
    "unknown",
    says=("Read-only file system",),
    after=after,
)
