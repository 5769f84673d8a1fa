"""S3: a host that is down looks like a host on which nothing is missing."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify
from tests.hosts import free_port


def make(stage: Stage) -> None:
    """Reach it at a port where nobody listens."""
    stage.change_host(stage.far()[0].name, port=free_port(stage.far()[0].address))
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """Exit 3; the text says UNKNOWN and never None."""
    assert found.status == 3
    out = stage.call("verify").out
    assert "UNKNOWN: " in out and "None" not in out


FAULT = Fault(
    "S3",
    "the telescope's computer is switched off",
    make,
    verify(),
    "unknown",
    says=("not reached",),
    after=after,
    where="far",
)
