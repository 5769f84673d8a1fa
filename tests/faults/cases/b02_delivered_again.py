"""B2: a file delivered again with other bytes: the old ones are kept without a word."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, sync
from tests.observatory import fits_file, ours


def make(stage: Stage) -> None:
    """Write one frame anew at the telescope."""
    stage.put(stage.ends[0], stage.frames[2], fits_file(5000, seed=99), age_s=3600)


def after(stage: Stage, found: Found) -> None:
    """The old bytes are kept aside for thirty days, and both sides agree."""
    aside = [path for path in ours(stage.destination) if path.startswith("replaced/")]
    assert len(aside) == 1
    stage.is_whole()


FAULT = Fault(
    "B2",
    "a frame comes a second time, longer and newer",
    make,
    sync(),
    "ok: 1 transferred, 1 replaced",
    after=after,
    peers=STANDARD,
)
