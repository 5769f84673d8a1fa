"""P1: a source is freed although its copies were never read."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.freeing import let_all_be_due, prune
from tests.observatory import tree


def after(stage: Stage, found: Found) -> None:
    """Read and hashed, they may go."""
    assert stage.call("verify", "--level", "checksum").status == 0
    assert stage.call("prune", "--yes").status == 0
    assert not tree(stage.source)
    assert len(tree(stage.destination)) == len(stage.frames)


FAULT = Fault(
    "P1",
    "files that may be freed by age were never proven by hash",
    let_all_be_due,
    prune,
    "nothing freed",
    after=after,
    source_changes=True,
)
