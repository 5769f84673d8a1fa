"""Makes an empty SQLite file a database of the newest version, by the statements in migrations/newest.sql.

They are what the migrations make, in one go and without Alembic; tools/newest_schema.py writes them. How an older
database becomes a newer one is migrate.py's.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Connection

from catalogue.tables import HEAD

STATEMENTS = Path(__file__).parent / "migrations" / "newest.sql"
BETWEEN = ";\n\n"


def is_empty(connection: Connection) -> bool:
    """Say whether an SQLite database holds nothing at all."""
    return connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0


def create(connection: Connection) -> None:
    """Make all tables in an empty database, within the transaction of this connection."""
    for statement in STATEMENTS.read_text(encoding="utf-8").strip().split(BETWEEN):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))
