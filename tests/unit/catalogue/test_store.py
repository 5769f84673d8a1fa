"""Opening the database: new, old, foreign, damaged, locked; and what it looks like to PostgreSQL."""

from __future__ import annotations

import datetime as dt
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from catalogue.datasets import tables as _datasets  # noqa: F401  # declared beside those of the ledger
from catalogue.holdings import tables as _holdings  # noqa: F401  # declared beside those of the ledger
from catalogue.ledger import Ledger
from catalogue.migrate import configuration
from catalogue.newest import BETWEEN, STATEMENTS
from catalogue.records import MovedFile
from catalogue.store import open_store, upsert_statement
from catalogue.tables import HEAD, metadata, moved
from observatory.errors import RecordsUnavailable, UsageError
from observatory.truth import State
from tools.newest_schema import newest

URL = "sqlite:///catalogue.db"
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)


def test_opening_makes_the_folder_and_an_empty_ledger(tmp_path: Path) -> None:
    """A site that starts anew has nothing to prepare."""
    state = tmp_path / "var" / "lib"
    with Ledger.open(URL, state) as ledger:
        assert ledger.last_finished() is None
        assert ledger.status("sha") == []
    assert (state / "catalogue.db").is_file()


def test_an_absolute_path_is_not_below_the_state(tmp_path: Path) -> None:
    """Four slashes are an absolute path, as everywhere with SQLAlchemy."""
    with Ledger.open(f"sqlite:///{tmp_path}/elsewhere.db", tmp_path / "state"):
        assert (tmp_path / "elsewhere.db").is_file()
    assert not (tmp_path / "state").exists()


def test_a_folder_whose_name_is_not_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    """SQLite has no way to say it; nothing is made there."""
    state = tmp_path / "lat\udce9"
    with pytest.raises(UsageError, match=r"lat\\xe9/catalogue.db: no database can lie where .* `state` in site.yaml"):
        Ledger.open(URL, state)
    assert not state.exists()


def test_a_deleted_ledger_is_an_empty_one(tmp_path: Path) -> None:
    """Deleted with or without its companions, it starts again, and nothing of the old shines through."""
    with Ledger.open(URL, tmp_path) as ledger:
        ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        (tmp_path / "catalogue.db-wal").rename(tmp_path / "kept")
    (tmp_path / "catalogue.db").unlink()
    (tmp_path / "kept").rename(tmp_path / "catalogue.db-wal")
    with Ledger.open(URL, tmp_path) as ledger:
        assert ledger.unfinished_runs() == ()
        assert ledger.start_run("sync", ["sha"], NOON, "astro", 1) == 1


def test_the_tables_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    """From nothing to the newest migration there is no difference from tables.py; and back to nothing."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/made.db")
    config = configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata, "compare_type": True})
        assert compare_metadata(context, metadata) == []
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_an_empty_file_becomes_what_the_migrations_make(tmp_path: Path) -> None:
    """Where this fails a migration was added: run tools/newest_schema.py."""
    assert STATEMENTS.read_text(encoding="utf-8") == newest()
    Ledger.open(URL, tmp_path).close()
    with sqlite3.connect(tmp_path / "catalogue.db") as raw:
        made = [sql for (sql,) in raw.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")]
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    raw.close()
    assert made == newest().strip().split(BETWEEN)


def test_a_first_run_that_is_killed_leaves_an_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one makes all tables; half of them would be nobody's version."""
    (broken := tmp_path / "newest.sql").write_text(f"CREATE TABLE runs (id INTEGER){BETWEEN}CREATE NONSENSE")
    with monkeypatch.context() as patch:
        patch.setattr("catalogue.newest.STATEMENTS", broken)
        with pytest.raises(RecordsUnavailable):
            Ledger.open(URL, tmp_path)
    with Ledger.open(URL, tmp_path) as ledger:
        assert ledger.start_run("sync", ["sha"], NOON, "astro", 1) == 1


