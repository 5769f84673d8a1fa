"""B3: what was there already is counted as done now."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Nothing."""


def after(stage: Stage, found: Found) -> None:
    """No count claims that anything was moved."""
    hop = stage.call("sync", "--json").hop
    assert (hop["planned"], hop["transferred"], hop["source_files"]) == (0, 0, 6)


FAULT = Fault(
    "B3",
    "everything is there already",
    make,
    sync(),
    "ok",
    after=after,
    peers=STANDARD,
)
