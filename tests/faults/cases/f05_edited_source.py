"""F5: somebody edits a frame at the telescope in place; size and modification time stay."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.faults.stage import flip
from tests.observatory import ours


def make(stage: Stage) -> None:
    """Change one pixel of a frame on the source."""
    flip(stage.here(2), at=2900)


def after(stage: Stage, found: Found) -> None:
    """What the archive held is not thrown away when the newer bytes come."""
    stage.mended("--level", "checksum")
    kept = [path for path in ours(stage.destination) if path.startswith("replaced/")]
    assert [path.split("/", 2)[2] for path in kept] == [stage.frames[2]]


FAULT = Fault(
    "F5",
    "a frame is edited in place at the telescope, size and modification time kept",
    make,
    verify("--level", "checksum"),
    "different: 1 checksum differs",
    after=after,
    peers=STANDARD,
)
