"""What the watch from outside (`status --max-age`) takes for a sign that nights still arrive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from nightferry.reporting.status import not_run
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.truth import State
from tests.unit.spec.folders import SITE, write

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(hours=26)


@pytest.mark.parametrize(
    ("schedule", "kind", "is_late"),
    [
        ('run: "0 8 * * *", convert: "*/10 * * * *"', "run", False),
        ('run: "0 8 * * *", convert: "*/10 * * * *"', "verify", False),
        ('run: "0 8 * * *", convert: "*/10 * * * *"', "convert", True),
        ('run: "0 8 * * *", prune: "0 9 * * *"', "prune", True),
        ('convert: "*/10 * * * *"', "convert", False),
        ("", "sync", False),
        ("", "convert", True),
    ],
)
def test_only_jobs_that_look_at_the_hops_keep_the_watch_quiet(
    tmp_path: Path, schedule: str, kind: str, is_late: bool
) -> None:
    """A conversion every ten minutes is no sign of life of the nightly run; where nothing else is due it is all."""
    with Workplace.at(write(tmp_path, f"{SITE}schedule: {{{schedule}}}\n"), lambda: NOW) as workplace:
        run = workplace.ledger.start_run(kind, ["sha"], NOW, "here", 1)
        workplace.ledger.finish_run(run, State.OK, NOW)
        assert bool(not_run(workplace, Asked(), DAY)) is is_late
