"""P1: a source is freed although its copies were never read."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Let everything be due, and nothing be hashed."""
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], retention=retention)


def ask(stage: Stage) -> Found:
    """Prune, and mean it."""
    before = tree(stage.source)
    answer = stage.call("prune", "--yes")
    return Found(
        "nothing freed" if tree(stage.source) == before else "freed", answer.status, reason=answer.out + answer.err
    )


def after(stage: Stage, found: Found) -> None:
    """Read and hashed, they may go."""
    assert stage.call("verify", "--level", "checksum").status == 0
    assert stage.call("prune", "--yes").status == 0
    assert not tree(stage.source)
    assert len(tree(stage.destination)) == len(stage.frames)


FAULT = Fault(
    "P1",
    "files that may be freed by age were never proven by hash",
    make,
    ask,
    "nothing freed",
    after=after,
    source_changes=True,
)
