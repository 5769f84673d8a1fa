"""A PostgreSQL server as the ledger needs it: how it is reached, and what every session is told first.

A server's administrator may set a database or a role up for others: another encoding, form of dates or level of
isolation. What we rely on is said anew in each session. That a session does not wait for ever is answering.py's, what
the server answers when it fails faults.py's. Imports the driver, an extra of the installation: to be loaded where it
is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, Dialect, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from catalogue.answering import Answering
from catalogue.faults import MEANWHILE
from observatory.errors import RecordsUnavailable

_REACHED = {
    "fallback_application_name": "nightferry",
    "client_encoding": "utf8",
    "connect_timeout": "15",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""libpq's settings where the URL says no other: it waits minutes for a host that is off, hours for a lost one."""

_FIRST = """
SET DateStyle = 'ISO';
SET TimeZone = 'UTC';
SET extra_float_digits = 1;
SET standard_conforming_strings = on;
SET default_transaction_isolation = 'read committed';
SELECT set_config('lock_timeout', '{wait_ms}', false) WHERE current_setting('lock_timeout') = '0'
"""
"""The driver reads no other dates; a time of modification comes back as it went in; who waited for a lock sees what
its holder wrote. A wait for locks that the administrator has limited stays as it is."""

_WHICH = "SELECT to_regclass('alembic_version')::oid"
"""Each table has a number of its own, which one of the same name that is made later does not bear."""
_KEEP_EVERY_NAME = ("UTF8", "SQL_ASCII")


def engine(url: URL, name: str, wait_s: float) -> Engine:
    """Return an engine whose sessions all behave alike; nothing is reached yet.

    Parameters
    ----------
    url : URL
    name : str
        What messages call the database.
    wait_s : float
        How long a statement waits for what another session holds locked.

    Raises
    ------
    ImportError
        The driver is not installed.
    sqlalchemy.exc.ArgumentError
        The URL has a setting that PostgreSQL does not know.
    """
    _check(url)
    defaults = {key: value for key, value in _REACHED.items() if key not in url.query}
    made = sa.create_engine(url, connect_args=defaults)
    first = _FIRST.format(wait_ms=max(1, round(wait_s * 1000)))

    def prepare(connection: psycopg.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.autocommit = True
        connection.execute(first.encode())
        connection.autocommit = False
        _refuse_encoding(name, connection.info.parameter_status("server_encoding"))

    sa.event.listen(made, "do_connect", _connect)
    sa.event.listen(made, "connect", prepare, insert=True)  # before SQLAlchemy asks how the server is set up
    sa.event.listen(made, "checkout", _Tables(name).compare)
    return made


def _connect(_dialect: Dialect, _entry: object, words: Sequence[Any], settings: Mapping[str, Any]) -> Answering:
    return Answering.connect(*words, **settings)


class _Tables:
    """The tables with which the work began: they are dropped, and made anew, without a word to who works with them.

    Parameters
    ----------
    name : str
        What messages call the database.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: int | None = None

    def compare(self, connection: psycopg.Connection, _entry: ConnectionPoolEntry, _fairy: object) -> None:
        """Look before a session is used whether it works, and whether the database was dropped or made anew meanwhile.

        Raises
        ------
        sqlalchemy.exc.DisconnectionError
            It does not, and a new one is to be made.
        RecordsUnavailable
        """
        try:
            shown = _shown(connection)
        except psycopg.OperationalError as error:
            raise sa.exc.DisconnectionError from error
        if self._known is not None and shown != self._known:
            raise RecordsUnavailable(self._name, f"its tables were dropped, and perhaps made anew, {MEANWHILE}")
        self._known = shown


def _shown(connection: psycopg.Connection) -> int | None:
    """Return the number of the table that tells the version; None where there is none yet."""
    connection.autocommit = True
    found = connection.execute(_WHICH).fetchone()
    connection.autocommit = False
    return None if found is None else found[0]


def _check(url: URL) -> None:
    try:
        psycopg.conninfo.make_conninfo(**{str(key): "" for key in url.query})
    except psycopg.ProgrammingError as error:
        raise sa.exc.ArgumentError(str(error).strip()) from error


def _refuse_encoding(name: str, encoding: str | None) -> None:
    """A name or a sentence with a letter that the database cannot keep would break off the run that notes it."""
    if encoding not in _KEEP_EVERY_NAME:
        why = f"its encoding {encoding} cannot keep every name. Make one in UTF8: `createdb -T template0 -E UTF8 NAME`"
        raise RecordsUnavailable(name, why)
