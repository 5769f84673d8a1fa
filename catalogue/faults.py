"""What a database says when it fails, in our words: the one place where SQLAlchemy's errors are translated.

The drivers' are, too. How a database is opened is store.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from observatory.errors import RecordsUnavailable, UsageError

_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TAKES_NO_FILE = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)
"""A folder that is read-only, full or another account's shows as one of these."""

MEANWHILE = "while this worked; what it noted last is lost. Start again"
"""What becomes of a database that is not the one any more with which the work began."""

_LOCKED_THERE = "55P03"
_OURS = ("IntegrityError", "ProgrammingError", "DataError")
"""What every driver calls it (PEP 249) where a statement was wrong, or a row could not be as the tables are."""

_IS_LOCKED = "another program holds it locked; try again"
_NO_VERSION = (
    "its tables are those of no version that was ever released ({said}). Move it aside: the next run starts a"
    " new one by looking; what was freed and what people said stays in the old one"
)
_BY_STATE: Mapping[str, str] = {
    "25006": "{said}. It is a standby, or default_transaction_read_only is set: name the one that takes writes",
    "3F000": "{said}. The search_path of this role names no schema that is there",
    "42501": "{said}. nightferry makes and changes its tables: let this role own them, and CREATE in their schema",
    "42703": _NO_VERSION,
    "42P01": _NO_VERSION,
    _LOCKED_THERE: _IS_LOCKED,
}
"""By PostgreSQL's codes (its manual, appendix A), where more is to be said than the server does."""

_SHOWN = (
    *("application_name", "connect_timeout", "dbname", "host", "hostaddr", "options", "passfile", "port", "service"),
    *("sslmode", "sslrootcert", "target_session_attrs", "user"),
)
"""Settings of a URL that may be read by everybody; of others a misspelt one may hold a password."""


def name_of(url: URL) -> str:
    """Return how messages call a database: its URL without anything secret."""
    hidden = {key: value if key in _SHOWN else "hidden" for key, value in url.query.items()}
    return url.set(query=hidden).render_as_string(hide_password=True)


@contextmanager
def translated(name: str, engine: Engine) -> Iterator[None]:
    """Turn what the database cannot help into a sentence; what is a fault of ours stays as it is.

    Raises
    ------
    RecordsUnavailable, UsageError
    """
    driver: type[Exception] = engine.dialect.loaded_dbapi.Error
    try:
        yield
    except (sa.exc.DBAPIError, driver) as error:  # what happens as a connection is made comes from the driver itself
        said = _said(name, getattr(error, "orig", error))
        if said is None:
            raise
        raise said from error
    except sa.exc.TimeoutError as error:
        raise RecordsUnavailable(name, "too many connections at once", is_permanent=False) from error
    except sa.exc.StatementError as error:
        if isinstance(error.orig, OverflowError):
            raise UsageError("an instant is given that lies outside the years 1 to 9999 in UTC") from error
        raise
    except UnicodeEncodeError as error:  # bytes of a command line; what is a name of a file is kept as bytes
        raise UsageError(f"{error.object!r} is no text: it is not UTF-8") from error


def _said(name: str, error: BaseException) -> RecordsUnavailable | None:
    """Return our words for a driver's error; None where the fault is ours."""
    if isinstance(error, sqlite3.Error):
        return None if _is_ours(error) else _of_sqlite(name, error)
    return _of_postgresql(name, error)


def _is_ours(error: BaseException) -> bool:
    return any(kind.__name__ in _OURS for kind in type(error).__mro__)


def _of_sqlite(name: str, error: sqlite3.Error) -> RecordsUnavailable:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF  # the upper bits are SQLite's finer distinctions
    if primary in _LOCKED:
        return RecordsUnavailable(name, _IS_LOCKED, is_permanent=False)
    if primary in _DAMAGED:
        return RecordsUnavailable(
            name, f"it is damaged or no database ({error}). Move it aside: the next run starts a new one by looking"
        )
    if primary == sqlite3.SQLITE_ERROR and str(error).startswith("no such "):  # table, column or index
        return RecordsUnavailable(name, _NO_VERSION.format(said=error))
    folder = str(Path(sa.make_url(name).database or "/").parent) if primary in _TAKES_NO_FILE else None
    return RecordsUnavailable(name, _one_line(error), is_permanent=primary is not None, folder=folder)


def _of_postgresql(name: str, error: BaseException) -> RecordsUnavailable | None:
    state: str | None = getattr(error, "sqlstate", None)
    if state is not None and state in _BY_STATE:
        diagnosis = getattr(error, "diag", None)
        primary = getattr(diagnosis, "message_primary", None) or _one_line(error)
        return RecordsUnavailable(name, _BY_STATE[state].format(said=primary), is_permanent=state != _LOCKED_THERE)
    return None if _is_ours(error) else RecordsUnavailable(name, _one_line(error), is_permanent=False)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "no reason given"  # PostgreSQL says it in several lines
