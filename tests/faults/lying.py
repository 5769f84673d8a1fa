"""A host in memory whose listing says what a case wants, whatever is there.

Leaves to the cases which lies they try.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from observatory.endpoints.contract import RootFacts, Survey, SurveyRequest, Trouble
from observatory.endpoints.memory import MemoryEndpoint
from observatory.records import NUL
from syncer.outcome import HopOutcome
from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World

NOTHING: Mapping[bytes, bytes] = MappingProxyType({})


class Told:
    """A survey with true facts and told records; keeps the contract of `Survey` as far as its teller does."""

    def __init__(self, facts: RootFacts, records: Sequence[bytes]) -> None:
        self.facts, self._records = facts, records
        self.troubles: list[Trouble] = []
        self.folders: dict[bytes, str] = {}

    def __iter__(self) -> Iterator[bytes]:
        """Yield all in one chunk."""
        if self._records:
            yield NUL.join(self._records) + NUL

    def close(self) -> None:
        """Nothing is open."""


class Liar(MemoryEndpoint):
    """A host that lists what it is told to."""

    records: Sequence[bytes] = ()

    def survey(self, request: SurveyRequest) -> Survey:
        """List, and say something else."""
        found = super().survey(request)
        found.close()
        return Told(found.facts, self.records)


def sync_from_liar(
    records: Sequence[bytes], files: Mapping[bytes, bytes] | None = None
) -> tuple[HopOutcome, dict[bytes, bytes]]:
    """Sync from a host that lists these records; return what became of it, and what is outside our own folder."""
    world = World(files or {}, {})
    liar = Liar("sha", things=world.source.things, now=world.source.now)
    liar.records = records
    world.source = liar
    before = set(world.destination.things)
    outcome = world.sync()
    new = {
        path: thing.data
        for path, thing in world.destination.things.items()
        if path not in before and thing.kind != "folder" and b"/.nightferry/" not in path
    }
    start = b"/archive/sha/"
    return outcome, {path.removeprefix(start): data for path, data in new.items()}


def lies_of_one_frame(
    name: str, title: str, record: bytes, says: str = "", true: Mapping[bytes, bytes] = NOTHING
) -> Fault:
    """Return the fault of a host that lists one such frame: it fails, and only what is true may lie there."""

    def ask(stage: Stage) -> Found:
        outcome, there = sync_from_liar([record], true)
        assert there in ({}, true), there
        return Found(outcome.state.value, 1, {"failed": len(outcome.failed)}, outcome.failed[0].reason)

    said = (says,) if says else ()
    return Fault(name, title, lambda stage: None, ask, "different: 1 failed", says=said, where="bare")
