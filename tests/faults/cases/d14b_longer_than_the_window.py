"""D14: the line is down for longer than the window is: its nights would be too old when it comes back."""

from __future__ import annotations

import datetime as dt

from tests.faults.battery import Fault, Found, Stage
from tests.faults.then import synced_at, verified_at
from tests.observatory import tree

DAYS = 12
"""The window has 7 nights."""


def make(stage: Stage) -> None:
    """Sync once; then nobody could look for twelve days, in which frames were taken every night."""
    stage.seen["now"] = dt.datetime.now(dt.UTC)
    assert synced_at(stage, stage.seen["now"] - dt.timedelta(days=DAYS)).state.value == "ok"
    away = stage.source.with_name("away")
    stage.source.rename(away)
    for day in (DAYS - 1, 1):
        assert synced_at(stage, stage.seen["now"] - dt.timedelta(days=day)).state.value == "unknown"
    away.rename(stage.source)
    for back in range(2, DAYS + 1):
        stage.frames += stage.expose([stage.ends[0]], [1], back=back)


def ask(stage: Stage) -> Found:
    """Verify, now that the line is up again; somebody has looked at one night by itself before."""
    assert stage.call("verify", "-d", f"{stage.night(2):%Y%m%d}").status == 1
    verdict = verified_at(stage, stage.seen["now"])
    return Found(verdict.state.value, 1, {"missing": len(verdict.missing)})


def after(stage: Stage, found: Found) -> None:
    """The next sync carries every night; then the window is as long as it was."""
    synced_at(stage, stage.seen["now"])
    assert tree(stage.source) == tree(stage.destination)
    assert verified_at(stage, stage.seen["now"]).state.value == "ok"
    assert len(verified_at(stage, stage.seen["now"]).nights) == 7


FAULT = Fault(
    "D14b",
    "the line is down for twelve days, and the window has seven nights",
    make,
    ask,
    "different: 11 missing",
    after=after,
)
