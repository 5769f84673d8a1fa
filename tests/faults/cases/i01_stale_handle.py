"""I1: ESTALE while looking."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verdict_of


def make(stage: Stage) -> None:
    """Nothing lasting: the kernel's answer is the fault."""


def ask(stage: Stage) -> Found:
    """Verify, with that answer to every getdents64 of one path."""
    words = ("verify", "--level", "size", "--reverse", "--json")
    found = verdict_of(stage.traced("getdents64:error=ESTALE", *words, path=stage.here(2).parent))
    assert not set(found.counts) & {"missing", "extra"}, found
    return Found(found.state, found.status, {}, found.reason)


def after(stage: Stage, found: Found) -> None:
    """Exit 3; looked at again without the fault, all is well."""
    assert found.status == 3
    stage.is_whole()


FAULT = Fault(
    "I1",
    "the night's folder answers with a stale handle (ESTALE), as NFS does",
    make,
    ask,
    "unknown",
    after=after,
)
