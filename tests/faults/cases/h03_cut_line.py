"""H3: the connection is cut at the k-th byte of what the far end says."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.integration.test_ssh_faults import Relay


def make(stage: Stage) -> None:
    """Let one frame be missing; the line goes through a relay that can be cut."""
    stage.there(2).unlink()
    relay = Relay(stage.far()[0])
    stage.through(relay)
    assert stage.call("verify").status == 1
    stage.seen["relay"], stage.seen["whole"] = relay, relay.passed


def ask(stage: Stage) -> Found:
    """Cut at bytes spread over the whole conversation: what is said is true, or nobody could tell."""
    relay, whole = stage.seen["relay"], stage.seen["whole"]
    for share in range(1, 16 if stage.is_full else 6):
        relay.cut_after = relay.passed + whole * share // (16 if stage.is_full else 6)
        answer = stage.call("verify", "--json")
        assert answer.document["state"] in ("unknown", "different"), answer
        assert answer.status in (1, 3)
        if answer.status == 1:  # the line was made anew and held: then all was seen
            assert answer.hop["missing"] == [stage.frames[2]]
    relay.cut_after = None
    return Found("unknown or different, never ok", 3)


def after(stage: Stage, found: Found) -> None:
    """Held again, it is as it was."""
    assert stage.call("verify", "--json").hop["missing"] == [stage.frames[2]]


FAULT = Fault(
    "H3",
    "the line is cut at the k-th byte, for many k",
    make,
    ask,
    "unknown or different, never ok",
    after=after,
    where="far",
)
