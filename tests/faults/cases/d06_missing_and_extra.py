"""D6: one missing and one extra file: the peer reports only the extra."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """One less here, one more there."""
    stage.there(2).unlink()
    name = stage.there(2).name.replace(".0003.", ".0009.")
    (stage.there().parent / name).write_bytes(b"x")


def after(stage: Stage, found: Found) -> None:
    """What is there alone is never deleted."""
    assert stage.call("sync").status == 0
    assert len(list(stage.there().parent.iterdir())) == len(stage.frames) + 1


FAULT = Fault(
    "D6",
    "one frame is missing on the archive, and another is there alone",
    make,
    verify("--reverse"),
    "different: 1 missing, 1 extra",
    after=after,
    peers=STANDARD,
)
