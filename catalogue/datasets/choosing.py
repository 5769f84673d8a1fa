"""Which way a question about datasets is put to the database: by the index of kinds, or plainly.

Databases choose by statistics of single columns, of which SQLite keeps none: among millions of datasets a wrong choice
takes seconds. Here it is looked first how many kinds there are and which satisfy what is asked of their keys. What the
index is, kinds.py says; what is asked, query.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue import where
from catalogue.conditions import Column, condition
from catalogue.datasets.kinds import KindIndex, Kinds, Span
from catalogue.datasets.tables import datasets

FEW = 5_000
"""So many datasets are read and sorted while a person does not notice."""
_PINNED = 2_000
"""A span of so few exposures is found by the index of exposures alone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, as far as it decides the way.

    Attributes
    ----------
    terms : tuple of Expression
        All of which must hold.
    order : tuple of str
        Keys; with a hyphen before it, descending.
    wanted : int or None
        How many of the first datasets are needed; None: all.
    exposure : str
        The key of the exposure.
    columns : mapping of name to Column
    """

    terms: tuple[where.Expression, ...]
    order: tuple[str, ...]
    wanted: int | None
    exposure: str
    columns: Mapping[str, Column]


def choose(
    connection: Connection, index: KindIndex, asked: Asked, runs: Sequence[int]
) -> Iterator[sa.ColumnElement[bool]] | None:
    """Return conditions that hold the first datasets, in this order; None: the question is best put as it is.

    Besides its own each condition needs what was asked of more than the exposure; what one holds comes before all that
    the next does.
    """
    of_kinds, of_exposures, other = _sorted_out(index, asked)
    leading = list(itertools.takewhile(lambda name: name.removeprefix("-") in index.keys, asked.order))
    if not (of_kinds or leading) or not runs or _is_pinned(of_exposures):
        return None
    if not index.is_there(connection):
        return None
    examples = index.examples(connection, runs)
    if examples is None:
        return None
    groups = _groups(connection, index, of_kinds, leading, examples, asked.columns)
    if not groups:
        return iter(())
    also = tuple(condition(term, asked.columns) for term in of_exposures)
    everything = Kinds(connection, index, tuple(runs), tuple(dict.fromkeys(itertools.chain(*groups))), also)
    if any(_names_one(term, asked.columns) for term in other):
        return None
    if everything.count(FEW) < FEW:
        return iter((everything.condition,))
    following = asked.order[len(leading)].removeprefix("-") if len(asked.order) > len(leading) else ""
    is_plain = other or asked.wanted is None or following != asked.exposure
    if is_plain or (not leading and len(everything.kinds) == len(examples)):
        return None
    span = _span(connection, index, of_exposures)
    # what is an end of the span need not be said again: SQLite would begin at the one that it reads first
    also = tuple(condition(term, asked.columns) for term in of_exposures if _bounds(term) == (None, None))
    may_be_absent = all(_asks_absence(term) for term in of_exposures)
    chosen = [Kinds(connection, index, tuple(runs), kinds, also, may_be_absent) for kinds in groups]
    descending = asked.order[len(leading)].startswith("-")
    return itertools.chain.from_iterable(one.firsts(asked.wanted or 0, span, descending) for one in chosen)


def _sorted_out(index: KindIndex, asked: Asked) -> tuple[list[where.Expression], ...]:
    """Return what is asked of keys that kinds are made of, what of the exposure alone, and what else."""
    of_kinds: list[where.Expression] = []
    of_exposures: list[where.Expression] = []
    other: list[where.Expression] = []
    for term in asked.terms:
        names = where.names_in(term)
        place = of_kinds if names <= set(index.keys) else of_exposures if names == {asked.exposure} else other
        place.append(term)
    return of_kinds, of_exposures, other


def _groups(
    connection: Connection,
    index: KindIndex,
    terms: Sequence[where.Expression],
    leading: Sequence[str],
    examples: Sequence[object],
    columns: Mapping[str, Column],
) -> list[tuple[str, ...]]:
    """Return the kinds that satisfy what is asked of their keys, in the order that is asked, equals together."""
    elements = [columns[name.removeprefix("-")].element for name in leading]
    order = [
        element.desc().nulls_last() if name.startswith("-") else element.asc().nulls_first()
        for name, element in zip(leading, elements, strict=True)
    ]
    held = [element.label(f"key_{number}") for number, element in enumerate(elements)]
    asked = sa.select(index.kind(connection).label("kind"), *held).where(datasets.c.id.in_(examples))
    asked = asked.where(*(condition(term, columns) for term in terms)).order_by(*order)
    rows = connection.execute(asked).all()
    return [tuple(dict.fromkeys(row[0] for row in rows)) for _, rows in itertools.groupby(rows, lambda row: row[1:])]


def _span(connection: Connection, index: KindIndex, terms: Sequence[where.Expression]) -> Span:
    """Return the lowest and the highest exposure that there are and that are asked for."""
    low, high = (
        connection.execute(sa.select(pick(datasets.c.exposure)).where(datasets.c.type_id == index.type_id)).scalar()
        for pick in (sa.func.min, sa.func.max)
    )
    if low is None or high is None:
        return 0, -1
    lows, highs = _ends(terms)
    return max([low, *lows]), min([high, *highs])


def _is_pinned(terms: Sequence[where.Expression]) -> bool:
    """Say whether few exposures are asked for."""
    for term in terms:
        if isinstance(term, where.Membership) and not any(isinstance(item, where.Span) for item in term.items):
            return True
    lows, highs = _ends(terms)
    return bool(lows and highs) and min(highs) - max(lows) < _PINNED


def _ends(terms: Sequence[where.Expression]) -> tuple[list[int], list[int]]:
    """Return every lowest and every highest exposure that terms name."""
    bounds = [_bounds(term) for term in terms]
    return [low for low, _ in bounds if low is not None], [high for _, high in bounds if high is not None]


def _names_one(term: where.Expression, columns: Mapping[str, Column]) -> bool:
    """Say whether a term names one night or one number of 64 bits, each of which has an index of its own."""
    match term:
        case where.Comparison("=", where.Name(name), where.Constant()):
            return name in columns and columns[name].kind in ("night", "hexadecimal")
    return False


def _asks_absence(term: where.Expression) -> bool:
    """Say whether a term may be true of what has no value: nothing that compares is."""
    match term:
        case where.All(terms) | where.Any(terms):
            return any(map(_asks_absence, terms))
        case where.Negation(inner):
            return _asks_absence(inner)
    return isinstance(term, where.Absence)


def _bounds(term: where.Expression) -> tuple[int | None, int | None]:
    """Return the lowest and highest exposure for which a term is true; both None: it says more than that."""
    match term:
        case where.Comparison(operator, where.Name(), where.Constant(int(value))):
            return _end(operator, value)
        case where.Comparison(operator, where.Constant(int(value)), where.Name()):
            return _end(_MIRRORED.get(operator, operator), value)
        case where.Membership(where.Name(), (where.Span(where.Constant(int(low)), where.Constant(int(high))),)):
            return low, high
    return None, None


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _end(operator: str, value: int) -> tuple[int | None, int | None]:
    ends: dict[str, tuple[int | None, int | None]] = {
        "=": (value, value),
        "<": (None, value - 1),
        "<=": (None, value),
        ">": (value + 1, None),
        ">=": (value, None),
    }
    return ends.get(operator, (None, None))
