"""P3: a hard link counts as a second copy."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Found, Stage
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Link every file of the archive to the telescope's."""
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], retention=retention)
    for index in range(len(stage.frames)):
        stage.there(index).unlink()
        os.link(stage.here(index), stage.there(index))
    assert stage.call("verify", "--level", "checksum").status in (0, 3)


def ask(stage: Stage) -> Found:
    """Prune, and mean it."""
    before = tree(stage.source)
    answer = stage.call("prune", "--yes")
    return Found(
        "nothing freed" if tree(stage.source) == before else "freed", answer.status, reason=answer.out + answer.err
    )


FAULT = Fault(
    "P3",
    "the copy is a hard link to its original",
    make,
    ask,
    "nothing freed",
    source_changes=True,
)
