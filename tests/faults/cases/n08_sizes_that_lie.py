"""N8: a far end lists sizes that are not so."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.battery import Fault, Found, Stage
from tests.faults.lying import sync_from_liar


def make(stage: Stage) -> None:
    """Nothing: it is played in memory, where a host can lie."""


def ask(stage: Stage) -> Found:
    """Sync from a host that lists one byte more than there is."""
    name = b"2016/0907/SHA_1.raw"
    outcome, there = sync_from_liar([encode_file(name, 13, 1_473_300_000 * 10**9)], {name: b"twelve bytes"})
    assert there in ({}, {name: b"twelve bytes"}), there
    return Found(outcome.state.value, 1, {"failed": len(outcome.failed)}, outcome.failed[0].reason)


FAULT = Fault(
    "N8",
    "a far end lists one byte more than a frame has",
    make,
    ask,
    "different: 1 failed",
    where="bare",
)
