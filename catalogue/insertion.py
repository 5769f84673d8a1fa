"""Many rows of one table noted by one statement that is made once, each value in the form in which the driver takes it.

SQLAlchemy would make a statement's values ready by asking for each row anew what every column is, which takes longer
than the database does. What the rows are is the books'.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from catalogue.store import upsert_statement

_REMEMBERED = 64
"""Values of a column that are kept in the driver's form."""


class Insertion:
    """Puts rows into a table; one whose primary key is there is noted anew.

    Parameters
    ----------
    dialect : Dialect
        Of the connections on which it is used.
    table : Table
    columns : sequence of str
        Those that every row gives, in its order.
    repeated : collection of str
        Columns of which few values come again and again.
    """

    def __init__(self, dialect: Dialect, table: sa.Table, columns: Sequence[str], repeated: Collection[str]) -> None:
        statement = upsert_statement(dialect.name, table, tuple(columns))
        compiled = statement.compile(dialect=dialect, column_keys=list(columns))
        self._text = str(compiled)
        self._columns = tuple(columns)
        self._is_positional = compiled.positional
        if compiled.positional and compiled.positiontup != list(columns):
            raise ValueError(f"{table.name} has its columns in another order: {compiled.positiontup}")
        self._forms = [
            (number, form)
            for number, name in enumerate(columns)
            if (form := _form(table.c[name], dialect, name in repeated)) is not None
        ]

    def insert(self, connection: Connection, rows: Iterable[Sequence[object]]) -> None:
        """Put rows into the table; at least one."""
        ready = map(self._formed, rows) if self._forms else map(tuple, rows)
        if self._is_positional:
            connection.exec_driver_sql(self._text, list(ready))
        else:
            connection.exec_driver_sql(self._text, [dict(zip(self._columns, row, strict=True)) for row in ready])

    def _formed(self, row: Sequence[object]) -> tuple[object, ...]:
        values = list(row)
        for number, form in self._forms:
            values[number] = form(values[number])
        return tuple(values)


def _form(column: sa.Column[Any], dialect: Dialect, comes_again: bool) -> Callable[[Any], object] | None:
    """Return what makes a column's values ready; None where the driver takes them as they are."""
    if isinstance(column.type, sa.LargeBinary | sa.Double):  # SQLAlchemy would have each made what it is already
        return None
    form: Callable[[Any], object] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return functools.lru_cache(_REMEMBERED)(form) if form is not None and comes_again else form
