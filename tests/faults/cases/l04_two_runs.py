"""L4: two runs of one instrument at once."""

from __future__ import annotations

from nightferry.locks import instrument_lock
from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Hold the instrument's lock."""
    stage.there(2).unlink()
    stage.closing.enter_context(instrument_lock(stage.state, "sha"))


def after(stage: Stage, found: Found) -> None:
    """Exit 4, and nothing was done by the second; verify needs no lock."""
    assert found.status == 4
    assert not stage.there(2).exists()
    assert stage.call("verify").status == 1


FAULT = Fault(
    "L4",
    "a second run begins while one works",
    make,
    sync(),
    "error",
    says=("another run",),
    after=after,
)
