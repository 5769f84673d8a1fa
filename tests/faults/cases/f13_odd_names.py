"""F13: fourteen odd names: newline, Latin-1, an NFC/NFD pair, leading dash, quotes, ``$()``, 254 bytes."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.transfers import ODD_NAMES


def make(stage: Stage) -> None:
    """Take all that is below a night, and put the odd ones on the source alone."""
    stage.declare("sha", cameras={"sha": {"files": ["*"]}}, copies=[stage.copy(end) for end in stage.ends])
    for number, name in enumerate(ODD_NAMES):
        stage.put(stage.ends[0], stage.night_folder.encode() + b"/" + name, b"%d" % number)


def after(stage: Stage, found: Found) -> None:
    """Every one arrives byte for byte, and none did anything."""
    stage.mended()
    assert not list(stage.folder.rglob("harm"))


FAULT = Fault(
    "F13",
    "seventeen odd names wait at the telescope: newline, quotes, dashes, no UTF-8, 254 bytes",
    make,
    verify(),
    "different: 17 missing",
    after=after,
    peers=STANDARD,
)
