"""I14: very many files in one folder."""

from __future__ import annotations

import os
import time

from tests.faults.battery import Fault, Stage, verify


def make(stage: Stage) -> None:
    """Make them (5,000 in the everyday tests), empty, on both sides."""
    count = 200_000 if stage.is_full else 5_000
    cameras = {"sha": {"files": ["SHA_*"]}}
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], cameras=cameras)
    for root in (stage.source, stage.destination):
        folder = root / stage.night_folder
        for number in range(count):
            os.close(os.open(folder / f"SHA_{number:06d}.raw", os.O_CREAT | os.O_WRONLY))
        os.utime(folder)
    (stage.destination / stage.night_folder / "SHA_004321.raw").unlink()
    past = time.time() - 1e5
    for number in range(count):
        os.utime(stage.source / stage.night_folder / f"SHA_{number:06d}.raw", (past, past))


FAULT = Fault(
    "I14",
    "200,000 files in one folder, one of them missing on the archive",
    make,
    verify(),
    "different: 1 missing",
    has_trees=False,
)
