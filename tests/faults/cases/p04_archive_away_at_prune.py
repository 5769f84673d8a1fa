"""P4: what is freed is not looked at again, because its copy cannot be reached."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Prove all by hash; then the archive's root is empty."""
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], retention=retention)
    assert stage.call("verify", "--level", "checksum").status == 0
    stage.destination.rename(stage.destination.with_name("disk"))
    stage.destination.mkdir()


def ask(stage: Stage) -> Found:
    """Prune, and mean it."""
    before = tree(stage.source)
    answer = stage.call("prune", "--yes")
    return Found(
        "nothing freed" if tree(stage.source) == before else "freed", answer.status, reason=answer.out + answer.err
    )


def after(stage: Stage, found: Found) -> None:
    """Mounted again, nothing was lost."""
    stage.destination.rmdir()
    stage.destination.with_name("disk").rename(stage.destination)
    stage.is_whole()


FAULT = Fault(
    "P4",
    "the archive's disk is unmounted when originals are due to be freed",
    make,
    ask,
    "nothing freed",
    after=after,
    source_changes=True,
)
