"""S8: one instrument's run is taken for all: the other's job has died long ago."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command


def make(stage: Stage) -> None:
    """Declare a second instrument, and verify the first alone."""
    stage.declare("shb", copies=[stage.copy(end, "shb") for end in stage.ends])
    for end in stage.ends:
        stage.mark(end, "shb")
    assert stage.call("verify", "-i", "sha").status == 0


def after(stage: Stage, found: Found) -> None:
    """Asked for the first alone all is well; when the other ran too, so it is for both."""
    assert stage.call("status", "--max-age", "26h", "-i", "sha").status == 0
    assert stage.call("verify", "-i", "shb").status == 0
    assert stage.call("status", "--max-age", "26h").status == 0


FAULT = Fault(
    "S8b",
    "of two instruments one alone was looked at within a day",
    make,
    command("status", "--max-age", "26h"),
    "exit 3",
    says=("no run of shb",),
    after=after,
)
