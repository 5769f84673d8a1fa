"""I5: the quota is over when a new file is brought to disk (EDQUOT)."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """One frame is missing on the archive."""
    stage.there(2).unlink()


def ask(stage: Stage) -> Found:
    """Sync under that fault: it is no success, and no half file bears the name."""
    answer = stage.traced("fsync,fdatasync,syncfs:error=EDQUOT", "sync", "--json")
    assert answer.status in (1, 3), answer
    return Found("nothing published" if not stage.there(2).exists() else "published", answer.status)


def after(stage: Stage, found: Found) -> None:
    """The next sync, without the fault, mends it and sweeps."""
    stage.mended()


FAULT = Fault(
    "I5",
    "the quota is over when a new file is brought to disk (EDQUOT)",
    make,
    ask,
    "nothing published",
    after=after,
)
