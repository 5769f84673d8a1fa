"""N3: a pipe lies among the frames: who opens it waits for ever."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Make one that bears a frame's name."""
    os.mkfifo(stage.here().parent / "SHA_pipe.fits")


def after(stage: Stage, found: Found) -> None:
    """It is not opened at any level."""
    assert stage.call("verify", "--level", "checksum").status == 0


FAULT = Fault(
    "N3",
    "a named pipe lies among the frames",
    make,
    sync(),
    "ok",
    after=after,
)
