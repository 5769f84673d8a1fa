"""F1: an instrument asks for hashes, and a look at structure, which compares none, stands in for them."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.proven import proven
from tests.faults.stage import flip


def make(stage: Stage) -> None:
    """Flip a bit of a frame without sums of its own; verify the structure, where hashes are declared."""
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], verify={"level": "checksum"})
    flip(stage.there(2))
    assert stage.call("verify", "--level", "structure").status == 0, "it is a whole FITS file"


def after(stage: Stage, found: Found) -> None:
    """At the level that is declared it is found."""
    assert stage.call("verify").status == 1
    stage.mended("--level", "checksum")


FAULT = Fault(
    "F1c",
    "hashes are declared, and a look at structure alone is made, which a flipped bit passes",
    make,
    proven,
    "0 of 1 proven",
    after=after,
)
