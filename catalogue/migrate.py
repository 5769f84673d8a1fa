"""Brings an older database up to date, by the migrations shipped beside this.

The only module that imports Alembic; store.py calls it when a database is behind.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from observatory.errors import RecordsUnavailable


def configuration() -> Config:
    """Return Alembic's settings: where our migrations lie. There is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def upgrade(connection: Connection, database: str, version: str | None) -> None:
    """Run the migrations that a database lacks, within the transaction of this connection.

    Parameters
    ----------
    connection : Connection
        In a transaction; nothing is committed here.
    database : str
        What messages call it.
    version : str or None
        Where it stands; None: empty.

    Raises
    ------
    RecordsUnavailable
        It is of a version that we do not know, or holds tables that are not ours.
    """
    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise RecordsUnavailable(database, f"it was written by a newer nightferry (version {version}); update this one")
    if version is None and sa.inspect(connection).has_table("runs"):
        raise RecordsUnavailable(database, "it holds tables that are not nightferry's; name another database")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
