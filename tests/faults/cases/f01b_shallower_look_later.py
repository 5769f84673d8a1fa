"""F1: a bit flip that a look at hashes found is forgotten by the next look at sizes."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.proven import proven
from tests.faults.stage import flip


def make(stage: Stage) -> None:
    """Flip a bit, find it by hash, and verify by size as every night."""
    flip(stage.there(2))
    assert stage.call("verify", "--level", "checksum").status == 1
    assert stage.call("verify").status == 0, "of sizes alone nothing is different"


def after(stage: Stage, found: Found) -> None:
    """Mended, it is proven again."""
    stage.mended("--level", "checksum")
    assert proven(stage).words == "1 of 1 proven"


FAULT = Fault(
    "F1b",
    "a bit flip was found by hash, and then the sizes are looked at",
    make,
    proven,
    "0 of 1 proven",
    after=after,
)
