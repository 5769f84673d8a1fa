"""H2: a host takes the connection and says nothing."""

from __future__ import annotations

from tests.faults.battery import Fault, Stage, verify
from tests.hosts import SilentHost


def make(stage: Stage) -> None:
    """Put a silent one in its place."""
    silent = SilentHost()
    stage.closing.callback(silent.close)
    stage.change_host(stage.far()[0].name, address="127.0.0.1", port=silent.port, connect_timeout_s=1)


FAULT = Fault(
    "H2",
    "the telescope's computer hangs after the connection",
    make,
    verify(),
    "unknown",
    says=("no answer within 1 s",),
    where="far",
)
