"""Servers set up for others, or that fail: a sentence, never a traceback, and nothing noted is read as another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogue.ledger import Ledger
from catalogue.records import MovedFile
from catalogue.store import open_store
from observatory.errors import RecordsUnavailable, UsageError
from tests.databases import fresh_database
from tests.observatory import Observatory, dome_and_archive, tree

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
MTIME_S = 1473249599.123456717
"""Takes all seventeen digits that a double has."""


def name_of(url: str) -> str:
    """Return the name of the database in a URL."""
    return url.partition("?")[0].rpartition("/")[2]


@contextmanager
def session(url: str) -> Iterator[sa.Connection]:
    """Give a connection of the administrator's, each statement of which counts at once."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def administer(postgresql: str) -> Callable[[str], None]:
    """Say one statement to the server as its administrator."""

    def say(statement: str) -> None:
        with session(postgresql) as connection:
            connection.exec_driver_sql(statement)

    return say


@pytest.fixture
def url(postgresql: str) -> str:
    """An empty database of this test's own."""
    return fresh_database(postgresql)


@pytest.fixture
def role(administer: Callable[[str], None]) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    administer("CREATE ROLE guest LOGIN")
    yield "guest"
    administer("DROP ROLE guest")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DateStyle", "'SQL, DMY'"),
        ("TimeZone", "'Pacific/Chatham'"),
        ("extra_float_digits", "'-3'"),
        ("standard_conforming_strings", "off"),
        ("bytea_output", "'escape'"),
        ("default_transaction_isolation", "'serializable'"),
        ("client_encoding", "'LATIN1'"),
    ],
)
def test_a_database_set_up_for_others_gives_back_what_was_noted(
    url: str, administer: Callable[[str], None], tmp_path: Path, setting: str, value: str
) -> None:
    """Instants, times of files, names and sentences, whatever form its administrator is used to."""
    administer(f"ALTER DATABASE {name_of(url)} SET {setting} = {value}")
    reason = r"łódź \' \\ ☃"
    for _ in range(2):  # as the tables are made, and as they are there
        with Ledger.open(url, tmp_path) as ledger:
            run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
            ledger.record_moved(run, "sha", "a:b", [MovedFile(b"\xff\\x\0", 1, MTIME_S)], NOON)
            ledger.accept("sha", NOON.date(), reason=reason, by="b", at_utc=NOON)
            assert list(ledger.moved_files("sha", "a:b")) == [MovedFile(b"\xff\\x\0", 1, MTIME_S, None, NOON)]
            assert {(one.reason, one.at_utc) for one in ledger.acceptances("sha")} == {(reason, NOON)}


