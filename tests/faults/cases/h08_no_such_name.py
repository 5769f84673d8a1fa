"""H8: the host's name cannot be resolved."""

from __future__ import annotations

from tests.faults.battery import Fault, Stage, verify


def make(stage: Stage) -> None:
    """Misspell the address."""
    stage.change_host(stage.far()[0].name, address="no-such-host.invalid")


FAULT = Fault(
    "H8",
    "the name server does not know the telescope's computer",
    make,
    verify(),
    "unknown",
    says=("not reached",),
    where="far",
)
