"""D7: the night of 31 December is split over two years."""

from __future__ import annotations

import datetime as dt

from observatory.nights import night_text
from tests.faults.battery import Fault, Found, Stage
from tests.faults.then import verified_at
from tests.observatory import fits_file

NOW = dt.datetime(2027, 1, 1, 10, tzinfo=dt.UTC)


def make(stage: Stage) -> None:
    """The night's frames are on one side."""
    for number in range(3):
        stage.put(stage.ends[0], f"2026/1231/SHA_20261231.{number + 1:04d}.fits", fits_file(seed=number))


def ask(stage: Stage) -> Found:
    """Verify from noon of 1 January."""
    verdict = verified_at(stage, NOW)
    nights = [night_text(night) for night, count in verdict.per_night.items() if count.open_files]
    return Found(verdict.state.value, 1, {"missing": len(verdict.missing)}, " ".join(nights))


def after(stage: Stage, found: Found) -> None:
    """They belong to the one night of 31 December."""
    assert found.reason == "20261231"


FAULT = Fault(
    "D7",
    "a night begins in one year and ends in the next",
    make,
    ask,
    "different: 3 missing",
    after=after,
)
