"""N4: both roots are one and the same folder: that is no second copy."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Replace the archive's root by a link."""
    stage.destination.rename(stage.destination.with_name("disk"))
    stage.destination.symlink_to(stage.source)


def after(stage: Stage, found: Found) -> None:
    """Exit 3, and sync does not call it done either."""
    assert found.status == 3
    assert stage.call("sync").status == 3


FAULT = Fault(
    "N4",
    "the archive's root is a link to the telescope's",
    make,
    verify(),
    "unknown",
    says=("no second copy",),
    after=after,
    peers=STANDARD,
    has_trees=False,
)
