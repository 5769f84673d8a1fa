"""S5: a file that is still being written is called missing."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.observatory import age, fits_file


def make(stage: Stage) -> None:
    """Write a frame now."""
    stage.put(stage.ends[0], stage.frame(7), fits_file(seed=7), age_s=1)


def after(stage: Stage, found: Found) -> None:
    """It is neither copied nor missing; grown old, it is carried."""
    assert stage.call("sync", "--json").hop["in_progress"] == [stage.frame(7)]
    age(stage.source / stage.frame(7), 3600)
    stage.mended()


FAULT = Fault(
    "S5",
    "a frame is still being written at nine in the morning",
    make,
    verify(),
    "ok: 1 in progress",
    after=after,
    peers=STANDARD,
)
