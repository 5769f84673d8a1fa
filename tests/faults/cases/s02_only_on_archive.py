"""S2: one direction only is looked at: what the source lost is never seen."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Delete one frame at the telescope, as somebody who frees space does."""
    stage.here(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """It stays where it is."""
    assert stage.call("sync").status == 0
    assert stage.there(2).exists()


FAULT = Fault(
    "S2",
    "a frame is on the archive and no more at the telescope",
    make,
    verify("--reverse"),
    "different: 1 extra, 1 frame numbers absent",
    after=after,
    peers=STANDARD,
)
