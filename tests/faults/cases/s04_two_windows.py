"""S4: sync and verify have windows of their own, and on 1 March the check is the smaller."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """A frame is missing in the window's oldest night, and one lies a night before it."""
    stage.expose([stage.ends[0]], [1], back=6)
    stage.expose([stage.ends[0]], [1], back=7)


def after(stage: Stage, found: Found) -> None:
    """Sync moves exactly what verify misses."""
    answer = stage.call("sync", "--json")
    assert (answer.status, answer.hop["transferred"]) == (0, 1)
    assert stage.call("sync", "--json").hop["nights"] == stage.call("verify", "--json").hop["nights"]
    assert stage.call("verify").status == 0


FAULT = Fault(
    "S4",
    "sync and verify look at different nights",
    make,
    verify(),
    "different: 1 missing",
    after=after,
)
