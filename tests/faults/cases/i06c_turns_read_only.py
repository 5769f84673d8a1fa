"""I6: a file system finds an error in itself while a frame is written, and turns read only."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.midway import slow_frames, synced_and_struck
from tests.faults.mounts import Mounted


def make(stage: Stage) -> None:
    """Put the archive on ext4, and a frame of 6 MB and a slow line before it."""
    stage.seen["mounted"] = Mounted(stage, "ext4", "24M")
    (large,) = slow_frames(stage, 7)
    stage.seen["large"] = stage.destination / large


def ask(stage: Stage) -> Found:
    """Sync; once bytes are on their way the kernel is told that the disk is damaged."""

    def strike() -> None:
        mounted = stage.seen["mounted"]
        mounted.does("sh", "-c", f"echo 1 >/sys/fs/ext4/{mounted.device}/trigger_fs_error")

    found = synced_and_struck(stage, strike)
    assert found.status in (1, 3), found
    return Found(
        "nothing published" if not stage.seen["large"].exists() else "published", found.status, {}, found.reason
    )


def after(stage: Stage, found: Found) -> None:
    """What was there before can still be read, and is proven."""
    assert stage.call("verify", "--level", "checksum", "--json").hop["missing"] == [
        str(stage.seen["large"].relative_to(stage.destination))
    ]


FAULT = Fault(
    "I6c",
    "the archive's disk turns read only while a frame is written (a real file system)",
    make,
    ask,
    "nothing published",
    after=after,
)
