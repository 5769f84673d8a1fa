"""I6: a file system finds an error in itself while a frame is written, and turns read only."""

from __future__ import annotations

import threading

from tests.faults.battery import Fault, Found, Stage, sync
from tests.faults.mounts import Mounted
from tests.faults.stage import under_way, wait_for
from tests.observatory import fits_file


def make(stage: Stage) -> None:
    """Put the archive on ext4, and a frame of 6 MB and a slow line before it."""
    stage.seen["mounted"] = Mounted(stage, "ext4", "24M")
    large = stage.frames[0].replace(".0001.", ".0007.")
    stage.put(stage.ends[0], large, fits_file(6_000_000, seed=7))
    slowly = stage.copy(stage.ends[1], transfer={"rate_bytes_per_s": 2_000_000})
    stage.declare("sha", copies=[stage.copy(stage.ends[0]), slowly])
    stage.seen["large"] = stage.destination / large


def ask(stage: Stage) -> Found:
    """Sync; once bytes are on their way the kernel is told that the disk is damaged."""

    def strike() -> None:
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        mounted = stage.seen["mounted"]
        mounted.does("sh", "-c", f"echo 1 >/sys/fs/ext4/{mounted.device}/trigger_fs_error")

    strikes = threading.Thread(target=strike)
    strikes.start()
    try:
        found = sync()(stage)
    finally:
        strikes.join()
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
