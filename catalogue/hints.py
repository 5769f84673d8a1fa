"""How a database is helped: the index that SQLite is to take, and counts that go no further than they matter.

SQLite keeps no statistics by itself, and guesses. Which index is right the modules choosing.py say.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def indexed_by(asked: sa.Select[Any], table: sa.Table, index: str) -> sa.Select[Any]:
    """Have SQLite take an index of a table; other databases choose by themselves."""
    return asked.with_hint(table, f"INDEXED BY {index}", "sqlite")


def count(connection: Connection, asked: sa.Select[Any], most: int) -> int:
    """Return how many rows an answer has, or `most` where it has more."""
    found = asked.limit(most).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())
