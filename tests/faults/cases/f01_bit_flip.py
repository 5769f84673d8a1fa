"""F1: a bit flips on the archive's disk; size and modification time stay."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.faults.stage import flip


def make(stage: Stage) -> None:
    """Flip the last bit of one frame on the archive."""
    flip(stage.there(2))


def after(stage: Stage, found: Found) -> None:
    """The same level at which it was found mends it."""
    stage.mended("--level", "checksum")


FAULT = Fault(
    "F1",
    "one bit of a frame flips on the archive, size and modification time kept",
    make,
    verify("--level", "checksum"),
    "different: 1 checksum differs",
    after=after,
    peers=STANDARD,
)
