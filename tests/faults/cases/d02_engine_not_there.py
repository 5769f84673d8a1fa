"""D2: a check is configured and never made: here the engine that is asked for does not exist."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Ask for rsync, and name a program that is not there."""
    stage.change_host("archive", rsync_path="/nowhere/rsync")
    copies = [stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer={"engine": "rsync"})]
    stage.declare("sha", copies=copies)
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """It says what is asked for and lacking; nothing moved by another engine in silence."""
    assert not stage.there(2).exists()


FAULT = Fault(
    "D2",
    "the site asks for rsync, and the archive has none",
    make,
    sync(),
    "unknown",
    says=("rsync",),
    after=after,
)
