"""Questions about datasets: by type, collections, where-expression, order and time of validity.

A search path is searched in its order; `first_of_each` keeps of each data id the dataset that is found first.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue import where
from catalogue.book import Book
from catalogue.conditions import Column, column_named, condition, sorted_by
from catalogue.datasets.choosing import RUN, Asked, choose
from catalogue.datasets.collections import children_of, collection_id
from catalogue.datasets.grammar import DatasetType
from catalogue.datasets.kinds import KindIndex
from catalogue.datasets.nights import NAME as NIGHT
from catalogue.datasets.records import CollectionKind, Dataset
from catalogue.datasets.spans import Piece
from catalogue.datasets.storing import SELECTED, columns_of, datasets_of, type_of
from catalogue.datasets.tables import collections, dataset_types, datasets, members
from catalogue.datasets.terms import Terms, alternatives
from catalogue.hints import count, indexed_by
from observatory.errors import UsageError
from observatory.spec.fields import meant

_FEW = 20_000
_MOST_RUNS = 100
_KEEPS_PLANS = (12,)
"""The version from which PostgreSQL may be told to keep none."""
DatasetRow = sa.Row[tuple[object, ...]]
Statement = sa.Select[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the datasets of one type.

    Attributes
    ----------
    type : str
    instrument : str or None
        The instrument whose type it is; None: needed only where two instruments have one of that name.
    collections : tuple of str
        The search path; empty: everywhere.
    where : str or None
        A where-expression over the keys and ``night``, ``run``, ``ingested``, ``size_bytes``.
    order_by : tuple of str
        Keys; with a hyphen before it, descending. Default: the exposure, then the other keys in their order.
    limit : int or None
    first_of_each : bool
        Of each data id only the one that the search path finds first.
    at_utc : datetime or None
        The instant at which members of a calibration must be valid; None: any.
    equal : mapping of key to value, optional
        What keys must be, besides `where`.
    """

    type: str
    instrument: str | None = None
    collections: tuple[str, ...] = ()
    where: str | None = None
    order_by: tuple[str, ...] = ()
    limit: int | None = None
    first_of_each: bool = False
    at_utc: dt.datetime | None = None
    equal: Mapping[str, str | int | float] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found: one type's datasets, and whether the limit cut off more."""

    type: DatasetType
    datasets: tuple[Dataset, ...]
    is_cut_off: bool = False


class QueryBook(Book):
    """Finding datasets."""

    def find_datasets(self, question: Question) -> Answer:
        """Answer a question.

        Raises
        ------
        UsageError
            An unknown type, collection or column; a where-expression that cannot be read; a value of a wrong kind.
        """
        expression = where.parse(question.where) if question.where is not None else None
        terms = tuple(_terms(question, expression))
        with self._store.read() as connection:
            _plan_anew(connection)
            put = _Put.of(connection, question)
            plain = put.ordered().where(*(condition(term, put.columns) for term in terms))
            if question.first_of_each:
                rows = _first_of_each(connection.execute(plain).all(), connection, put.path)
            else:
                rows = _rows(put, plain, terms)
            limit = question.limit
            found = tuple(datasets_of(rows[:limit], put.type))
            return Answer(put.type, found, is_cut_off=limit is not None and len(rows) > limit)


