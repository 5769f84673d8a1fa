"""F8: a sync is killed by KILL in the middle of a file."""

from __future__ import annotations

import signal

from tests.faults.battery import Fault, Found, Stage, verify
from tests.faults.stage import kill, under_way, wait_for
from tests.observatory import fits_file


def make(stage: Stage) -> None:
    """Give the night one large frame and a slow line, and kill once bytes are on their way."""
    large = stage.frames[0].replace(".0001.", ".0007.")
    stage.put(stage.ends[0], large, fits_file(8_000_000, seed=7))
    copies = [stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer={"rate_bytes_per_s": 4_000_000})]
    stage.declare("sha", copies=copies)
    process = stage.begin("sync")
    wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
    kill(process, signal.SIGKILL)
    stage.seen["large"] = large


def after(stage: Stage, found: Found) -> None:
    """Nothing stands at the final name; the next sync goes on, and sweeps."""
    assert not (stage.destination / stage.seen["large"]).exists()
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends])
    stage.mended()


FAULT = Fault(
    "F8b",
    "a sync is killed by KILL in the middle of a file",
    make,
    verify(),
    "different: 1 missing",
    after=after,
)
