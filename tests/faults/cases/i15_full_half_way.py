"""I15: a real file system fills up half-way through a frame, although there was room when it was planned."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.midway import at_full_speed, slow_frames, synced_and_struck
from tests.faults.mounts import Mounted


def make(stage: Stage) -> None:
    """Put the archive on 10 MB, and a frame of 6 MB and a slow line before it."""
    Mounted(stage, "tmpfs", "10M")
    (large,) = slow_frames(stage, 7)
    stage.seen["large"] = stage.destination / large


def ask(stage: Stage) -> Found:
    """Sync; once bytes are on their way another program takes all the room."""

    def fill() -> None:
        with (stage.destination / "another").open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(b"x" * 65536)
            except OSError as full:
                stage.seen["full"] = full.strerror

    found = synced_and_struck(stage, fill)
    (stage.destination / "another").unlink()
    return found


def after(stage: Stage, found: Found) -> None:
    """Of the large one nothing is there; with room again it is carried."""
    assert stage.seen["full"] == "No space left on device"
    assert not stage.seen["large"].exists()
    at_full_speed(stage)
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
