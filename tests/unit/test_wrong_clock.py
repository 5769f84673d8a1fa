"""A machine whose clock was ahead for an hour: what it noted then must not stay the newest for a year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightferry.reporting import delivery
from nightferry.reporting.status import not_run, site_status
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.truth import State
from reports.model import Report
from tests.unit.spec.folders import instrument, write

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
DAY = dt.timedelta(hours=26)


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """A site of one instrument, on a fixed evening."""
    with Workplace.at(write(tmp_path, sha=instrument("sha")), lambda: NOW) as opened:
        yield opened


def finished(workplace: Workplace, at: dt.datetime) -> None:
    """Note a run and keep its report, as a machine does that takes `at` for the time."""
    run = workplace.ledger.start_run("run", ["sha"], at, "astro", 1)
    workplace.ledger.finish_run(run, State.OK, at)
    delivery.keep(workplace, Report("Sutherland", "run", at, at))


def late(workplace: Workplace) -> list[str]:
    """Return the instruments that the watch from outside complains of."""
    return [name for name, _ in not_run(workplace, Asked(), DAY)]


def test_a_run_of_the_future_does_not_keep_the_watch_green(workplace: Workplace) -> None:
    """Two days without a run are two days, though something says that it finished next year."""
    finished(workplace, NOW + YEAR)
    finished(workplace, NOW - 2 * DAY)
    assert late(workplace) == ["sha"]
    assert site_status(workplace).finished_utc == NOW - 2 * DAY


def test_the_runs_after_it_count_again(workplace: Workplace) -> None:
    """The clock was set right and the schedule goes on: nothing to complain of, and theirs is the last report."""
    finished(workplace, NOW + YEAR)
    finished(workplace, NOW - DAY / 26)
    assert late(workplace) == []
    assert delivery.last(workplace).started_utc == NOW - DAY / 26


def test_where_there_is_no_other_it_is_shown_and_not_believed(workplace: Workplace) -> None:
    """`never` would be false; that it was within the last day is not known."""
    finished(workplace, NOW + YEAR)
    assert site_status(workplace).finished_utc == NOW + YEAR
    assert late(workplace) == ["sha"]
    assert delivery.last(workplace).started_utc == NOW + YEAR


def test_a_neighbour_whose_clock_is_half_a_minute_ahead_is_believed(workplace: Workplace) -> None:
    """Several machines write into one ledger, and `sync` allows as much."""
    finished(workplace, NOW + dt.timedelta(seconds=30))
    assert late(workplace) == []
