"""P3: a hard link counts as a second copy."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Stage
from tests.faults.freeing import let_all_be_due, prune


def make(stage: Stage) -> None:
    """Link every file of the archive to the telescope's."""
    let_all_be_due(stage)
    for index in range(len(stage.frames)):
        stage.there(index).unlink()
        os.link(stage.here(index), stage.there(index))
    assert stage.call("verify", "--level", "checksum").status in (0, 3)


FAULT = Fault(
    "P3",
    "the copy is a hard link to its original",
    make,
    prune,
    "nothing freed",
    source_changes=True,
)
