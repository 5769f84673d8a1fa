"""N21: two computers of one instrument number their frames alike, and one archive is filled from both."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, outcome_of
from tests.observatory import fits_file, tree

OTHER = "other"


def make(stage: Stage) -> None:
    """Give a second source frames of the same names and sizes and other bytes; one is its own."""
    stage.add_local(OTHER, "other.test")
    first, archive = stage.ends
    copies = [stage.copy(first, origin=True), stage.copy(OTHER, origin=True), stage.copy(archive, from_=[first, OTHER])]
    stage.declare("sha", copies=copies)
    stage.mark(OTHER)
    stage.seen["own"] = stage.frame(9)
    for number, name in enumerate((*stage.frames[:2], stage.seen["own"])):
        stage.put(OTHER, name, fits_file(seed=100 + number))


def ask(stage: Stage) -> Found:
    """Sync by both hops: nothing of one is written over by the other's, and what is not carried is said."""
    found = outcome_of(stage.call("sync", "--json"))
    assert {name for name in stage.frames if f"{name}: kept" in found.reason} == set(stage.frames[:2])
    return found


def after(stage: Stage, found: Found) -> None:
    """Each name holds the bytes of whoever brought it first; no run is green as long as it is so."""
    assert tree(stage.source).items() <= tree(stage.destination).items()
    assert (stage.destination / stage.seen["own"]).read_bytes() == fits_file(seed=102)
    assert stage.call("run").status == 1


FAULT = Fault(
    "N21",
    "two sources fill one archive, and two of their frames share names and sizes, not bytes",
    make,
    ask,
    "different: 1 transferred, 2 kept",
    after=after,
    has_trees=False,
)
