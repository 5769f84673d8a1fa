"""A night in which summer time begins or ends: longer or shorter, and one night all the same.

Leaves to each case which night.
"""

from __future__ import annotations

import datetime as dt

from observatory.nights import NightClock
from tests.faults.battery import Fault, Found, Stage


def clocks_change(name: str, title: str, begin: dt.datetime, hours: int) -> Fault:
    """Return the fault of a night in Madrid that begins at an instant and has so many hours.

    Every minute of it and of the night after belongs to one of the two, in order, and the night turns at local noon.
    """

    def ask(stage: Stage) -> Found:
        clock = NightClock.from_spec("Europe/Madrid", "12:00")
        nights = [clock.night_of(begin + dt.timedelta(minutes=minute)) for minute in range((hours + 24) * 60)]
        assert nights == sorted(nights)
        assert [nights.count(night) for night in sorted(set(nights))] == [hours * 60, 24 * 60]
        return Found("one night, no gap")

    return Fault(name, title, lambda stage: None, ask, "one night, no gap", where="bare")
