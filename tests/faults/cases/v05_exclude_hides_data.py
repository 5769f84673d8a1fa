"""V5: an exclude pattern hides real data."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """Exclude by a pattern meant for darks; real frames match it too."""
    cameras = {"sha": {"files": ["SHA_*.fits"], "exclude": ["*.000[1-3].fits"]}}
    copies = [stage.copy(end) for end in stage.ends]
    stage.declare("sha", copies=copies, cameras=cameras)


def ask(stage: Stage) -> Found:
    """Verify: what is excluded is not counted among the compared."""
    hop = stage.call("verify", "--json").hop
    return Found(f"{hop['state']}, {hop['compared']} files counted")


FAULT = Fault(
    "V5",
    "an exclude pattern takes frames along",
    make,
    ask,
    "ok, 3 files counted",
)
