"""D1: a step's program fails, and the night is all the same recorded as done."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command


def make(stage: Stage) -> None:
    """Declare a step on the archive that always fails."""
    step = {"step": "command", "run": ["false", "{input}"], "inputs": ["*.fits"], "outputs": ["{input}.x"]}
    copies = [stage.copy(end) for end in stage.ends]
    stage.declare("sha", copies=copies, convert={"steps": [step | {"copy": stage.ends[1]}]})


def after(stage: Stage, found: Found) -> None:
    """It is due again the next time, and the status never calls it done."""
    assert stage.call("convert").status == 1


FAULT = Fault(
    "D1",
    "a program of a step fails on every file",
    make,
    command("convert"),
    "exit 1",
    after=after,
)
