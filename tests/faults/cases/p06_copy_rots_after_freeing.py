"""P6: the originals were freed, and a copy is cut short or loses a bit: nothing is left to compare it with."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verdict_of
from tests.faults.freeing import prove_all, prune
from tests.faults.proven import proven
from tests.faults.stage import cut, flip
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Prove all by hash, free all; cut one copy short and flip a bit of another."""
    prove_all(stage)
    stage.seen["whole"] = {path.name: path.read_bytes() for path in stage.destination.rglob("*.fits")}
    assert prune(stage).words == "freed" and not tree(stage.source)
    assert stage.call("verify", "--level", "checksum").status == 0, "what was freed is whole on the archive"
    cut(stage.there(2))
    flip(stage.there(3))


def ask(stage: Stage) -> Found:
    """Verify by size, and by hash: both are held against what was freed."""
    assert verdict_of(stage.call("verify", "--json")).words == "different: 1 size differs"
    return verdict_of(stage.call("verify", "--level", "checksum", "--json"))


def after(stage: Stage, found: Found) -> None:
    """No status calls it proven, however often it is read; brought back from elsewhere all is well."""
    stage.call("status", "--safe")
    assert stage.call("run").status == 1
    assert proven(stage).words == "0 of 1 proven"
    for index in (2, 3):
        stage.put(stage.ends[1], stage.frames[index], stage.seen["whole"][stage.there(index).name])
    assert stage.call("verify", "--level", "checksum").status == 0
    stage.call("status", "--safe")
    assert proven(stage).words == "1 of 1 proven"


FAULT = Fault(
    "P6",
    "the originals were freed, and then one copy is cut short and another loses a bit",
    make,
    ask,
    "different: 1 size differs, 1 checksum differs",
    after=after,
    has_trees=False,
)
