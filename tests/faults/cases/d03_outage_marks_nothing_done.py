"""D3: an outage while a night is caught up counts as "no changes", and the night as done for ever."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, outcome_of
from tests.hosts import free_port


def make(stage: Stage) -> None:
    """A frame of three nights ago comes late, and the telescope's computer does not answer."""
    stage.seen["late"] = stage.expose([stage.ends[0]], [1], back=3)[0]
    host = stage.far()[0]
    stage.seen["port"] = host.port
    stage.change_host(host.name, port=free_port(host.address))


def ask(stage: Stage) -> Found:
    """Sync during the outage; no night is called done by it."""
    found = outcome_of(stage.call("sync", "--json"))
    nights = stage.call("status", "--json").document["nights"]
    assert not [hop for night in nights for hop in night["hops"] if hop["proven_utc"]], nights
    return found


def after(stage: Stage, found: Found) -> None:
    """When it answers again, the late frame is carried by the next sync, unasked."""
    assert found.status == 3
    stage.change_host(stage.far()[0].name, port=stage.seen["port"])
    stage.mended()
    assert (stage.destination / stage.seen["late"]).exists()


FAULT = Fault(
    "D3",
    "a line that is down while a late night is caught up",
    make,
    ask,
    "unknown",
    says=("not reached",),
    after=after,
    where="far",
)
