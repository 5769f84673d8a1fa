"""Writes catalogue/migrations/newest.sql: what all migrations together make of an empty SQLite database.

To be run after a migration was added: .venv/bin/python tools/newest_schema.py
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command

from catalogue.migrate import configuration
from catalogue.newest import BETWEEN, STATEMENTS


def newest() -> str:
    """Run all migrations in memory and return the statements that make the same."""
    engine, config = sa.create_engine("sqlite://"), configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        statements = [sql for (sql,) in made]
    engine.dispose()
    return BETWEEN.join(statements) + "\n"


if __name__ == "__main__":
    STATEMENTS.write_text(newest(), encoding="utf-8")
