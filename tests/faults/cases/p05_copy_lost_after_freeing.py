"""P5: the originals were freed, and the archive loses one of its frames: nobody has it any more, and all is green."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify
from tests.faults.freeing import prove_all, prune
from tests.faults.proven import proven
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Prove all by hash, free all, and delete a frame of the archive."""
    prove_all(stage)
    assert prune(stage).words == "freed" and not tree(stage.source)
    assert stage.call("verify").status == 0, "what was freed is not missed while the archive has it"
    stage.seen["frame"] = stage.there(2).read_bytes()
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """No status calls it proven; brought back from elsewhere all is well."""
    assert stage.call("run").status == 1
    assert proven(stage).words == "0 of 1 proven"
    stage.put(stage.ends[1], stage.frames[2], stage.seen["frame"])
    assert stage.call("verify").status == 0
    stage.call("status", "--safe")
    assert proven(stage).words == "1 of 1 proven"


FAULT = Fault(
    "P5",
    "the originals were freed, and then the archive loses a frame",
    make,
    verify(),
    "different: 1 missing",
    after=after,
)
