"""N9: a far end's listing is not sorted, or names a file twice."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.battery import Fault, Found, Stage
from tests.faults.lying import sync_from_liar


def make(stage: Stage) -> None:
    """Nothing: it is played in memory, where a host can lie."""


def ask(stage: Stage) -> Found:
    """Sync from a host that lists backwards."""
    records = [encode_file(b"2016/0907/SHA_%d.raw" % number, 1, 10**18) for number in (3, 2, 1)]
    outcome, there = sync_from_liar(records)
    assert not there, there
    return Found(outcome.state.value, 3, {}, outcome.reason or "")


FAULT = Fault(
    "N9",
    "a far end lists names in no order",
    make,
    ask,
    "unknown",
    where="bare",
)
