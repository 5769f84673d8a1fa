"""Which index finds exposures: those of an expression's alternatives are looked for one by one, each in its own.

SQLite keeps no statistics by itself, and where answers come in order and only the first are wanted, any database may
walk millions of rows for a few that an index names. So it is counted first, within the indices and not far, how many
there are of what each could find. What is asked is queries.py's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue import where
from catalogue.conditions import Column, condition
from catalogue.datasets.terms import Terms, alternatives, compared
from catalogue.hints import count, indexed_by
from catalogue.holdings.tables import exposures

FEW = 5_000
"""So many exposures are read and sorted while a person does not notice."""
_MOST = 20_000
"""More exposures than these are not gathered from alternatives; then all is asked in one statement."""
_ORDERED = ("object", "exptype", "program", "tile_id")
"""Columns whose index holds, of each value, the order of nights and numbers."""
_INDICES: Mapping[str, str] = {
    "expid": "ix_exposures_number",
    **{name: f"ix_exposures_{name}" for name in ("night", "number", "arrived_utc", "date", *_ORDERED)},
}
Conditions = Sequence[sa.ColumnElement[bool]]
ExposureRow = sa.Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the exposures of one instrument.

    Attributes
    ----------
    instrument : str or None
        None: of all instruments; then no index is looked for.
    always : sequence of conditions
        What holds besides the terms, the instrument and `bounds` included.
    bounds : mapping of column to conditions
        What besides the terms is asked of columns that have an index.
    terms : tuple of Expression
    columns : mapping of name to Column
    order : tuple of elements
    walked : str
        The column whose index has this order.
    limit : int or None
    """

    instrument: str | None
    always: Conditions
    bounds: Mapping[str, Conditions]
    terms: Terms
    columns: Mapping[str, Column]
    order: tuple[sa.ColumnElement[object], ...]
    walked: str
    limit: int | None


def find(connection: Connection, asked: Asked) -> Sequence[ExposureRow]:
    """Return the rows that are asked for, in their order."""
    branches = alternatives(asked.terms, (), lists_apart=True)
    if len(branches) == 1:
        return connection.execute(_statement(connection, asked, branches[0], asked.limit)).all()
    found: set[object] = set()
    for branch in branches:
        statement = _statement(connection, asked, branch, min(asked.limit or _MOST, _MOST))
        found |= set(connection.execute(statement.with_only_columns(exposures.c.id)).scalars())
        if len(found) >= _MOST:
            return connection.execute(_statement(connection, asked, asked.terms, asked.limit)).all()
    gathered = sa.select(exposures).where(exposures.c.id.in_(found)).order_by(*asked.order).limit(asked.limit)
    return connection.execute(gathered).all()


def _statement(connection: Connection, asked: Asked, terms: Terms, limit: int | None) -> sa.Select[tuple[object, ...]]:
    held = [condition(term, asked.columns) for term in terms]
    statement = sa.select(exposures).where(*asked.always, *held).order_by(*asked.order).limit(limit)
    if asked.instrument is None:
        return statement
    name, few = _index(connection, asked, terms)
    if few is not None and connection.dialect.name == "postgresql":  # which takes no hint, but what is made first
        first = sa.select(exposures.c.id).where(exposures.c.instrument == asked.instrument, *few)
        return statement.where(exposures.c.id.in_(sa.select(first.cte("few").prefix_with("MATERIALIZED").c.id)))
    return indexed_by(statement.where(*few or ()), exposures, name)


def _index(connection: Connection, asked: Asked, terms: Terms) -> tuple[str, Conditions | None]:
    """Return the index to take, and what finds few in it; None: many are found in the order that is asked for."""
    candidates: dict[str, list[sa.ColumnElement[bool]]] = {name: list(held) for name, held in asked.bounds.items()}
    ordered: list[str] = []
    for term in terms:
        name = _column(term)
        if name is not None:
            candidates.setdefault(name, []).append(condition(term, asked.columns))
            ordered += [name] if name in _ORDERED and _is_one_value(term) else []
        elif connection.dialect.name == "sqlite" and (span := _span_of_texts(term)) is not None:
            candidates.setdefault(span[0], []).append(span[1])
    counts = {name: _counted(connection, asked, name, held) for name, held in candidates.items()}
    least = min(counts, key=lambda name: counts[name], default=asked.walked)
    if counts.get(least, FEW) < FEW:
        return _INDICES[least], candidates[least]
    return _INDICES[ordered[0] if ordered and asked.walked == "night" else asked.walked], None


def _counted(connection: Connection, asked: Asked, name: str, held: Conditions) -> int:
    """Return how many exposures satisfy conditions on an indexed column, or `FEW` where there are more."""
    inside = sa.select(sa.literal(1)).where(exposures.c.instrument == asked.instrument, *held)
    return count(connection, indexed_by(inside, exposures, _INDICES[name]), FEW)


def _column(term: where.Expression) -> str | None:
    """Return the indexed column of which a term asks for a value or a span; None: it asks something else."""
    (name, *others) = where.names_in(term)
    name = "number" if name == "expid" else name
    if others or name not in _INDICES:
        return None
    if isinstance(term, where.Absence):
        return name
    is_list = isinstance(term, where.Membership) and all(isinstance(item, where.Constant) for item in term.items)
    told = compared(term)
    return name if is_list or (told and all(sign != "!=" for sign, _ in told)) else None


def _is_one_value(term: where.Expression) -> bool:
    return isinstance(term, where.Absence) or [sign for sign, _ in compared(term)] == ["="]


def _span_of_texts(term: where.Expression) -> tuple[str, sa.ColumnElement[bool]] | None:
    """Return the column of a pattern that begins with some text, and that it begins so, as a span.

    In SQLite, which compares texts byte by byte; what lies between two texts elsewhere depends on the language.
    """
    match term:
        case where.Likeness(where.Name(name), pattern) if name in _ORDERED:
            begin = re.split("[%_]", pattern, maxsplit=1)[0]
            return (name, exposures.c[name].between(begin, begin + chr(0x10FFFF))) if begin else None
    return None
