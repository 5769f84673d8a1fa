"""H7: the key is no longer in authorized_keys."""

from __future__ import annotations

from tests.faults.battery import Fault, Stage, verify
from tests.hosts import make_key


def make(stage: Stage) -> None:
    """Come with another key."""
    make_key(stage.folder / "stranger")
    stage.change_host(stage.far()[0].name, identity=str(stage.folder / "stranger"))


FAULT = Fault(
    "H7",
    "our key is no longer let in",
    make,
    verify(),
    "unknown",
    says=("authorized_keys",),
    where="far",
)
