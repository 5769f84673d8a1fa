"""N2: symbolic links lead in a circle."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Stage, verify


def make(stage: Stage) -> None:
    """Link the night's folder into itself."""
    (stage.here().parent / "again").symlink_to(".")


FAULT = Fault(
    "N2",
    "a folder links to itself",
    make,
    verify(),
    "ok: 1 unrecognised",
    peers=STANDARD,
)
