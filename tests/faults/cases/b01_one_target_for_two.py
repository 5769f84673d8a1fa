"""B1: two units share one target path: the second overwrites the first, exit 0."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World


def make(stage: Stage) -> None:
    """Make the archive's disk one that folds case ; it is played in memory."""


def ask(stage: Stage) -> Found:
    """Sync two such frames in memory."""
    world = World({b"2016/0907/SHA_a.raw": b"1", b"2016/0907/SHA_A.raw": b"2"}, {})
    world.destination.folds_case = True
    outcome = world.sync()
    assert not [path for path in world.there() if path.startswith(b"2016")]
    return Found(outcome.state.value, 1, {"failed": len(outcome.failed)}, outcome.failed[0].reason)


FAULT = Fault(
    "B1",
    "two frames that differ in case go to a disk that folds case",
    make,
    ask,
    "different: 2 failed",
)
