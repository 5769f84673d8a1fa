"""I8: the disk fills up while a file is written, although there was room when it was planned."""

from __future__ import annotations

from observatory.endpoints.contract import Survey, SurveyRequest
from observatory.endpoints.memory import MemoryEndpoint
from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World


class Promising(MemoryEndpoint):
    """Says that there is room; another program fills the disk meanwhile."""

    def survey(self, request: SurveyRequest) -> Survey:
        """List, with the free space of a moment ago."""
        room, self.room_bytes = self.room_bytes, 1 << 30
        try:
            return super().survey(request)
        finally:
            self.room_bytes = room


def make(stage: Stage) -> None:
    """Nothing: it is played in memory, where the room can be made to vanish."""


def ask(stage: Stage) -> Found:
    """Sync into a host that promised more room than it has."""
    world = World({b"2016/0907/SHA_1.raw": b"x" * 5000, b"2016/0907/SHA_2.raw": b"y"}, {})
    there = world.destination
    world.destination = Promising("archive", things=there.things, now=there.now, room_bytes=1000)
    outcome = world.sync()
    assert list(world.there()) == [b"2016/0907/SHA_2.raw"], "of the large one nothing is there"
    return Found(outcome.state.value, 1, {"failed": len(outcome.failed)}, outcome.failed[0].reason)


FAULT = Fault(
    "I8",
    "the archive's disk fills up while a file is written (ENOSPC)",
    make,
    ask,
    "different: 1 failed",
    says=("no space left",),
    where="bare",
)
