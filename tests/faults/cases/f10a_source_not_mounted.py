"""F10: the source's disk is not mounted, and its mount point is an empty folder."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, outcome_of, verdict_of
from tests.faults.peers import erasing
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Put an empty folder in the place of the source's root."""
    stage.source.rename(stage.source.with_name("disk"))
    stage.source.mkdir()


def ask(stage: Stage) -> Found:
    """Sync first: it must not believe it either."""
    stage.seen["sync"] = outcome_of(stage.call("sync", "--json"))
    return verdict_of(stage.call("verify", "--reverse", "--json"))


def after(stage: Stage, found: Found) -> None:
    """Not a file of the archive is touched; mounted again, all is well."""
    assert (stage.seen["sync"].state, stage.seen["sync"].status, found.status) == ("unknown", 3, 3)
    assert len(tree(stage.destination)) == len(stage.frames)
    stage.source.rmdir()
    stage.source.with_name("disk").rename(stage.source)
    stage.is_whole()


FAULT = Fault(
    "F10a",
    "the source's disk is not mounted: its root is an empty folder",
    make,
    ask,
    "unknown",
    ("mounted",),
    after,
    peers=erasing,
)
