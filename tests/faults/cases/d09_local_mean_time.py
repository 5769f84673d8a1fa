"""D9: a zone's local mean time shifts a night's beginning by 28 minutes."""

from __future__ import annotations

import datetime as dt

from observatory.nights import NightClock
from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """Nothing: the zone is the fault."""


def ask(stage: Stage) -> Found:
    """Ask when a night in Phoenix begins, whose local mean time is 7 h 28 min behind."""
    clock = NightClock.from_spec("America/Phoenix", "12:00")
    begin = dt.datetime(2026, 11, 20, 19, 0, tzinfo=dt.UTC)
    before = clock.night_of(begin - dt.timedelta(seconds=1))
    assert (before, clock.night_of(begin)) == (dt.date(2026, 11, 19), dt.date(2026, 11, 20))
    return Found(f"night begins at {begin:%H:%M} UTC")


FAULT = Fault(
    "D9",
    "a zone whose oldest entry is its local mean time",
    make,
    ask,
    "night begins at 19:00 UTC",
)
