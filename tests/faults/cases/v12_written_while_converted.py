"""V12: a folder that is still being written is processed."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command
from tests.observatory import age


def make(stage: Stage) -> None:
    """Declare a step, and write the last frame just now."""
    step = {"step": "command", "run": ["cp", "{input}", "{input}.x"], "inputs": ["*.fits"], "outputs": ["{input}.x"]}
    copies = [stage.copy(end) for end in stage.ends]
    stage.declare("sha", copies=copies, convert={"steps": [step | {"copy": stage.ends[0]}]})
    age(stage.here(5), 1)


def after(stage: Stage, found: Found) -> None:
    """That one waits; the five others have their products."""
    products = {path.name for path in stage.source.rglob("*.x")}
    assert len(products) == 5
    assert stage.here(5).name + ".x" not in products


FAULT = Fault(
    "V12",
    "a step is due while a frame is still being written",
    make,
    command("convert"),
    "exit 0",
    after=after,
    source_changes=True,
)
