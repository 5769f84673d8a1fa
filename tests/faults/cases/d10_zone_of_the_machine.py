"""D10: two rules of nights in one program: the machine's own zone, and the site's."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verdict_of
from tests.observatory import Answer


def make(stage: Stage) -> None:
    """Ask from a machine in Auckland, eleven hours ahead of the site."""
    stage.there(2).unlink()


def ask(stage: Stage) -> Found:
    """Verify as a process whose zone is another."""
    process = stage.begin("verify", "--json", environment={"TZ": "Pacific/Auckland"})
    out, err = process.communicate(timeout=60)
    there = verdict_of(Answer(process.returncode, out, err))
    here = verdict_of(stage.call("verify", "--json"))
    assert (there.counts, there.status) == (here.counts, here.status)
    return there


FAULT = Fault(
    "D10",
    "nightferry runs on a machine in another zone",
    make,
    ask,
    "different: 1 missing",
)
