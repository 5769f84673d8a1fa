"""What is taken for a loss at a destination, and what for the ordinary life of a night."""

from __future__ import annotations

import datetime as dt

import pytest

from catalogue.records import HopNight, NightState
from nightferry.vanished import was_lost
from syncer.outcome import NightMoves

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)


def proven(files: int, still_open: int = 0) -> HopNight:
    """Return a night of which so many files were proven."""
    return HopNight(
        "a:b", dt.date(2016, 9, 7), NightState.PROVEN, files, still_open, NOON, NOON, "size", files, 1, NOON
    )


@pytest.mark.parametrize(
    ("moves", "replaced", "is_lost"),
    [
        (NightMoves(10, 0, 10), 0, True),
        (NightMoves(10, 0, 6), 0, True),
        (NightMoves(10, 0, 5), 0, False),  # half of it was there
        (NightMoves(10, 0, 0), 0, False),
        (NightMoves(200, 0, 190), 0, False),  # it grew
        (NightMoves(200, 0, 196), 0, True),  # it grew, and of the ten there were four
        (NightMoves(10, 0, 10), 10, False),  # every file was made anew on the source
        (NightMoves(3, 0, 0), 0, False),  # its source was cleared
        (NightMoves(3, 0, 3), 0, False),  # and what is left is too little to tell
        (NightMoves(10, 4, 6), 0, True),
        (NightMoves(10, 10, 0), 0, False),  # nothing was carried: verify says it
    ],
)
def test_a_loss_is_what_had_to_be_carried_again(moves: NightMoves, replaced: int, is_lost: bool) -> None:
    """Of ten files that were proven."""
    assert was_lost(proven(10), moves, replaced) is is_lost


def test_a_night_of_which_nothing_was_there_has_lost_nothing() -> None:
    """Accepted as it was, or empty."""
    assert not was_lost(proven(10, still_open=10), NightMoves(10, 0, 10), 0)
    assert not was_lost(proven(0), NightMoves(10, 0, 10), 0)
