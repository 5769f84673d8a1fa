"""D11: a setting with an unknown suffix leaves a variable unset, and the job goes on without it."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Write a duration as a person might; a frame is missing."""
    stage.there(2).unlink()
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], settle_s="5 fortnights")


def after(stage: Stage, found: Found) -> None:
    """File, line and key are named, nothing was done; put right, it goes."""
    assert found.status == 2
    assert "sha.yaml" in found.reason and not stage.there(2).exists()
    assert stage.call("verify", "--log-format", "xml").status == 2
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], settle_s=300)
    stage.mended()


FAULT = Fault(
    "D11",
    "a setting is written with a suffix that nobody knows",
    make,
    sync(),
    "error",
    says=("settle_s",),
    after=after,
)
