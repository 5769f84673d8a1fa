"""N6: a far end lists names that lead out of the root."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.battery import Fault, Found, Stage
from tests.faults.lying import sync_from_liar


def make(stage: Stage) -> None:
    """Nothing: it is played in memory, where a host can lie."""


def ask(stage: Stage) -> Found:
    """Sync from a host whose listing holds such names."""
    outcome, there = sync_from_liar([encode_file(b"2016/0907/../../../etc/SHA_1.raw", 1, 10**18)])
    assert not there, there
    return Found(outcome.state.value, 1, {"failed": len(outcome.failed)}, outcome.failed[0].reason)


FAULT = Fault(
    "N6",
    "a far end lists ../../etc/passwd as a frame",
    make,
    ask,
    "different: 1 failed",
    says=("a part",),
    where="bare",
)
