"""An SQLite file as the ledger needs it: what each connection is told first, and that it is still the file opened.

How a PostgreSQL server is spoken to is postgresql.py's, what either says when it fails faults.py's.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from catalogue.faults import MEANWHILE
from observatory.errors import RecordsUnavailable

WRITES = "nightferry_writes"
"""The execution option of a connection on which transactions write."""
_OPENED = "nightferry_opened"


def engine(url: URL, name: str, wait_s: float) -> Engine:
    """Return an engine over a file; nothing is opened yet.

    Parameters
    ----------
    url : URL
        With the file's path.
    name : str
        What messages call the database.
    wait_s : float
        How long to wait for other processes.
    """
    made = sa.create_engine(url, connect_args={"timeout": wait_s})
    compiler = made.dialect.statement_compiler
    made.dialect.statement_compiler = type("TakesHints", (compiler,), {"get_from_hint_text": _hint})
    sa.event.listen(made, "connect", _prepare)
    _refuse_another_file(made, str(url.database), name)
    sa.event.listen(made, "begin", _begin)
    return made


def _hint(compiler: object, table: object, text: str) -> str:
    """Write what `with_hint` says: SQLAlchemy leaves it out for SQLite, whose INDEXED BY stands where others' do."""
    return text


def _prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Python's driver would begin transactions by itself, too late and never for CREATE TABLE
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA case_sensitive_like = ON")  # as PostgreSQL has it: a question has one answer
    # in WAL mode NORMAL cannot damage the database; a power cut may take the last moments, which are looked at again
    connection.execute("PRAGMA synchronous = NORMAL")
    # a negative number is in KiB, and a ceiling: ids are spread over an index of which 2 MB, the default, hold a part
    connection.execute("PRAGMA cache_size = -32768")


def _begin(connection: Connection) -> None:
    # IMMEDIATE waits for its turn at once; a transaction that turns from reading to writing fails instead of waiting
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_another_file(engine: Engine, path: str, name: str) -> None:
    """Look at both ends of each transaction whether the file is the one that is open.

    SQLite writes on into one that is gone.
    """

    def remember(_connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info[_OPENED] = _shown(path)

    def compare(connection: Connection) -> None:
        opened, shown = connection.info[_OPENED], _shown(path)
        if shown.identity != opened.identity or (opened.size_bytes and not shown.size_bytes):
            raise RecordsUnavailable(name, f"its file was deleted, replaced or emptied {MEANWHILE}")
        connection.info[_OPENED] = shown

    sa.event.listen(engine, "connect", remember)
    for moment in ("begin", "commit"):
        sa.event.listen(engine, moment, compare)


class _Shown(NamedTuple):
    """What the system shows of a file; nothing of one that is not there."""

    identity: tuple[int, int] | None = None
    size_bytes: int = 0


def _shown(path: str) -> _Shown:
    try:
        found = Path(path).stat()
    except OSError:
        return _Shown()
    return _Shown((found.st_dev, found.st_ino), found.st_size)
