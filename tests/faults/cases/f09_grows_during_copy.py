"""F9: a file grows while it is copied: rsync calls that success by design."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, outcome_of
from tests.faults.midway import slow_frames, struck_midway


def make(stage: Stage) -> None:
    """Give the night one large frame and a line that needs a second for it."""
    (large,) = slow_frames(stage, 7, size_bytes=8_000_000, seconds=1)
    stage.seen["large"] = stage.source / large


def ask(stage: Stage) -> Found:
    """Sync, and write on while it goes."""

    def grow() -> None:
        with stage.seen["large"].open("ab") as stream:
            stream.write(b"more" * 1000)

    with struck_midway(stage, grow):
        return outcome_of(stage.call("sync", "--json"))


def after(stage: Stage, found: Found) -> None:
    """Nothing of it was published."""
    assert len(list(stage.there().parent.iterdir())) == len(stage.frames)


FAULT = Fault(
    "F9",
    "a file grows while it is copied",
    make,
    ask,
    "different: 1 failed",
    ("changed while it was copied",),
    after,
    source_changes=True,
)
