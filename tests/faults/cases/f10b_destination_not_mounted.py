"""F10: the archive's disk is not mounted: what is written there would fill the disk beneath it."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Put an empty folder in the place of the destination's root."""
    stage.destination.rename(stage.destination.with_name("disk"))
    stage.destination.mkdir()


def after(stage: Stage, found: Found) -> None:
    """Nothing was written into the mount point, not even a marker."""
    assert found.status == 3
    assert list(stage.destination.iterdir()) == []
    stage.destination.rmdir()
    stage.destination.with_name("disk").rename(stage.destination)
    stage.is_whole()


FAULT = Fault(
    "F10b",
    "the archive's disk is not mounted: its root is an empty folder",
    make,
    sync(),
    "unknown",
    ("mounted",),
    after,
)
