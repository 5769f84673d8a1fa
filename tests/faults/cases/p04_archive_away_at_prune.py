"""P4: what is freed is not looked at again, because its copy cannot be reached."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.freeing import prove_all, prune


def make(stage: Stage) -> None:
    """Prove all by hash; then the archive's root is empty."""
    prove_all(stage)
    stage.destination.rename(stage.destination.with_name("disk"))
    stage.destination.mkdir()


def after(stage: Stage, found: Found) -> None:
    """Mounted again, nothing was lost."""
    stage.destination.rmdir()
    stage.destination.with_name("disk").rename(stage.destination)
    stage.is_whole()


FAULT = Fault(
    "P4",
    "the archive's disk is unmounted when originals are due to be freed",
    make,
    prune,
    "nothing freed",
    after=after,
    source_changes=True,
)
