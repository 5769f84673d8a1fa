"""B10: a source is deleted although its copy was not verified."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync
from tests.observatory import tree


def make(stage: Stage) -> None:
    """One frame is missing."""
    stage.there(2).unlink()
    stage.seen["tree"] = tree(stage.source)


def after(stage: Stage, found: Found) -> None:
    """Nothing at the telescope is freed by a sync."""
    assert tree(stage.source) == stage.seen["tree"]


FAULT = Fault(
    "B10",
    "a sync goes well: nothing is deleted for that",
    make,
    sync(),
    "ok: 1 transferred",
    after=after,
)
