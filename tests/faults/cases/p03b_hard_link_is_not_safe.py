"""P3: a hard link holds the right bytes, and is called safe: there is one copy, and it is called two."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Found, Stage, command


def make(stage: Stage) -> None:
    """Link every file of the archive to the telescope's, and read them all on both sides."""
    for index in range(len(stage.frames)):
        stage.there(index).unlink()
        os.link(stage.here(index), stage.there(index))
    assert stage.call("verify", "--level", "checksum").status == 0, "of bytes alone nothing is different"


def after(stage: Stage, found: Found) -> None:
    """With files of its own the archive is safe."""
    for index in range(len(stage.frames)):
        stage.there(index).unlink()
    stage.mended()
    assert stage.call("status", "--safe").status == 0


FAULT = Fault(
    "P3b",
    "the copy is a hard link to its original, and is asked whether it is safe",
    make,
    command("status", "--safe"),
    "exit 1",
    says=("very file",),
    after=after,
)
