"""B4: the list of failures shows names without causes."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Make a folder of that name on the archive."""
    stage.there(2).unlink()
    stage.there(2).mkdir()
    (stage.there(2) / "SHA_inside.fits").write_bytes(b"x")


def after(stage: Stage, found: Found) -> None:
    """Name and reason; the others are untouched."""
    assert stage.frames[2] in found.reason
    (stage.there(2) / "SHA_inside.fits").unlink()
    stage.there(2).rmdir()
    stage.mended()


FAULT = Fault(
    "B4",
    "a folder stands where a frame should go",
    make,
    sync(),
    "different: 1 failed",
    says=("something else than a file",),
    after=after,
)
