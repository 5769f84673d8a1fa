"""A hop's times and its root, as others remember them: whose clock counts, and that a root was seen."""

from __future__ import annotations

import datetime as dt

from tests.unit.test_sync import ENGINE, ONE, OTHER_NIGHT, THERE, World
from tests.worlds import OLD_S, copies


def test_the_hours_of_a_transfer_are_asked_of_the_sites_clock() -> None:
    """Not of this machine's: it may stand in another zone."""
    asked: list[dt.datetime] = []

    def now() -> dt.datetime:
        asked.append(dt.datetime(2016, 9, 7, 20, 0, tzinfo=dt.timezone(dt.timedelta(hours=2))))
        return asked[-1]

    slow = {"from": "18:00", "until": "06:00", "rate_bytes_per_s": 1_000_000}
    world = World({ONE: b"1"}, {}, copies=copies({}, {"transfer": ENGINE["transfer"] | {"hours": [slow]}}))
    assert world.sync(now=now).transferred == 1
    assert asked


def test_a_root_that_was_marked_just_now_is_a_root_that_was_seen() -> None:
    """Else a drive would never have been there when it is taken away after its first fill."""
    world = World({ONE: b"1"}, {})
    world.destination.things.pop(THERE + b"/.nightferry/root", None)
    world.destination.put(THERE + b"/" + OTHER_NIGHT, b"9", OLD_S)
    outcome = world.sync()
    assert outcome.markers[1] is not None
    assert world.below(b".nightferry/")[b"root"] == outcome.markers[1].encode() + b"\n"
