"""N4: both roots are one and the same folder: that is no second copy."""

from __future__ import annotations

from tests.faults.battery import Stage
from tests.faults.linked import one_copy


def make(stage: Stage) -> None:
    """Replace the archive's root by a link."""
    stage.destination.rename(stage.destination.with_name("disk"))
    stage.destination.symlink_to(stage.source)


FAULT = one_copy("N4", "the archive's root is a link to the telescope's", make, has_trees=False)
