"""C3: a night of 23 hours."""

from __future__ import annotations

import datetime as dt

from observatory.nights import NightClock
from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """Nothing: the zone is the fault."""


def ask(stage: Stage) -> Found:
    """Every minute of two days belongs to one of two nights, in order, and the night turns at local noon."""
    clock = NightClock.from_spec("Europe/Madrid", "12:00")
    begin = dt.datetime(2026, 3, 28, 11, tzinfo=dt.UTC)
    nights = [clock.night_of(begin + dt.timedelta(minutes=minute)) for minute in range(47 * 60)]
    assert nights == sorted(nights)
    assert [nights.count(night) for night in sorted(set(nights))] == [23 * 60, 24 * 60]
    return Found("one night, no gap")


FAULT = Fault(
    "C3",
    "summer time begins in the night: it has 23 hours",
    make,
    ask,
    "one night, no gap",
    where="bare",
)
