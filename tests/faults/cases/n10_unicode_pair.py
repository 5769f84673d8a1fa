"""N10: two names that differ in Unicode's normal form only."""

from __future__ import annotations

import unicodedata

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify

STAR = "SHA_\u00e9toile.fits"


def make(stage: Stage) -> None:
    """Write both on the source; they look the same on every screen."""
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], cameras={"sha": {"files": ["*.fits"]}})
    composed, decomposed = (unicodedata.normalize("NFC", STAR), unicodedata.normalize("NFD", STAR))
    for name, data in ((composed, b"one"), (decomposed, b"other")):
        stage.put(stage.ends[0], f"{stage.night_folder}/{name}", data)


def after(stage: Stage, found: Found) -> None:
    """Both arrive."""
    stage.mended()


FAULT = Fault(
    "N10",
    "two frames whose names differ in Unicode's normal form only",
    make,
    verify(),
    "different: 2 missing",
    after=after,
    peers=STANDARD,
)
