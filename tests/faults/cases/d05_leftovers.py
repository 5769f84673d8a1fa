"""D5: what a crashed run left in its staging folder counts as already transferred."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Leave half of a missing frame below .nightferry, in both of our folders."""
    data = stage.here(2).read_bytes()
    stage.there(2).unlink()
    for name in ("tmp", "partial"):
        folder = stage.destination / ".nightferry" / name
        folder.mkdir()
        (folder / stage.here(2).name).write_bytes(data[: len(data) // 2])


def after(stage: Stage, found: Found) -> None:
    """The sync carries it anew, and sweeps."""
    stage.mended()


FAULT = Fault(
    "D5",
    "a crashed run left half a frame in its own folder",
    make,
    verify(),
    "different: 1 missing",
    after=after,
    peers=STANDARD,
)