def test_the_version_in_the_code_is_the_newest_migration() -> None:
    """HEAD lets an up-to-date database be opened without Alembic; it must not be forgotten."""
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_an_up_to_date_database_is_opened_without_alembic(tmp_path: Path) -> None:
    """Alembic takes longer to import than most commands to run."""
    Ledger.open(URL, tmp_path).close()
    program = (
        "import sys, pathlib; from catalogue.ledger import Ledger;"
        f"Ledger.open({URL!r}, pathlib.Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)


def test_a_database_of_a_newer_nightferry_is_left_alone(tmp_path: Path) -> None:
    """It says so; nothing is written."""
    Ledger.open(URL, tmp_path).close()
    with sqlite3.connect(tmp_path / "catalogue.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(RecordsUnavailable, match="newer nightferry \\(version 9999\\)"):
        Ledger.open(URL, tmp_path)


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Tables of the same name that we did not make are not taken over."""
    with sqlite3.connect(tmp_path / "catalogue.db") as raw:
        raw.execute("CREATE TABLE runs (id INTEGER)")
    raw.close()
    with pytest.raises(RecordsUnavailable, match="not nightferry's"):
        Ledger.open(URL, tmp_path)


@pytest.mark.parametrize("version", [HEAD, "0007"])
def test_tables_of_no_version_are_said_to_be_so(tmp_path: Path, version: str) -> None:
    """As a version left them that was never released, or somebody's hands; with what is to be done."""
    Ledger.open(URL, tmp_path).close()
    with sqlite3.connect(tmp_path / "catalogue.db") as raw:
        raw.execute("DROP TABLE holders")
        raw.execute("DROP INDEX ix_datasets_exposure")
        raw.execute("UPDATE alembic_version SET version_num = ?", (version,))
    raw.close()
    words = r"no version that was ever released .*Move it aside"
    with pytest.raises(RecordsUnavailable, match=words), Ledger.open(URL, tmp_path) as ledger:
        ledger.known_copies()


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    """With the remedy, as could-not-tell, and the file as it was."""
    (tmp_path / "catalogue.db").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(RecordsUnavailable, match="damaged or no database") as caught:
        Ledger.open(URL, tmp_path)
    assert caught.value.is_permanent
    assert caught.value.exit_status == 3
    assert (tmp_path / "catalogue.db").read_bytes().startswith(b"not a database")


def test_a_database_damaged_in_its_middle_is_said_to_be_damaged(tmp_path: Path) -> None:
    """Damage that shows only when the page is read is no traceback either."""
    with Ledger.open(URL, tmp_path) as ledger:
        run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
        ledger.record_moved(run, "sha", "a:b", [MovedFile(b"%d" % n, n, 1.0) for n in range(40_000)], NOON)
    path = tmp_path / "catalogue.db"
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        stream.write(b"\xff" * (path.stat().st_size // 2))
    with Ledger.open(URL, tmp_path) as ledger, pytest.raises(RecordsUnavailable, match="damaged"):
        list(ledger.moved_files("sha", "a:b"))


def test_a_locked_database_is_said_to_be_locked_and_worth_a_retry(tmp_path: Path) -> None:
    """Reading goes on beside a writer; a second writer waits its time, then says so."""
    Ledger.open(URL, tmp_path).close()
    holder = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Ledger.open(URL, tmp_path, busy_timeout_s=0.05) as ledger:
        assert ledger.last_finished() is None
        with pytest.raises(RecordsUnavailable, match="locked") as caught:
            ledger.start_run("sync", ["sha"], NOON, "astro", 1)
    assert not caught.value.is_permanent
    holder.close()


def test_a_folder_that_cannot_be_made_is_no_traceback(tmp_path: Path) -> None:
    """The state folder is a file: the records are unavailable, with the reason."""
    (tmp_path / "state").write_text("")
    with pytest.raises(RecordsUnavailable, match="folder cannot be made"):
        Ledger.open(URL, tmp_path / "state")


def test_a_folder_that_takes_no_file_is_named_with_its_remedy(tmp_path: Path) -> None:
    """Read-only, full or another account's: SQLite says that it cannot open the file, and no more."""
    (tmp_path / "catalogue.db").mkdir()
    with pytest.raises(RecordsUnavailable, match="unable to open database file") as caught:
        Ledger.open(URL, tmp_path)
    assert f"Is {tmp_path} writable for this account" in str(caught.value)
    assert f"`df {shlex.quote(str(tmp_path))}`" in str(caught.value)


@pytest.mark.parametrize("url", ["catalogue.db", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_names_no_database_is_a_fault_of_usage(tmp_path: Path, url: str) -> None:
    """Nothing is done, and the message says what would do."""
    with pytest.raises(UsageError, match="database"):
        Ledger.open(url, tmp_path)


def test_a_password_is_never_said(tmp_path: Path) -> None:
    """Messages end in mails and logs."""
    url = "postgresql+psycopg://me:secret@127.0.0.1:1/name"
    with pytest.raises(RecordsUnavailable) as caught:
        Ledger.open(url, tmp_path)
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_write_that_fails_in_its_middle_leaves_nothing(tmp_path: Path) -> None:
    """One note is one transaction."""
    with Ledger.open(URL, tmp_path) as ledger:
        with pytest.raises(sa.exc.IntegrityError):
            ledger.accept("sha", NOON.date(), reason="r", by=None, at_utc=NOON)  # type: ignore[arg-type]
        with pytest.raises(sa.exc.StatementError, match="without a zone"):
            ledger.start_run("sync", ["sha"], NOON.replace(tzinfo=None), "astro", 1)
        assert ledger.acceptances("sha") == ()
        assert ledger.unfinished_runs() == ()


def test_a_note_on_a_run_that_never_was_is_refused(tmp_path: Path) -> None:
    """Foreign keys are on in every connection."""
    with Ledger.open(URL, tmp_path) as ledger, pytest.raises(sa.exc.IntegrityError):
        ledger.record_moved(99, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)


def test_every_table_can_be_made_in_postgresql() -> None:
    """Types and keys are those that both databases share."""
    said = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables]
    assert len(said) == len(metadata.tables)
    assert any("path BYTEA NOT NULL" in one for one in said)
    statement = upsert_statement("postgresql", moved, ("hop_id", "path", "size_bytes"), {})
    assert "ON CONFLICT (hop_id, path) DO UPDATE" in str(statement.compile(dialect=postgresql.dialect()))


def test_the_state_of_a_run_survives_closing(tmp_path: Path) -> None:
    """What one process noted the next one reads."""
    with Ledger.open(URL, tmp_path) as ledger:
        run = ledger.start_run("verify", [], NOON, "astro", 1)
        ledger.finish_run(run, State.UNKNOWN, NOON)
    with Ledger.open(URL, tmp_path) as ledger:
        last = ledger.last_finished("verify")
        assert last is not None
        assert (last.state, last.instruments) == (State.UNKNOWN, ())
        assert ledger.database.endswith("catalogue.db")


def test_a_writer_of_many_small_transactions_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    """While it writes, SQLite's log may grow further before it is carried into the file; afterwards no longer."""
    store = open_store(URL, tmp_path)
    with store.writer() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 16_384
        connection.commit()
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 1_000
    store.close()
