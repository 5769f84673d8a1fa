"""D14: data that come late by more than a night are never looked for."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Put frames into the night of five days ago, on the source alone."""
    stage.expose([stage.ends[0]], [1, 2, 3], back=5)


def after(stage: Stage, found: Found) -> None:
    """They are carried like any."""
    stage.mended()


FAULT = Fault(
    "D14",
    "a night's frames come five nights late",
    make,
    verify(),
    "different: 3 missing",
    after=after,
    peers=STANDARD,
)
