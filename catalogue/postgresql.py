"""A PostgreSQL server as the ledger needs it: how it is reached, and what every session is told first.

A server's administrator may set a database or a role up for others: another encoding, form of dates or level of
isolation. What we rely on is said anew in each session. What the server answers when it fails is faults.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from observatory.errors import RecordsUnavailable

if TYPE_CHECKING:
    import psycopg

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
    made = sa.create_engine(url, pool_pre_ping=True, connect_args=defaults)
    first = _FIRST.format(wait_ms=max(1, round(wait_s * 1000)))

    def prepare(connection: psycopg.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.autocommit = True
        connection.execute(first.encode())
        connection.autocommit = False
        _refuse_encoding(name, connection.info.parameter_status("server_encoding"))

    sa.event.listen(made, "connect", prepare, insert=True)  # before SQLAlchemy asks how the server is set up
    return made


def _check(url: URL) -> None:
    import psycopg  # only where it is needed: it is an extra of the installation

    try:
        psycopg.conninfo.make_conninfo(**{str(key): "" for key in url.query})
    except psycopg.ProgrammingError as error:
        raise sa.exc.ArgumentError(str(error).strip()) from error


def _refuse_encoding(name: str, encoding: str | None) -> None:
    """A name or a sentence with a letter that the database cannot keep would break off the run that notes it."""
    if encoding not in _KEEP_EVERY_NAME:
        why = f"its encoding {encoding} cannot keep every name. Make one in UTF8: `createdb -T template0 -E UTF8 NAME`"
        raise RecordsUnavailable(name, why)
