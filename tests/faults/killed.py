"""A sync that is ended by a signal in the middle of a file.

Leaves to each case which signal it is.
"""

from __future__ import annotations

import signal

from tests.faults.battery import Fault, Found, Stage, verify
from tests.faults.midway import at_full_speed, slow_frames
from tests.faults.stage import kill, under_way, wait_for


def killed_by(name: str, number: signal.Signals) -> Fault:
    """Return the fault of a sync that one signal ends: it goes to the process and all that it started."""

    def make(stage: Stage) -> None:
        (large,) = slow_frames(stage, 7, size_bytes=8_000_000, seconds=2)
        process = stage.begin("sync")
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        kill(process, number)
        stage.seen["large"] = large

    title = f"a sync is killed by {number.name.removeprefix('SIG')} in the middle of a file"
    return Fault(name, title, make, verify(), "different: 1 missing", after=_swept)


def _swept(stage: Stage, found: Found) -> None:
    """Nothing stands at the final name; the next sync goes on, and sweeps."""
    assert not (stage.destination / stage.seen["large"]).exists()
    at_full_speed(stage)
    stage.mended()