def encoded(administer: Callable[[str], None], url: str, encoding: str) -> str:
    """Make a database in an encoding, and return its URL."""
    name = f"{name_of(url)}_{encoding.lower()}"
    administer(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    return url.replace(name_of(url), name)


def test_a_database_without_an_encoding_keeps_every_name(
    url: str, administer: Callable[[str], None], tmp_path: Path
) -> None:
    """SQL_ASCII keeps bytes as they come: ours are UTF-8."""
    with Ledger.open(encoded(administer, url, "SQL_ASCII"), tmp_path) as ledger:
        ledger.accept("sha", NOON.date(), reason="łódź", by="b", at_utc=NOON)
        assert [one.reason for one in ledger.acceptances("sha")] == ["łódź"]


def test_a_database_whose_encoding_lacks_letters_is_refused_at_once(
    url: str, administer: Callable[[str], None], tmp_path: Path
) -> None:
    """Else the first name with such a letter would break off the run that notes it."""
    with pytest.raises(RecordsUnavailable, match=r"LATIN1 cannot keep every name.* `createdb -T template0 -E UTF8"):
        Ledger.open(encoded(administer, url, "LATIN1"), tmp_path)


def test_a_role_that_may_make_no_tables_is_told_so(url: str, role: str, tmp_path: Path) -> None:
    """What PostgreSQL calls a wrong statement is no fault of ours."""
    with pytest.raises(RecordsUnavailable, match=r"permission denied for schema public.* let this role own them"):
        Ledger.open(url.replace("nightferry@", f"{role}@"), tmp_path)


def test_a_role_that_may_only_read_reads_and_is_told_at_its_first_note(url: str, role: str, tmp_path: Path) -> None:
    """A person's account on the site's database."""
    Ledger.open(url, tmp_path).close()
    with session(url) as administrator:
        administrator.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        with Ledger.open(url.replace("nightferry@", f"{role}@"), tmp_path) as ledger:
            assert ledger.last_finished() is None
            with pytest.raises(RecordsUnavailable, match=r"permission denied for table runs.* let this role own them"):
                ledger.start_run("sync", [], NOON, "astro", 1)
        administrator.exec_driver_sql(f"DROP OWNED BY {role}")


def test_a_search_path_that_leads_nowhere_is_named(url: str, administer: Callable[[str], None], tmp_path: Path) -> None:
    """With what it is about."""
    administer(f"ALTER DATABASE {name_of(url)} SET search_path = nowhere")
    with pytest.raises(RecordsUnavailable, match="search_path of this role names no schema"):
        Ledger.open(url, tmp_path)


def test_tables_of_no_version_are_said_to_be_so_there_too(url: str, tmp_path: Path) -> None:
    """As in SQLite: somebody's hands, or a version that was never released."""
    with Ledger.open(url, tmp_path) as ledger:
        with session(url) as administrator:
            administrator.exec_driver_sql("DROP TABLE holders CASCADE")
        with pytest.raises(RecordsUnavailable, match=r"no version that was ever released .*Move it aside"):
            ledger.known_copies()


def test_what_another_session_holds_is_waited_for_no_longer_than_in_sqlite(url: str, tmp_path: Path) -> None:
    """Without end before: a forgotten psql held up the daemon, and nobody was told."""
    Ledger.open(url, tmp_path).close()
    engine = sa.create_engine(url)
    with engine.begin() as holder, Ledger.open(url, tmp_path, busy_timeout_s=0.1) as ledger:
        holder.exec_driver_sql("LOCK TABLE runs")
        with pytest.raises(RecordsUnavailable, match="another program holds it locked; try again") as caught:
            ledger.start_run("sync", [], NOON, "astro", 1)
    engine.dispose()
    assert not caught.value.is_permanent


def test_a_wait_that_the_administrator_has_limited_stays_so(
    url: str, administer: Callable[[str], None], tmp_path: Path
) -> None:
    """The server's own limit holds."""
    administer(f"ALTER DATABASE {name_of(url)} SET lock_timeout = '7s'")
    store = open_store(url, tmp_path)
    with store.read() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "7s"
    store.close()


def test_machines_that_bring_one_database_up_to_date_at_once_do_it_once(
    url: str, administer: Callable[[str], None], tmp_path: Path
) -> None:
    """Also where transactions see what was there when they began: who waited saw the tables absent, and made them."""
    administer(f"ALTER DATABASE {name_of(url)} SET default_transaction_isolation = 'repeatable read'")
    with ThreadPoolExecutor(4) as pool:
        for ledger in pool.map(lambda _: Ledger.open(url, tmp_path), range(4)):
            assert ledger.last_finished() is None
            ledger.close()


def test_what_is_read_together_is_of_one_instant(url: str, tmp_path: Path) -> None:
    """Another machine's note between two questions is not half of an answer."""
    Ledger.open(url, tmp_path).close()
    store = open_store(url, tmp_path)
    count = sa.text("SELECT count(*) FROM runs")
    with store.read() as connection, Ledger.open(url, tmp_path) as other:
        assert connection.scalar(count) == 0
        other.start_run("sync", [], NOON, "astro", 1)
        assert connection.scalar(count) == 0
    with store.read() as connection:
        assert connection.scalar(count) == 1
    store.close()


def test_a_setting_that_is_none_is_a_slip_in_the_url(url: str, tmp_path: Path) -> None:
    """And what was meant for a password is not said."""
    with pytest.raises(UsageError, match='invalid connection option "pasword"') as caught:
        Ledger.open(f"{url}&pasword=secret", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_password_among_the_settings_is_never_said(url: str, tmp_path: Path) -> None:
    """Neither by messages nor by `doctor`, which names the database."""
    with Ledger.open(f"{url}&connect_timeout=7&password=secret", tmp_path) as ledger:
        assert "secret" not in ledger.database
        assert "connect_timeout=7" in ledger.database, "what is no secret helps who looks for a fault"
        assert name_of(url) in ledger.database


@pytest.fixture
def site(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two folders of this machine, a ledger in PostgreSQL, and a night."""
    made = dome_and_archive(tmp_path / "site", capsys)
    made.write_site(database=url)
    made.expose(["dome"], [1, 2, 3])
    return made


def test_doctor_finds_a_database_that_takes_no_writes(site: Observatory, administer: Callable[[str], None]) -> None:
    """It was called ok: a standby can be read."""
    assert "ok      database" in site.call("doctor").out
    administer(f"ALTER DATABASE {name_of(site.site['database'])} SET default_transaction_read_only = on")
    told = site.call("doctor")
    assert told.status == 3
    assert "UNKNOWN database" in told.out
    assert "name the one that takes writes" in told.out
    administer(f"ALTER DATABASE {name_of(site.site['database'])} RESET default_transaction_read_only")
    with Ledger.open(site.site["database"], site.state) as ledger:
        assert ledger.unfinished_runs() == (), "doctor leaves nothing behind"


def test_nothing_is_set_aside_that_cannot_be_noted(site: Observatory, administer: Callable[[str], None]) -> None:
    """`restore` took a night's products away first, and then found that the ledger still called them made."""
    step = {"step": "command", "run": ["cp", "{input}", "{output}"], "inputs": ["*.fits"], "outputs": ["{input}.twin"]}
    copies = [site.copy(name) for name in ("dome", "archive")]
    site.declare(copies=copies, convert={"steps": [{**step, "copy": "archive"}]})
    assert [site.call(word).status for word in ("sync", "convert")] == [0, 0]
    before = tree(site.root("archive"))
    assert any(path.endswith(".twin") for path in before)
    administer(f"ALTER DATABASE {name_of(site.site['database'])} SET default_transaction_read_only = on")
    answer = site.call("restore", "-i", "sha", "-n", "7", "--yes")
    assert (answer.status, "read-only" in answer.err) == (3, True)
    assert tree(site.root("archive")) == before
