"""N19: the roots are two, and the archive's folder of this year is a link to the telescope's."""

from __future__ import annotations

import shutil

from tests.faults.battery import Stage
from tests.faults.linked import one_copy


def make(stage: Stage) -> None:
    """Replace the year's folder by a link: every file is there, and there is one copy."""
    year = stage.night_folder.split("/")[0]
    shutil.rmtree(stage.destination / year)
    (stage.destination / year).symlink_to(stage.source / year)


FAULT = one_copy("N19", "the archive's folder of the year is a link to the telescope's", make, "--level", "checksum")