@dataclass(frozen=True, slots=True)
class _Put:
    """A question as it is put: what its names stand for.

    `within` is what the search path asks; `examples` gives a dataset of each kind, once it is asked for them.
    """

    connection: Connection
    question: Question
    number: int
    type: DatasetType
    exposure: str | None
    columns: Mapping[str, Column]
    path: Sequence[_Part]
    order: tuple[str, ...]
    index: KindIndex | None
    examples: Callable[[], Sequence[object] | None]

    @classmethod
    def of(cls, connection: Connection, question: Question) -> _Put:
        number, one, exposure = _type(connection, question)
        columns = columns_of(one, exposure, connection.dialect.name)
        for name in question.equal or {}:
            column_named(name, columns, one.name)
        path = _search_path(connection, question.collections)
        index = KindIndex.of(one, number, exposure) if exposure is not None else None

        @functools.cache
        def examples() -> Sequence[object] | None:
            """Say it once for all alternatives of a question."""
            is_there = index is not None and index.is_there(connection)
            return index.examples(connection, _runs(connection, path, ()) or ()) if index and is_there else None

        order = _named_order(question, one, exposure)
        return cls(connection, question, number, one, exposure, columns, path, order, index, examples)

    def ordered(self) -> Statement:
        """Return all that the type has in the search path, in the order that is asked for."""
        of_type: sa.ColumnElement[int] = datasets.c.type_id
        if _is_short(self.connection, self.path):
            of_type = of_type + 0  # no index of the type: SQLite would walk all of it for the order that it holds
        asked = SELECTED.where(of_type == self.number)
        if self.question.collections:
            asked = asked.where(sa.or_(*(_within(part, self.question.at_utc) for part in self.path)))
        return asked.order_by(*_order(self.order, self.columns))

    def pieces(self, terms: Terms, plain: Statement) -> Iterable[Statement]:
        """Return statements for all that satisfies some terms, one after the other; `plain` is what asks it in one."""
        if self.index is None or self.exposure is None:
            return (plain,)
        of_run = [condition(term, self.columns) for term in terms if where.names_in(term) == {RUN}]
        runs = _runs(self.connection, self.path, of_run)
        wanted = None if self.question.limit is None else self.question.limit + 1
        is_everywhere = not (self.question.collections or of_run)
        asked = Asked(terms, self.order, wanted, self.exposure, self.columns, runs, is_everywhere, self.examples)
        pieces = choose(self.connection, self.index, asked)
        if pieces is None:
            return (plain,)
        return (self._statement(terms, piece) for piece in pieces)

    def _statement(self, terms: Terms, piece: Piece) -> Statement:
        """Return what asks for a piece of what satisfies some terms; what the piece says is not said again."""
        said = [{self.exposure}, {NIGHT}] if piece.says_night else [{self.exposure}]
        held = [condition(term, self.columns) for term in terms if where.names_in(term) not in said]
        return indexed_by(self.ordered().where(piece.condition, *held), datasets, piece.index)


def _rows(put: _Put, plain: Statement, terms: Terms) -> list[DatasetRow]:
    """Return the first rows of an answer, one more than are asked for where there are more.

    What is asked with OR is asked one alternative after the other, each by its own index; the first of all are among
    the first of each.
    """
    limit = put.question.limit
    wanted = None if limit is None else limit + 1
    branches = [terms]
    if put.index is not None and _runs(put.connection, put.path, ()) is not None:
        branches = alternatives(terms, (put.index.keys, (NIGHT,), (RUN,)))
    if len(branches) == 1:
        return _first_rows(put.connection, put.pieces(branches[0], plain), wanted)
    found: set[object] = set()
    base = put.ordered()
    for branch in branches:
        whole = base.where(*(condition(term, put.columns) for term in branch))
        ids = (piece.with_only_columns(datasets.c.id) for piece in put.pieces(branch, whole))
        found |= {row.id for row in _first_rows(put.connection, ids, min(wanted or _FEW, _FEW))}
        if len(found) >= _FEW:
            return _first_rows(put.connection, (plain,), wanted)
    asked = SELECTED.where(datasets.c.type_id + 0 == put.number, datasets.c.id.in_(found))
    return _first_rows(put.connection, (asked.order_by(*_order(put.order, put.columns)),), wanted)


def _first_rows(connection: Connection, pieces: Iterable[Statement], wanted: int | None) -> list[DatasetRow]:
    """Return the rows of pieces that come one after the other, of as many as are needed."""
    rows: list[DatasetRow] = []
    for piece in pieces:
        rows += connection.execute(piece if wanted is None else piece.limit(wanted - len(rows))).all()
        if wanted is not None and len(rows) >= wanted:
            break
    return rows


def _plan_anew(connection: Connection) -> None:
    """Have PostgreSQL plan by the values that are asked for, and compile nothing, which takes longer than the answer.

    After a few questions it would keep one plan for all values, and walk a run for the few of a rare kind.
    """
    if connection.dialect.name == "postgresql" and (connection.dialect.server_version_info or ()) >= _KEEPS_PLANS:
        connection.execute(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))
        connection.execute(sa.text("SET LOCAL jit = off"))


@dataclass(frozen=True, slots=True)
class _Part:
    """One collection of a search path that holds datasets itself."""

    id: int
    kind: CollectionKind


def _type(connection: Connection, question: Question) -> tuple[int, DatasetType, str | None]:
    asked = sa.select(dataset_types).order_by(dataset_types.c.instrument, dataset_types.c.name)
    rows = connection.execute(asked).all()
    found = [row for row in rows if row.name == question.type and question.instrument in (None, row.instrument)]
    if not found:
        whose = "" if question.instrument is None else f" of instrument {question.instrument!r}"
        others = {row.name for row in rows if question.instrument in (None, row.instrument)}
        raise UsageError(
            f"no dataset type {question.type!r}{whose}{meant(question.type, others) or '; there is none yet'}"
        )
    if len(found) > 1:
        names = [row.instrument for row in found]
        raise UsageError(f"{' and '.join(names)} each have a dataset type {question.type!r}; say -i {names[0]}")
    (row,) = found
    return row.id, type_of(row.name, row.instrument, row._mapping["keys"]), row.exposure


