"""D12: the years to be left out are written into a program that somebody edits each January."""

from __future__ import annotations

import datetime as dt

from tests.faults.battery import Fault, Found, Stage
from tests.faults.then import verified_at
from tests.observatory import fits_file

YEARS = (2027, 2028, 2031, 2039, 2050)


def make(stage: Stage) -> None:
    """A frame on one side in the middle of January of years to come; nothing is edited for them."""
    for year in YEARS:
        stage.put(stage.ends[0], f"{year}/0114/SHA_{year}0114.0001.fits", fits_file(seed=year))


def ask(stage: Stage) -> Found:
    """Verify on the day after each: it is missing until it is there, and it alone."""
    for year in YEARS:
        verdict = verified_at(stage, dt.datetime(year, 1, 15, 12, tzinfo=dt.UTC))
        assert verdict.missing == (f"{year}/0114/SHA_{year}0114.0001.fits".encode(),), year
        assert verdict.state.value == "different"
        stage.put(stage.ends[1], f"{year}/0114/SHA_{year}0114.0001.fits", fits_file(seed=year))
        assert verified_at(stage, dt.datetime(year, 1, 15, 13, tzinfo=dt.UTC)).state.value == "ok"
    return Found("different: 1 missing, each year", 1)


FAULT = Fault(
    "D12",
    "a new year begins, and nobody edits anything",
    make,
    ask,
    "different: 1 missing, each year",
)
