"""D13: a source that is half there: a mirror would erase the rest."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, sync
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Take most of last night's frames from the source, after a sync that saw them."""
    assert stage.call("sync").status == 0
    for index in range(1, 6):
        stage.here(index).unlink()


def after(stage: Stage, found: Found) -> None:
    """Nothing was deleted; a person may say that it may be so."""
    assert found.status == 3
    assert len(tree(stage.destination)) == len(stage.frames)
    assert stage.call("sync", "--accept-loss", f"telescope:{stage.source}").status == 0


FAULT = Fault(
    "D13",
    "the source suddenly holds less than half of its files",
    make,
    sync(),
    "unknown",
    says=("an earlier run saw 6", "--accept-loss"),
    after=after,
    peers=STANDARD,
)
