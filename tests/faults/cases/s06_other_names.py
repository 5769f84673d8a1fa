"""S6: only .fits is looked at; what bears another name is never carried, and nobody says so."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Stage, verify


def make(stage: Stage) -> None:
    """Put a log beside the frames."""
    stage.put(stage.ends[0], f"{stage.night_folder}/guider.log", b"x")


FAULT = Fault(
    "S6",
    "files that match no pattern lie in a night's folder",
    make,
    verify(),
    "ok: 1 unrecognised",
    peers=STANDARD,
)
