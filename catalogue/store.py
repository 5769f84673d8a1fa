"""The database behind the ledger: opened and brought up to date.

What it says when it fails is put into words by faults.py; what is kept in it is the books' (runs.py, nights.py, ...).
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from catalogue import newest, sqlite_file
from catalogue.faults import name_of, translated
from catalogue.tables import HEAD
from observatory.batches import batched
from observatory.errors import RecordsUnavailable, UsageError
from observatory.names import show

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

BUSY_TIMEOUT_S = 30.0
"""How long one process waits for another's write; the longest write of ours (100,000 rows) takes a second."""

AT_ONCE = 400
"""Values named in one question: SQLite of old takes no more than 999 parameters."""

_MIGRATING = 20160907
"""The number under which PostgreSQL lets one process at a time change our tables; any that nobody else uses."""
_USUAL_PAGES, _MANY_PAGES = 1_000, 16_384
"""Pages of 4 KiB that SQLite's log grows to before it is carried into the file: its default, and for many writes."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open database.

    Attributes
    ----------
    engine : Engine
    name : str
        How messages call it: its URL without the password.
    """

    engine: Engine
    name: str

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one instant of the database.

        Raises
        ------
        RecordsUnavailable
        """
        with translated(self.name, self.engine), _of_one_instant(self.engine).begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection for one transaction: all of it is kept, or after any exception nothing.

        Raises
        ------
        RecordsUnavailable
        """
        writer = self.engine.execution_options(**{sqlite_file.WRITES: True})
        with translated(self.name, self.engine), writer.begin() as connection:
            yield connection

    @contextmanager
    def write_to_disk(self) -> Iterator[Connection]:
        """Give a connection for one transaction that is on disk when it ends, as is then all that was kept before it.

        For what must be known when the power goes while files are moved or removed by it; of anything else a power cut
        may take the last moments.

        Raises
        ------
        RecordsUnavailable
        """
        writer = self.engine.execution_options(**{sqlite_file.WRITES: True})
        with (
            translated(self.name, self.engine),
            writer.connect() as connection,
            _waiting_for_disk(connection),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writer(self) -> Iterator[Connection]:
        """Give a connection on which the caller begins one transaction after the other: ``with connection.begin():``.

        For many small ones, which cost half as much where they need not each ask for a connection.

        Raises
        ------
        RecordsUnavailable
        """
        writer = self.engine.execution_options(**{sqlite_file.WRITES: True})
        with translated(self.name, self.engine), writer.connect() as connection, _rarely_checkpointed(connection):
            yield connection

    def close(self) -> None:
        """Let go of all connections; may be called twice."""
        self.engine.dispose()


def _of_one_instant(engine: Engine) -> Engine:
    """PostgreSQL would of itself show to each question what was committed until it was asked."""
    return engine.execution_options(isolation_level="REPEATABLE READ") if engine.name == "postgresql" else engine


def open_store(url: str, state: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Store:
    """Open a database, creating it and its folder where absent, and bring its tables up to date.

    Parameters
    ----------
    url : str
        ``sqlite:///relative/to/state.db``, ``sqlite:////absolute.db`` or ``postgresql+psycopg://user@host/name``.
    state : Path
        What a relative path is relative to.
    busy_timeout_s : float
        How long to wait for other processes.

    Raises
    ------
    UsageError
        The URL is none that we know, or its driver is not installed.
    RecordsUnavailable
        It cannot be created, reached or read, is locked, damaged, or newer than this program.
    """
    parsed = _resolve(url, state)
    name = name_of(parsed)
    try:
        engine = _engine(parsed, name, busy_timeout_s)
    except (ImportError, sa.exc.ArgumentError) as error:
        raise UsageError(f"database {name}: {error}. Use sqlite:///FILE or postgresql+psycopg://...") from error
    store = Store(engine, name)
    try:
        if engine.dialect.name == "sqlite":
            _use_write_ahead_log(store, busy_timeout_s)
        _bring_up_to_date(store)
    except BaseException:
        store.close()
        raise
    return store


def insert_one(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row, and return the id that the database gave it."""
    return int(connection.execute(table.insert().values(values).returning(table.c.id)).scalar_one())


def insert(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that give the same columns; none is nothing to do."""
    if rows:
        connection.execute(table.insert(), rows)


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    also: Mapping[str, Any] | None = None,
) -> None:
    """Insert rows that give the same columns; of one whose primary key is there already the others are set anew.

    `also` is what to set instead of the new value in a row that was there (expressions over the old one).
    """
    if rows:
        connection.execute(upsert_statement(connection.dialect.name, table, tuple(rows[0]), also), rows)


def rows_of_nights(
    connection: Connection,
    asked: sa.Select[tuple[Any, ...]],
    column: sa.ColumnElement[dt.date],
    wanted: Collection[dt.date] | None,
) -> list[sa.Row[tuple[Any, ...]]]:
    """Return the rows of some nights, of whatever age: each is looked up, and not all that lie between them.

    In the order that is asked for, if that begins with the night. None: the rows of every night.
    """
    if wanted is None:
        return list(connection.execute(asked))
    parts = batched(sorted(wanted), AT_ONCE)
    return [row for part in parts for row in connection.execute(asked.where(column.in_(part)))]


def _insert(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Only the dialect that is spoken is loaded: the other one costs every start a fiftieth of a second."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def upsert_statement(
    dialect: str, table: sa.Table, names: tuple[str, ...], also: Mapping[str, Any] | None = None
) -> sa.Insert:
    """Return the statement of `upsert`; `names` are the columns that rows give."""
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed: dict[str, Any] = {name: statement.excluded[name] for name in names if name not in keys}
    changed |= also or {}
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _resolve(url: str, state: Path) -> URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise UsageError(f"database: {url!r} is no URL such as sqlite:///catalogue.db") from error
    except ValueError as error:
        raise UsageError("database: the port in its URL is no number") from error
    if parsed.get_backend_name() != "sqlite":
        return parsed
    if not parsed.database or parsed.database == ":memory:":
        raise UsageError(f"database: {url!r} names no file; what is kept in memory is forgotten")
    path = state / parsed.database  # an absolute one stays as it is
    _refuse_odd_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordsUnavailable(str(path), f"its folder cannot be made ({error.strerror})") from error
    return parsed.set(database=str(path))


def _refuse_odd_name(path: Path) -> None:
    """SQLite takes names in UTF-8 alone; files that are carried may be called as they like, the database may not."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = show(os.fsencode(path))
        remedy = "name another folder with `state` in site.yaml"
        raise UsageError(f"{shown}: no database can lie where a folder's name is not UTF-8; {remedy}") from error


def _engine(url: URL, name: str, busy_timeout_s: float) -> Engine:
    if url.get_backend_name() == "postgresql":
        from catalogue import postgresql  # its driver is an extra

        return postgresql.engine(url, name, busy_timeout_s)
    if url.get_backend_name() != "sqlite":
        raise sa.exc.ArgumentError(f"{url.get_backend_name()} is not supported")
    return sqlite_file.engine(url, name, busy_timeout_s)


@contextmanager
def _rarely_checkpointed(connection: Connection) -> Iterator[None]:
    """Have SQLite carry its log into the file less often, which waits for the disk every time."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection
    raw.cursor().execute(f"PRAGMA wal_autocheckpoint = {_MANY_PAGES}")
    try:
        yield
    finally:
        raw.cursor().execute(f"PRAGMA wal_autocheckpoint = {_USUAL_PAGES}")


@contextmanager
def _waiting_for_disk(connection: Connection) -> Iterator[None]:
    """Have SQLite bring its log to disk at each commit; PostgreSQL does so by itself."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection
    raw.cursor().execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        raw.cursor().execute("PRAGMA synchronous = NORMAL")


def _use_write_ahead_log(store: Store, busy_timeout_s: float) -> None:
    """Switch the file to WAL, which it stays; SQLite's own waiting does not cover this one statement."""
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            with translated(store.name, store.engine):
                _switch(store.engine)
            return
        except RecordsUnavailable as error:
            if error.is_permanent or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _switch(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()


def _bring_up_to_date(store: Store) -> None:
    with store.read() as connection:
        if version_of(connection) == HEAD:
            return
    with store.write() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's transaction has locked the whole file already
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
        elif newest.is_empty(connection):
            newest.create(connection)
            return
        version = version_of(connection)  # another process may have been faster
        if version != HEAD:
            from catalogue.migrate import upgrade  # Alembic takes longer to import than most commands to run

            upgrade(connection, store.name, version)


def version_of(connection: Connection) -> str | None:
    """Return the migration that a database stands at; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version
