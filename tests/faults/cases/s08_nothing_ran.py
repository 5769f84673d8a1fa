"""S8: the job did not run at all, and silence is taken for success."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command


def make(stage: Stage) -> None:
    """Nothing: no run was ever begun."""


def after(stage: Stage, found: Found) -> None:
    """After a run it is content."""
    assert stage.call("run").status == 0
    assert stage.call("status", "--max-age", "26h").status == 0


FAULT = Fault(
    "S8",
    "no run finished within a day",
    make,
    command("status", "--max-age", "26h"),
    "exit 3",
    after=after,
)
