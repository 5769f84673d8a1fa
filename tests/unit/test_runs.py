"""What is known of runs that never came to their end, and said by the next one."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightferry.runs import Run, crashes, forgotten
from nightferry.workplace import Workplace
from observatory.files import write_whole
from observatory.truth import State
from tests.unit.spec.folders import instrument, write

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """A site of one instrument, on a fixed evening."""
    with Workplace.at(write(tmp_path, sha=instrument("sha")), lambda: NOW) as opened:
        yield opened


def dead_process() -> int:
    """Return the number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_run_that_crashed_is_said_once(workplace: Workplace) -> None:
    """With its kind and time; a run that still works, or works elsewhere, did not crash."""
    ledger = workplace.ledger
    ledger.start_run("run", ["sha"], NOW, workplace.hostname, dead_process())
    ledger.start_run("sync", ["sha"], NOW, workplace.hostname, os.getpid())
    ledger.start_run("verify", ["sha"], NOW, "elsewhere", dead_process())
    (said,) = crashes(workplace)
    assert said == "the run begun at 2016-09-07 18:00 UTC did not come to its end; this run goes on from there"
    assert list(crashes(workplace)) == []


def test_a_run_is_begun_when_its_number_is_asked_for(workplace: Workplace) -> None:
    """Opening the ledger costs time that a listing can use; finished it is the last one."""
    run = Run(workplace, "verify", ["sha"])
    assert workplace.ledger.unfinished_runs() == ()
    number = run.id
    assert [one.id for one in workplace.ledger.unfinished_runs()] == [number]
    run.finish(State.OK)
    last = workplace.ledger.last_finished("verify")
    assert last is not None
    assert (last.id, last.state, last.started_utc) == (run.id, State.OK, NOW)


def test_a_dry_run_is_not_in_the_ledger(workplace: Workplace) -> None:
    """It leaves no trace."""
    run = Run(workplace, "sync", ["sha"], dry_run=True)
    run.finish(State.OK)
    assert workplace.ledger.last_finished() is None


def test_a_ledger_that_was_deleted_is_said(workplace: Workplace) -> None:
    """It has forgotten which older nights were never proven; a new installation has forgotten nothing."""
    assert list(forgotten(workplace)) == []
    kept = workplace.state / "reports/20160906T120000.000000Z-run"
    kept.mkdir(parents=True)
    write_whole(kept / "record.json", b"{}")
    (said,) = forgotten(workplace)
    assert "verify -d FIRST..LAST" in said.sentence
    assert said.is_urgent
    _ = Run(workplace, "run", ["sha"]).id
    assert list(forgotten(workplace)) == []


def test_a_ledger_from_an_older_backup_is_said(workplace: Workplace) -> None:
    """Once: the run that says it is newer. A report of its own newest run is no news, nor is what nobody can date."""
    ledger = workplace.ledger
    for stamp in ("20160904T180000.000000Z", "20160906T180000.000000Z", "somebody"):
        kept = workplace.state / f"reports/{stamp}-run"
        kept.mkdir(parents=True)
        write_whole(kept / "record.json", b"{}")
    ledger.start_run("run", ["sha"], NOW - dt.timedelta(3), workplace.hostname, 1)
    (said,) = forgotten(workplace)
    assert "knows nothing after 2016-09-04 18:00 UTC, but the run of 2016-09-06 18:00 UTC" in said.sentence
    assert said.is_urgent
    ledger.start_run("run", ["sha"], NOW - dt.timedelta(1), workplace.hostname, 1)
    assert list(forgotten(workplace)) == []
    assert list(forgotten(workplace)) == []
