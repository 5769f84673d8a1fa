"""A PostgreSQL server that falls silent, or whose database is dropped, while a run works with it."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogue import answering
from catalogue.ledger import Ledger
from catalogue.records import MovedFile
from catalogue.store import open_store
from observatory.errors import RecordsUnavailable
from tests.databases import fresh_database, postgresql_server
from tests.hosts import below, stopped
from tests.observatory import Observatory, dome_and_archive

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
QUIET_S, LOGIN_S = 0.5, 2
"""libpq gives no login less than two seconds."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute would be the test's only length."""
    monkeypatch.setattr(answering, "QUIET_S", QUIET_S)
    monkeypatch.setattr(answering, "LOGIN_S", LOGIN_S)


@pytest.fixture(scope="module")
def own_server(run_folder: Path) -> Iterator[str]:
    """A server that may be stopped: the URL of one of its databases."""
    with postgresql_server(run_folder / "silent") as url:
        yield url


def processes(url: str) -> list[int]:
    """Return a server's processes, that which lets clients in first."""
    match = re.search("host=(.*)", url)
    assert match is not None
    first = int((Path(match[1].replace("%2F", "/")) / "data" / "postmaster.pid").read_text().split()[0])
    return [first, *below(first)]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_falls_silent_in_a_session_is_not_waited_for_for_ever(own_server: str, tmp_path: Path) -> None:
    """Its kernel goes on confirming what it is sent: no keepalive tells, and a run waited until somebody ended it."""
    with Ledger.open(f"{fresh_database(own_server)}&connect_timeout={LOGIN_S}", tmp_path) as ledger:
        run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        with stopped(processes(own_server)):
            began_s = time.monotonic()
            with pytest.raises(RecordsUnavailable) as caught:
                ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)
            assert time.monotonic() - began_s < QUIET_S + 4 * LOGIN_S + 5
        assert not caught.value.is_permanent
        ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)
        assert [moved.path for moved in ledger.moved_files("sha", "a:b")] == [b"x"], "it works again, and is used again"


@pytest.mark.usefixtures("impatient")
def test_in_the_middle_of_a_statement_too(own_server: str) -> None:
    """And of one that is long it is asked whether it still works, which it says by letting others in."""
    store = open_store(fresh_database(own_server), Path())
    with store.read() as connection:
        connection.execute(sa.select(sa.func.pg_sleep(3 * QUIET_S)))
    said = r"has not answered for .* and it lets nobody in: .*look at its machine"
    with pytest.raises(RecordsUnavailable, match=said), store.read() as connection:
        connection.scalar(sa.text("SELECT 1"))
        with stopped(processes(own_server)):
            connection.scalar(sa.text("SELECT 1"))
    store.close()


@pytest.mark.usefixtures("impatient")
def test_a_session_that_alone_stands_still_ends_too(own_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its disk hangs, say: others are let in, and get as far."""
    monkeypatch.setattr(answering, "LONGEST_S", 1.0)
    store = open_store(fresh_database(own_server), Path())
    with pytest.raises(RecordsUnavailable, match="and it lets others in"), store.read() as connection:
        session = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        with stopped([session]):
            connection.scalar(sa.text("SELECT 1"))
    store.close()


def drop(url: str, server: str, then: str) -> None:
    """Drop a database from below who works with it, and make it anew: empty, or by another nightferry."""
    name = url.partition("?")[0].rpartition("/")[2]
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        if then != "gone":
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    if then == "filled":
        Ledger.open(url, Path()).close()


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("gone", r'database "\w+" does not exist'),
        ("empty", "its tables were dropped, and perhaps made anew, while this worked.* Start again"),
        ("filled", "its tables were dropped, and perhaps made anew, while this worked.* Start again"),
    ],
)
def test_a_database_that_is_dropped_from_below_a_run_is_said_to_be(
    postgresql: str, tmp_path: Path, then: str, said: str
) -> None:
    """Made anew with our tables, it knew no such run: that read as a fault of ours, with a traceback."""
    url = fresh_database(postgresql)
    with Ledger.open(url, tmp_path) as ledger:
        run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        drop(url, postgresql, then)
        with pytest.raises(RecordsUnavailable, match=said):
            ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)


def test_tables_that_are_dropped_below_an_open_session_are_told_too(postgresql: str, tmp_path: Path) -> None:
    """`DROP SCHEMA` ends no session."""
    url = fresh_database(postgresql)
    with Ledger.open(url, tmp_path) as ledger:
        run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        engine.dispose()
        Ledger.open(url, tmp_path).close()
        with pytest.raises(RecordsUnavailable, match="perhaps made anew, while this worked"):
            ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)


def test_a_server_that_is_started_anew_between_two_notes_is_used_again(postgresql: str, tmp_path: Path) -> None:
    """Its sessions are gone, its tables are the same."""
    url = fresh_database(postgresql)
    with Ledger.open(url, tmp_path) as ledger:
        ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        engine = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            sessions = connection.scalars(sa.text("SELECT pid FROM pg_stat_activity WHERE datname LIKE 'fresh%'"))
            for one in sessions.all():
                connection.execute(sa.select(sa.func.pg_terminate_backend(one)))
        engine.dispose()
        ledger.start_run("verify", ["sha"], NOON, "astro", 1)
        assert len(ledger.unfinished_runs()) == 2


def test_a_run_whose_database_is_made_anew_meanwhile_ends_without_a_traceback(
    postgresql: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it carried is told all the same."""
    url = fresh_database(postgresql)
    site: Observatory = dome_and_archive(tmp_path / "site", capsys)
    site.write_site(database=url)
    site.expose(["dome"], [1, 2, 3])
    note = Ledger.record_moved

    def noted_late(ledger: Ledger, *words: object, **more: object) -> None:
        drop(url, postgresql, "filled")
        note(ledger, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "record_moved", noted_late)  # nothing else comes just before a note
    told = site.call("sync")
    assert told.status == 3
    assert "perhaps made anew, while this worked" in told.out
    assert "Traceback" not in told.err
