"""F4: a frame on the archive has no bytes at all, and is newer than the source's."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.faults.stage import cut


def make(stage: Stage) -> None:
    """Empty one frame."""
    cut(stage.there(2), to=0)


def after(stage: Stage, found: Found) -> None:
    """The next sync mends it."""
    stage.mended()


FAULT = Fault(
    "F4",
    "a frame on the archive is empty, as a full disk leaves it",
    make,
    verify(),
    "different: 1 size differs",
    after=after,
    peers=STANDARD,
)
