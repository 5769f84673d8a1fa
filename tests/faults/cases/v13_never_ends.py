"""V13: a program never ends, and everything waits for it."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command


def make(stage: Stage) -> None:
    """Declare a step that sleeps for an hour and is given a second."""
    run = ["sh", "-c", "sleep 3600", "{input}"]
    step = {"step": "command", "run": run, "inputs": ["*.0001.fits"], "outputs": ["{input}.x"]}
    copies = [stage.copy(end) for end in stage.ends]
    stage.declare("sha", copies=copies, convert={"steps": [step | {"copy": stage.ends[0], "timeout_s": 1}]})


def after(stage: Stage, found: Found) -> None:
    """It was ended, and said."""
    assert not list(stage.source.rglob("*.x"))


FAULT = Fault(
    "V13",
    "a step's program hangs",
    make,
    command("convert"),
    "exit 1",
    after=after,
)
