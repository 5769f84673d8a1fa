"""F14: modification times that mislead: 1970, forty days ago, 2030. The window is nights, never times."""

from __future__ import annotations

import os

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify

TIMES_S = (0, 1_000_000_000, 4_000_000_000)


def make(stage: Stage) -> None:
    """Three of last night's frames are missing on the archive, and their times are nonsense."""
    for index, time_s in enumerate(TIMES_S):
        stage.there(index).unlink()
        os.utime(stage.here(index), (time_s, time_s))


def after(stage: Stage, found: Found) -> None:
    """They arrive with the times they have."""
    stage.mended()
    assert [round(stage.there(index).stat().st_mtime) for index in range(3)] == list(TIMES_S)


FAULT = Fault(
    "F14",
    "three frames of last night bear modification times of 1970, 2001 and 2096",
    make,
    verify(),
    "different: 3 missing",
    after=after,
    peers=STANDARD,
)
