"""N19: the roots are two, and the archive's folder of this year is a link to the telescope's."""

from __future__ import annotations

import shutil

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Replace the year's folder by a link: every file is there, and there is one copy."""
    year = stage.night_folder.split("/")[0]
    shutil.rmtree(stage.destination / year)
    (stage.destination / year).symlink_to(stage.source / year)


def after(stage: Stage, found: Found) -> None:
    """Exit 3, and sync does not call it done either."""
    assert found.status == 3
    assert stage.call("sync").status == 3


FAULT = Fault(
    "N19",
    "the archive's folder of the year is a link to the telescope's",
    make,
    verify("--level", "checksum"),
    "unknown",
    says=("no second copy",),
    after=after,
    peers=STANDARD,
)
