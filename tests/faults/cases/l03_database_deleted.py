"""L3: the database is deleted."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Delete it, after a night's work; a frame is missing."""
    assert stage.call("run").status == 0
    for path in stage.state.glob("catalogue.db*"):
        path.unlink()
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """What is where never depended on it."""
    stage.mended()


FAULT = Fault(
    "L3",
    "the database is deleted",
    make,
    verify(),
    "different: 1 missing",
    after=after,
)
