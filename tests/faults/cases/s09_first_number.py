"""S9: numbers are looked at only between the lowest and the highest there is."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Stage, verify


def make(stage: Stage) -> None:
    """Delete frames 1 and 2 everywhere; the specification says that numbers begin at 1."""
    copies = [stage.copy(end) for end in stage.ends]
    stage.declare("sha", copies=copies, sequence={"pattern": "SHA_{night}.{number}.fits", "start": 1})
    for index in (0, 1):
        stage.here(index).unlink()
        stage.there(index).unlink()


FAULT = Fault(
    "S9",
    "the first two frames of a night are on neither side",
    make,
    verify(),
    "different: 2 frame numbers absent",
    peers=STANDARD,
)