def _search_path(connection: Connection, names: Sequence[str]) -> list[_Part]:
    """Return the collections that are searched, chains resolved, in their order, each once."""
    kinds = {row.id: row.kind for row in connection.execute(sa.select(collections.c.id, collections.c.kind))}
    children = children_of(connection)
    path: dict[int, _Part] = {}
    waiting = [collection_id(connection, name) for name in reversed(names)]
    while waiting:
        number = waiting.pop()
        kind = CollectionKind(kinds[number])
        if kind is CollectionKind.CHAINED:
            waiting += reversed(children.get(number, []))
        else:
            path.setdefault(number, _Part(number, kind))
    return list(path.values())


def _is_short(connection: Connection, path: Sequence[_Part]) -> bool:
    """Say whether a search path names no more datasets than are quickly looked up one by one."""
    if not path or any(part.kind is CollectionKind.RUN for part in path):
        return False
    held = sa.select(members.c.id).where(members.c.collection_id.in_([part.id for part in path]))
    return count(connection, held, _FEW + 1) <= _FEW


def _within(part: _Part, at_utc: dt.datetime | None) -> sa.ColumnElement[bool]:
    if part.kind is CollectionKind.RUN:
        return datasets.c.run_id == part.id
    held = sa.select(members.c.dataset_id).where(members.c.collection_id == part.id)
    if part.kind is CollectionKind.CALIBRATION and at_utc is not None:
        held = held.where(
            sa.or_(members.c.valid_from_utc.is_(None), members.c.valid_from_utc <= at_utc),
            sa.or_(members.c.valid_until_utc.is_(None), members.c.valid_until_utc > at_utc),
        )
    return datasets.c.id.in_(held)


def _terms(question: Question, expression: where.Expression | None) -> Iterator[where.Expression]:
    """Yield everything that is asked of keys and columns; all of it must hold."""
    if expression is not None:
        yield from expression.terms if isinstance(expression, where.All) else (expression,)
    for name, value in (question.equal or {}).items():
        yield where.Comparison("=", where.Name(name), where.Constant(value))


def _runs(
    connection: Connection, path: Sequence[_Part], terms: Sequence[sa.ColumnElement[bool]]
) -> tuple[int, ...] | None:
    """Return the runs that are searched and satisfy terms; None where other collections are searched, or very many."""
    if any(part.kind is not CollectionKind.RUN for part in path):
        return None
    asked = sa.select(collections.c.id).where(collections.c.kind == CollectionKind.RUN.value, *terms)
    if path:
        asked = asked.where(collections.c.id.in_([part.id for part in path]))
    runs = tuple(int(number) for number in connection.execute(asked.limit(_MOST_RUNS + 1)).scalars())
    return runs if len(runs) <= _MOST_RUNS else None


def _named_order(question: Question, one: DatasetType, exposure: str | None) -> tuple[str, ...]:
    """Return the keys that are sorted by: those that were named, then the exposure, then the others."""
    named = [name.removeprefix("-") for name in question.order_by]
    usual = sorted(one.identifying, key=lambda name: name != exposure)  # as an index has them
    return (*question.order_by, *(name for name in usual if name not in named))


def _order(named: Sequence[str], columns: Mapping[str, Column]) -> list[sa.ColumnElement[object]]:
    return [*(sorted_by(name, columns) for name in named), collections.c.name.asc(), datasets.c.id.asc()]


def _first_of_each(rows: Sequence[DatasetRow], connection: Connection, path: Sequence[_Part]) -> list[DatasetRow]:
    """Keep of each data id what the search path finds first; without a path, what was ingested last."""
    place = _places(connection, rows, path)
    best: dict[str, DatasetRow] = {}
    for row in rows:
        kept = best.get(row.data_id)
        if kept is None or _rank(row, place) < _rank(kept, place):
            best[row.data_id] = row
    chosen = {row.id for row in best.values()}
    return [row for row in rows if row.id in chosen]


def _rank(row: DatasetRow, place: Mapping[object, int]) -> tuple[int, float]:
    return place.get(row.id, 0), -row.at_utc.timestamp()


def _places(connection: Connection, rows: Sequence[DatasetRow], path: Sequence[_Part]) -> dict[object, int]:
    place: dict[object, int] = {}
    for position, part in reversed(list(enumerate(path))):
        if part.kind is CollectionKind.RUN:
            place |= {row.id: position for row in rows if row.run_id == part.id}
        else:
            held = sa.select(members.c.dataset_id).where(members.c.collection_id == part.id)
            inside = set(connection.execute(held).scalars())
            place |= {row.id: position for row in rows if row.id in inside}
    return place
