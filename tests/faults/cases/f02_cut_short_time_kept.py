"""F2: a frame on the archive is cut short; its modification time stays."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.faults.stage import cut, times_kept


def make(stage: Stage) -> None:
    """Cut one frame by half."""
    with times_kept(stage.there(2)):
        cut(stage.there(2))


def after(stage: Stage, found: Found) -> None:
    """The next sync mends it."""
    stage.mended()


FAULT = Fault(
    "F2",
    "a frame on the archive is cut short, modification time kept",
    make,
    verify(),
    "different: 1 size differs",
    after=after,
    peers=STANDARD,
)
