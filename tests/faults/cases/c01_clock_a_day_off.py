"""C1: the telescope's clock is a day off: settle time and newest night would be wrong."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World


def make(stage: Stage) -> None:
    """Nothing: it is played in memory, where a clock can be set."""


def ask(stage: Stage) -> Found:
    """Sync from a host whose clock is a day ahead."""
    world = World({b"2016/0907/SHA_1.raw": b"1"}, {})
    world.source.clock_offset_s = 86_400.0
    outcome = world.sync()
    assert not world.there(), "refused before a byte moves"
    return Found(outcome.state.value, 1, {}, outcome.reason or "")


FAULT = Fault(
    "C1",
    "the telescope's clock is a day ahead",
    make,
    ask,
    "different",
    says=("24 h ahead",),
    where="bare",
)
