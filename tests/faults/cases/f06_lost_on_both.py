"""F6: a frame is lost on both sides: no comparison of the two can see it, its number can."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Delete the fourth frame at the telescope and on the archive."""
    stage.here(3).unlink()
    stage.there(3).unlink()


def after(stage: Stage, found: Found) -> None:
    """A person may accept it, with a reason, and only then it is green."""
    night = f"{stage.night():%Y%m%d}"
    assert stage.call("accept", "-i", "sha", "-d", night, "--frames", "4", "--reason", "never taken").status == 0
    assert stage.call("verify").status == 0


FAULT = Fault(
    "F6",
    "a frame is lost on both sides",
    make,
    verify(),
    "different: 1 frame numbers absent",
    after=after,
    peers=STANDARD,
)
