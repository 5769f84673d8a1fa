"""C4: a night of 25 hours, in which an hour comes twice."""

from __future__ import annotations

import datetime as dt

from observatory.nights import NightClock
from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """Nothing: the zone is the fault."""


def ask(stage: Stage) -> Found:
    """Every minute of two days belongs to one of two nights, in order, and the night turns at local noon."""
    clock = NightClock.from_spec("Europe/Madrid", "12:00")
    begin = dt.datetime(2026, 10, 24, 10, tzinfo=dt.UTC)
    nights = [clock.night_of(begin + dt.timedelta(minutes=minute)) for minute in range(49 * 60)]
    assert nights == sorted(nights)
    assert [nights.count(night) for night in sorted(set(nights))] == [25 * 60, 24 * 60]
    return Found("one night, no gap")


FAULT = Fault(
    "C4",
    "summer time ends in the night: an hour comes twice",
    make,
    ask,
    "one night, no gap",
    where="bare",
)
