"""D2: a check is configured and never made: here the frame numbers are looked for in names that no file bears."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Slip in the pattern; a frame is lost on both sides, which its number alone would tell."""
    stage.here(2).unlink()
    stage.there(2).unlink()
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], sequence="SHB_{night}.{number}.fits")


def after(stage: Stage, found: Found) -> None:
    """Refused before anything is done; put right, the loss is seen."""
    assert found.status == 2
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], sequence="SHA_{night}.{number}.fits")
    assert stage.call("verify", "--json").hop["sequence_gaps"][0]["numbers"] == [3]


FAULT = Fault(
    "D2b",
    "holes in the numbers are looked for in names that no file bears",
    make,
    verify(),
    "error",
    says=("no hole would ever be seen",),
    after=after,
)
