"""N11: empty against empty passes."""

from __future__ import annotations

import shutil

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Empty both, markers and all."""
    for root in (stage.source, stage.destination):
        shutil.rmtree(root)
        root.mkdir()
    stage.frames.clear()


def after(stage: Stage, found: Found) -> None:
    """Green with nothing compared takes proof of the root."""
    assert found.status == 3


FAULT = Fault(
    "N11",
    "both sides are empty, and nothing proves that they are the roots",
    make,
    verify(),
    "unknown",
    after=after,
    peers=STANDARD,
)
