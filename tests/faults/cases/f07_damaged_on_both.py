"""F7: the same truncated FITS file lies on both sides, as after a crash of the camera's program."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify
from tests.faults.stage import cut, times_kept


def make(stage: Stage) -> None:
    """Cut the same frame on both sides to the same length."""
    for path in (stage.here(2), stage.there(2)):
        with times_kept(path):
            cut(path)


def after(stage: Stage, found: Found) -> None:
    """At level size nothing is claimed of it but what was compared."""
    assert stage.call("verify", "--json").hop["level"] == "size"


FAULT = Fault(
    "F7",
    "the same frame is cut short on both sides",
    make,
    verify("--level", "structure"),
    "different: 2 damaged",
    after=after,
    peers=STANDARD,
)
