"""Originals that are due to be freed, and a prune that means it.

Leaves to each case what is wrong with their copies.
"""

from __future__ import annotations

from tests.faults.battery import Found, Stage
from tests.observatory import tree

RETENTION = {"keep_nights": 0, "copies": 1, "within_days": 30}
"""Everything is due at once, where one copy was read and hashed within thirty days."""


def let_all_be_due(stage: Stage) -> None:
    """Declare that every original may go as soon as it is proven."""
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], retention=RETENTION)


def prove_all(stage: Stage) -> None:
    """Let all be due, and prove every copy by hash."""
    let_all_be_due(stage)
    assert stage.call("verify", "--level", "checksum").status == 0


def prune(stage: Stage) -> Found:
    """Prune, and mean it; say whether anything went."""
    before = tree(stage.source)
    answer = stage.call("prune", "--yes")
    is_there = tree(stage.source) == before
    return Found("nothing freed" if is_there else "freed", answer.status, reason=answer.out + answer.err)
