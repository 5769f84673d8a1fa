"""Which copies are still to be brought files of a night, by what the hops above them lack."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from catalogue.records import HopNight, NightState, NightStatus
from nightferry.reporting.still_to_come import hops_above, reopened, still_to_come
from observatory.spec.chain import hops
from observatory.spec.models import Instrument

NIGHT = dt.date(2016, 9, 7)
COPIES = [
    {"host": "cam1", "root": "/data"},
    {"host": "cam2", "root": "/data", "origin": True},
    {"host": "summit", "root": "/raw", "from": ["cam1", "cam2"]},
    {"host": "base", "root": "/raw"},
    {"host": "partner", "root": "/raw", "from": "summit"},
    {"host": "vault", "root": "/raw", "from": "cam2"},
]
DECLARED = {"instrument": "sha", "layout": "%Y%m%d", "cameras": {"sha": {"files": ["*.fits"]}}, "copies": COPIES}
ABOVE = hops_above(hops(Instrument.model_validate(DECLARED)))


def hop(key: str, open_files: int = 0, state: NightState = NightState.PROVEN) -> HopNight:
    """Return a night of ten files on a hop."""
    return HopNight(key, NIGHT, state, 10, open_files, None, None, None, 0, 0, None)


def test_what_a_joined_copy_lacks_is_still_to_come_to_all_behind_it() -> None:
    """And to no copy that another one fills."""
    short = hop("cam2:summit", 1, NightState.OPEN)
    assert still_to_come(ABOVE, [short, hop("cam1:summit")]) == {"summit:base", "summit:partner"}
    assert still_to_come(ABOVE, [hop("summit:base", 1, NightState.OPEN)]) == set()


def test_what_is_accepted_or_only_not_proven_yet_is_not_waited_for() -> None:
    """A sync that carried everything leaves its hops open until they are verified."""
    assert still_to_come(ABOVE, [replace(hop("cam1:summit", 3), state=NightState.ACCEPTED)]) == set()
    assert still_to_come(ABOVE, [hop("cam1:summit", 0, NightState.OPEN)]) == set()


def test_a_drive_that_was_emptied_takes_nothing_from_what_it_delivered() -> None:
    """It lacks the night now, and had all of it when it was taken down; a night of which it had less is waited for."""
    copies = [
        {"host": "summit", "root": "/raw"},
        {"host": "summit", "root": "/media", "name": "shuttle", "removable": True},
        {"host": "base", "root": "/raw"},
    ]
    above = hops_above(hops(Instrument.model_validate(DECLARED | {"copies": copies})))
    emptied = hop("summit:shuttle", 10, NightState.OPEN)
    assert still_to_come(above, [emptied, hop("shuttle:base")]) == set()
    assert still_to_come(above, [emptied, replace(hop("shuttle:base"), source_files=9)]) == {"shuttle:base"}
    late = hop("summit:shuttle", 2, NightState.OPEN)
    assert still_to_come(above, [late, hop("shuttle:base")]) == {"shuttle:base"}


def test_a_hop_that_proved_less_than_the_night_shows_it_open() -> None:
    """Others stay as they are."""
    night = NightStatus(NIGHT, (hop("summit:base"), hop("cam2:vault"), hop("x", 1, NightState.ACCEPTED)))
    shown = reopened(night, {"summit:base", "x"})
    assert [one.state for one in shown.hops] == [NightState.OPEN, NightState.PROVEN, NightState.ACCEPTED]
