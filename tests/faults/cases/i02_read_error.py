"""I2: EIO while looking."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verdict_of


def make(stage: Stage) -> None:
    """Nothing lasting: the kernel's answer is the fault."""


def ask(stage: Stage) -> Found:
    """Verify, with that answer to every read of one path."""
    words = ("verify", "--level", "checksum", "--reverse", "--json")
    found = verdict_of(stage.traced("read:error=EIO", *words, path=stage.there(2)))
    assert not set(found.counts) & {"missing", "extra"}, found
    return Found(found.state, found.status, {}, found.reason)


def after(stage: Stage, found: Found) -> None:
    """Exit 3; looked at again without the fault, all is well."""
    assert found.status == 3
    stage.is_whole()


FAULT = Fault(
    "I2",
    "a sector of the archive's disk cannot be read (EIO)",
    make,
    ask,
    "unknown",
    after=after,
)
