"""P2: a copy counts although it went bad after it was hashed."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.stage import cut
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Prove all by hash; then one copy is cut short."""
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], retention=retention)
    assert stage.call("verify", "--level", "checksum").status == 0
    cut(stage.there(2))


def ask(stage: Stage) -> Found:
    """Prune, and mean it: every copy is looked at again at that moment."""
    answer = stage.call("prune", "--yes")
    kept = stage.frames[2] in tree(stage.source)
    return Found("that one is kept" if kept else "lost", answer.status, reason=answer.out + answer.err)


def after(stage: Stage, found: Found) -> None:
    """Mended, it may go."""
    stage.call("sync", "--level", "checksum")
    assert stage.there(2).read_bytes() == stage.here(2).read_bytes()


FAULT = Fault(
    "P2",
    "a copy is cut short after it was proven, and its original is due to be freed",
    make,
    ask,
    "that one is kept",
    after=after,
    source_changes=True,
)
