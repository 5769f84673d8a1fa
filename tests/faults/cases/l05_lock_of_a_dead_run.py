"""L5: a run that died left its lock at the archive."""

from __future__ import annotations

import os
import time

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Leave a lock that nobody renewed for an hour."""
    lock = stage.destination / ".nightferry" / "lock"
    lock.write_text('{"host": "elsewhere", "pid": 1}')
    past = time.time() - 3600
    os.utime(lock, (past, past))
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """It was taken over, and nothing is left of it."""
    stage.is_whole()


FAULT = Fault(
    "L5",
    "a lock of a dead run lies on the archive",
    make,
    sync(),
    "ok: 1 transferred",
    after=after,
)
