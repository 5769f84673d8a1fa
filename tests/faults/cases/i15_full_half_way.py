"""I15: a real file system fills up half-way through a frame, although there was room when it was planned."""

from __future__ import annotations

import threading

from tests.faults.battery import Fault, Found, Stage, sync
from tests.faults.mounts import Mounted
from tests.faults.stage import under_way, wait_for
from tests.observatory import fits_file


def make(stage: Stage) -> None:
    """Put the archive on 10 MB, and a frame of 6 MB and a slow line before it."""
    Mounted(stage, "tmpfs", "10M")
    large = stage.frames[0].replace(".0001.", ".0007.")
    stage.put(stage.ends[0], large, fits_file(6_000_000, seed=7))
    slowly = stage.copy(stage.ends[1], transfer={"rate_bytes_per_s": 2_000_000})
    stage.declare("sha", copies=[stage.copy(stage.ends[0]), slowly])
    stage.seen["large"] = stage.destination / large


def ask(stage: Stage) -> Found:
    """Sync; once bytes are on their way another program takes all the room."""

    def fill() -> None:
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        with (stage.destination / "another").open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(b"x" * 65536)
            except OSError as full:
                stage.seen["full"] = full.strerror

    fills = threading.Thread(target=fill)
    fills.start()
    try:
        found = sync()(stage)
    finally:
        fills.join()
    (stage.destination / "another").unlink()
    return found


def after(stage: Stage, found: Found) -> None:
    """Of the large one nothing is there; with room again it is carried."""
    assert stage.seen["full"] == "No space left on device"
    assert not stage.seen["large"].exists()
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends])
    stage.mended()


FAULT = Fault(
    "I15",
    "another program fills the archive's disk while a frame is written (a real file system)",
    make,
    ask,
    "different: 1 failed",
    says=("no space left",),
    after=after,
)
