"""F3: a frame on the archive is cut short, and is newer than the source's: for ``rsync -u`` a loss for ever."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.faults.stage import cut


def make(stage: Stage) -> None:
    """Cut one frame by half, now."""
    cut(stage.there(2))


def after(stage: Stage, found: Found) -> None:
    """A newer time is no excuse: the next sync mends it."""
    stage.mended()


FAULT = Fault(
    "F3",
    "a frame on the archive is cut short and newer than the source's",
    make,
    verify(),
    "different: 1 size differs",
    after=after,
    peers=STANDARD,
)
