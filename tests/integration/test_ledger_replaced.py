"""A ledger's file that somebody deletes, replaces or empties while it is open; and a daemon that outlives it."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogue.ledger import Ledger
from catalogue.store import open_store
from catalogue.tables import runs
from nightferry.daemon import Daemon, trigger_of
from nightferry.workplace import Workplace
from observatory.errors import RecordsUnavailable
from observatory.truth import State
from tests.observatory import Observatory, dome_and_archive

URL = "sqlite:///catalogue.db"
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)


def delete(path: Path) -> None:
    """By itself, as people do who have heard that it is made anew."""
    path.unlink()


def empty(path: Path) -> None:
    """``: > catalogue.db``."""
    path.write_bytes(b"")


def replace(path: Path) -> None:
    """By a copy, as a restored backup is."""
    shutil.copyfile(path, path.with_suffix(".old"))
    path.with_suffix(".old").replace(path)


@pytest.mark.parametrize("meddle", [delete, empty, replace])
def test_what_is_noted_into_a_file_that_is_gone_is_not_called_noted(
    tmp_path: Path, meddle: Callable[[Path], None]
) -> None:
    """SQLite writes on into a file that has no name any more; a run said that all is well, and nothing was kept."""
    with Ledger.open(URL, tmp_path) as ledger:
        run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        meddle(tmp_path / "catalogue.db")
        with pytest.raises(RecordsUnavailable, match="deleted, replaced or emptied while this worked"):
            ledger.finish_run(run, State.OK, NOON)


@pytest.mark.parametrize("meddle", [delete, empty, replace])
def test_a_writer_of_many_transactions_looks_before_each(tmp_path: Path, meddle: Callable[[Path], None]) -> None:
    """An ingest of hours noted all that followed into a file without a name."""
    store = open_store(URL, tmp_path)
    with store.writer() as connection:
        with connection.begin():
            connection.execute(note())
        meddle(tmp_path / "catalogue.db")
        with pytest.raises(RecordsUnavailable, match="deleted, replaced or emptied"), connection.begin():
            connection.execute(note())
    store.close()


@pytest.mark.parametrize("meddle", [delete, empty, replace])
def test_what_becomes_of_the_file_within_a_transaction_is_told_by_it(
    tmp_path: Path, meddle: Callable[[Path], None]
) -> None:
    """The last one of a run would else be called noted."""
    store = open_store(URL, tmp_path)
    with pytest.raises(RecordsUnavailable, match="deleted, replaced or emptied"), store.write() as connection:
        connection.execute(note())
        meddle(tmp_path / "catalogue.db")
    store.close()


def note() -> sa.Insert:
    """Return something to write."""
    return runs.insert().values(kind="sync", started_utc=NOON, host="astro", pid=1)


def test_a_file_that_grows_and_is_carried_over_is_the_same(tmp_path: Path) -> None:
    """Another connection's notes, and SQLite's own keeping, replace nothing."""
    with Ledger.open(URL, tmp_path) as ledger:
        for _ in range(3):
            with Ledger.open(URL, tmp_path) as other:
                other.finish_run(other.start_run("sync", ["sha"], NOON, "astro", 1), State.OK, NOON)
            assert ledger.last_finished() is not None


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two folders of this machine, and a job that fell due while the machine was off."""
    made = dome_and_archive(tmp_path, capsys)
    made.write_site(schedule={"run": "0 8 * * *"})
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=9)
    with Ledger.open(URL, made.state) as ledger:
        ledger.job_due("run", long_ago)
        ledger.job_finished("run", long_ago, long_ago, State.OK)
    return made


def daemon_of(workplace: Workplace) -> Daemon:
    """Return a daemon whose jobs end well at once."""
    trigger = trigger_of("0 8 * * *", workplace.specification.zone)
    return Daemon(workplace, lambda words: 0, {"run": trigger})


def test_the_daemon_notes_its_jobs_in_the_file_that_lies_there(site: Observatory) -> None:
    """Held open for months, it was one that somebody had deleted: after the next start no missed job was made up."""
    with Workplace.at(site.config) as workplace:
        daemon = daemon_of(workplace)
        daemon._due("run")
        (site.state / "catalogue.db").unlink()
        daemon._due("run")
    with Ledger.open(URL, site.state) as ledger:
        noted = ledger.last_job("run")
    assert noted is not None and noted.state is State.OK


def test_no_other_program_waits_for_the_daemon_where_the_file_was_emptied(site: Observatory) -> None:
    """Each job was refused after minutes, as locked by another program, until the daemon was started again."""
    with Workplace.at(site.config) as workplace:
        daemon = daemon_of(workplace)
        daemon.make_up()
        empty(site.state / "catalogue.db")
        Ledger.open(URL, site.state, busy_timeout_s=0.1).close()


def test_what_a_ledger_that_is_away_does_not_tell_is_asked_again(
    site: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    """A daemon that started before its database ended, and the observatory was silent."""
    ledger = site.state / "catalogue.db"
    ledger.rename(site.folder / "kept")
    ledger.mkdir()
    with Workplace.at(site.config) as workplace:
        daemon = daemon_of(workplace)
        with caplog.at_level(logging.ERROR, "nightferry"):
            daemon.make_up()
        assert daemon._scheduler.get_jobs() == []
        assert "not known what was missed" in caplog.text
        ledger.rmdir()
        (site.folder / "kept").rename(ledger)
        daemon.make_up()
        daemon.make_up()
        assert [job.id for job in daemon._scheduler.get_jobs()] == ["run made up"]


def test_what_fell_due_meanwhile_makes_up_for_what_was_missed(site: Observatory) -> None:
    """Several of one kind become one, also where the first could not be noted."""
    with Workplace.at(site.config) as workplace:
        daemon = daemon_of(workplace)
        daemon._due("run")
        daemon.make_up()
        assert daemon._scheduler.get_jobs() == []
