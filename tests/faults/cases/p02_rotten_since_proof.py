"""P2: a copy counts although it went bad after it was hashed."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.freeing import prove_all, prune
from tests.faults.stage import cut
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Prove all by hash; then one copy is cut short."""
    prove_all(stage)
    cut(stage.there(2))


def ask(stage: Stage) -> Found:
    """Prune: every copy is looked at again at that moment."""
    found = prune(stage)
    kept = stage.frames[2] in tree(stage.source)
    return Found("that one is kept" if kept else "lost", found.status, reason=found.reason)


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
