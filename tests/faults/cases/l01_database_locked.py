"""L1: another program holds the database."""

from __future__ import annotations

import sqlite3

import pytest

from catalogue.ledger import Ledger
from catalogue.records import HopRecord
from observatory.errors import RecordsUnavailable
from observatory.truth import State
from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """Hold it (30 seconds are waited for it, so it is asked with less)."""
    assert stage.call("verify").status == 0
    held = sqlite3.connect(stage.state / "catalogue.db", isolation_level=None, check_same_thread=False)
    held.execute("BEGIN EXCLUSIVE")
    stage.closing.callback(held.close)


def ask(stage: Stage) -> Found:
    """Write, as every run does."""
    with (
        pytest.raises(RecordsUnavailable) as refused,
        Ledger.open("sqlite:///catalogue.db", stage.state, busy_timeout_s=0.2) as ledger,
    ):
        ledger.record_hop(1, HopRecord("sha", "a:b", "a", "b", State.OK))
    assert not refused.value.is_permanent
    if stage.is_full:
        by_command(stage)
    return Found("could not tell", refused.value.exit_status, {}, str(refused.value))


def by_command(stage: Stage) -> None:
    """Ask the commands themselves, a frame missing: they wait half a minute each and then cannot tell."""
    stage.there(2).unlink()
    for word in ("verify", "sync"):
        answer = stage.call(word, "--json")
        assert answer.status == 3 and "locked" in answer.out + answer.err, answer
    stage.put(stage.ends[1], stage.frames[2], stage.here(2).read_bytes())


FAULT = Fault(
    "L1",
    "the database is locked by another program",
    make,
    ask,
    "could not tell",
    says=("locked",),
)
