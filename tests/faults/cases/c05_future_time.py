"""C5: a file from the future never seems settled."""

from __future__ import annotations

import os
import time

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """One frame of the source is from next year, and missing on the archive."""
    stage.there(2).unlink()
    future = time.time() + 365 * 86400
    os.utime(stage.here(2), (future, future))


def after(stage: Stage, found: Found) -> None:
    """It is carried, not waited for."""
    stage.mended()


FAULT = Fault(
    "C5",
    "a frame bears a modification time of next year",
    make,
    verify(),
    "different: 1 missing",
    after=after,
    peers=STANDARD,
)
