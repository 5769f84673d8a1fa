"""Which way a question about datasets is put to the database: by which index, or plainly.

Databases choose by statistics of single columns, of which SQLite keeps none: among millions of datasets a wrong choice
takes seconds. Here it is looked first how many kinds there are and which satisfy what is asked of their keys, and which
nights there are. What the indices are, kinds.py and nights.py say; what is asked, query.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue import where
from catalogue.conditions import Column, condition, sorted_by
from catalogue.datasets import nights
from catalogue.datasets.kinds import KindIndex, Kinds
from catalogue.datasets.nights import Nights
from catalogue.datasets.spans import Piece, Span, firsts
from catalogue.datasets.tables import datasets
from catalogue.datasets.terms import asks_absence, whole_bounds

FEW = 5_000
"""So many datasets are read and sorted while a person does not notice."""
_PINNED = 2_000
"""A span of so few exposures is found by the index of exposures alone."""
RUN = "run"
_NO_KEYS = frozenset({nights.NAME, RUN, "ingested", "size_bytes"})
"""What these names mean is no key's value, even where a type has a key of such a name."""


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
    runs : tuple of int or None
        The only ones whose datasets can satisfy it; None: that is not known.
    is_everywhere : bool
        Whether these are all runs that there are.
    examples : callable
        Gives the id of a dataset of each kind in these runs, and may give more; None: that is not known.
    """

    terms: tuple[where.Expression, ...]
    order: tuple[str, ...]
    wanted: int | None
    exposure: str
    columns: Mapping[str, Column]
    runs: tuple[int, ...] | None
    is_everywhere: bool
    examples: Callable[[], Sequence[object] | None]

    def conditions(self, terms: Iterable[where.Expression]) -> tuple[sa.ColumnElement[bool], ...]:
        """Return what terms ask of rows."""
        return tuple(condition(term, self.columns) for term in terms)

    def leading(self, keys: frozenset[str]) -> list[str]:
        """Return those of some keys that are sorted by first, hyphens included."""
        return list(itertools.takewhile(lambda name: name.removeprefix("-") in keys, self.order))


@dataclass(frozen=True, slots=True)
class _Parts:
    """The terms, by what they are about; what is asked of the run alone is in none: `Asked.runs` says it."""

    kinds: list[where.Expression]
    exposures: list[where.Expression]
    nights: list[where.Expression]
    other: list[where.Expression]


@dataclass(frozen=True, slots=True)
class _Groups:
    """Kinds that satisfy what is asked of their keys, in the order that is asked, equals together."""

    groups: list[tuple[str, ...]]
    is_all: bool

    def together(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(itertools.chain(*self.groups)))


def choose(connection: Connection, index: KindIndex, asked: Asked) -> Iterator[Piece] | None:
    """Return pieces that hold the first datasets, in this order; None: the question is best put as it is.

    Besides its own condition each piece needs what was asked of more than the exposure; what one holds comes before all
    that the next does.
    """
    keys = frozenset(index.keys) - _NO_KEYS
    return _Choice(connection, index, asked, _sorted_out(keys, asked), asked.leading(keys)).pieces()


@dataclass(frozen=True, slots=True)
class _Choice:
    connection: Connection
    index: KindIndex
    asked: Asked
    parts: _Parts
    leading: list[str]

    def pieces(self) -> Iterator[Piece] | None:
        asked, parts = self.asked, self.parts
        if asked.runs is None or _is_pinned(parts.exposures):
            return None
        kinds = self._kinds()
        if not asked.runs or (kinds is not None and not kinds.groups):
            return iter(())
        if any(_names_one(term, asked.columns) for term in [*parts.nights, *parts.other]):
            return None
        if kinds is not None and (few := self._few(self._of(kinds.together()))) is not None:
            return iter((few,))
        if (some := self._of_small_runs()) is not None:
            return iter((some,))
        some_nights = self._nights()
        if some_nights is not None:
            if not some_nights.nights:
                return iter(())
            if self._few(replace(some_nights, also=())) is not None:
                return iter((some_nights.whole(),))
        return self._firsts(kinds, some_nights)

    def _firsts(self, kinds: _Groups | None, some_nights: Nights | None) -> Iterator[Piece] | None:
        """Return the first of many by kind or by night; None where neither has what is asked in its order."""
        wanted, following = self.asked.wanted, self.asked.order[len(self.leading) :][:1]
        if wanted is None or [name.removeprefix("-") for name in following] != [self.asked.exposure]:
            return None
        descending = following[0].startswith("-")
        span = self._span() if some_nights is None else _both(self._span(), some_nights.span())
        tells_kinds = kinds is not None and (bool(self.leading) or not kinds.is_all)
        if some_nights is not None and not self.leading and (not tells_kinds or some_nights.overlap()):
            return firsts(self.connection, some_nights, wanted, span, descending)
        if kinds is None or not tells_kinds or self.parts.other:
            return None
        also = (*self._of_exposures(), *self.asked.conditions(self.parts.nights))
        sought = [self._of(group, also) for group in kinds.groups]
        return itertools.chain.from_iterable(firsts(self.connection, one, wanted, span, descending) for one in sought)

    def _few(self, sought: Kinds | Nights) -> Piece | None:
        """Return datasets that are so few that they are read and sorted."""
        whole = sought.whole()
        return whole if whole.count(self.connection, FEW) < FEW else None

    def _of_small_runs(self) -> Piece | None:
        """Return the datasets of the runs, where they are few."""
        if self.asked.is_everywhere:
            return None
        inside = Piece(datasets.c.run_id.in_(self._runs), "ix_datasets_run")
        if inside.count(self.connection, FEW) >= FEW:
            return None
        also = self.asked.conditions(self.parts.exposures)
        return Piece(sa.and_(datasets.c.type_id == self.index.type_id, inside.condition, *also), inside.index)

    def _kinds(self) -> _Groups | None:
        """Return the kinds that are asked for; None where nothing is asked of keys, or there are too many kinds."""
        if not (self.parts.kinds or self.leading):
            return None
        examples = self.asked.examples()
        return None if examples is None else self._groups(examples)

    def _groups(self, examples: Sequence[object]) -> _Groups:
        columns = self.asked.columns
        order = [sorted_by(name, columns) for name in self.leading]
        elements = [columns[name.removeprefix("-")].element for name in self.leading]
        held = [element.label(f"key_{number}") for number, element in enumerate(elements)]
        asked = sa.select(self.index.kind(self.connection).label("kind"), *held).where(datasets.c.id.in_(examples))
        asked = asked.where(*self.asked.conditions(self.parts.kinds)).order_by(*order)
        rows = self.connection.execute(asked).all()
        groups = [
            tuple(dict.fromkeys(row[0] for row in some)) for _, some in itertools.groupby(rows, lambda row: row[1:])
        ]
        return _Groups(groups, len(rows) == len(examples))

    def _of(self, kinds: tuple[str, ...], also: tuple[sa.ColumnElement[bool], ...] | None = None) -> Kinds:
        also = self.asked.conditions(self.parts.exposures) if also is None else also
        return Kinds(self.connection, self.index, self._runs, kinds, also, self._may_be_absent())

    def _nights(self) -> Nights | None:
        """Return the nights that are asked for; None where none are, or they are too many to look at."""
        parts = self.parts
        if not parts.nights or any(RUN in where.names_in(term) for term in parts.other):
            return None
        found = nights.nights_asked(self.connection, self.index.type_id, parts.nights)
        if found is None:
            return None
        also = (*self._of_exposures(), *self.asked.conditions([*parts.kinds, *parts.other]))
        in_runs = datasets.c.run_id.in_(self._runs)
        return Nights(self.index.type_id, tuple(found), (in_runs, *also), self._may_be_absent())

    def _of_exposures(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return what is asked of exposures but their span: SQLite would begin at the end of it that it reads first."""
        return self.asked.conditions(term for term in self.parts.exposures if whole_bounds(term) == (None, None))

    @property
    def _runs(self) -> tuple[int, ...]:
        return self.asked.runs or ()

    def _may_be_absent(self) -> bool:
        return all(map(asks_absence, self.parts.exposures))

    def _span(self) -> Span:
        """Return the lowest and the highest exposure that there are and that are asked for."""
        low, high = (
            self.connection.execute(
                sa.select(pick(datasets.c.exposure)).where(datasets.c.type_id == self.index.type_id)
            ).scalar()
            for pick in (sa.func.min, sa.func.max)
        )
        if low is None or high is None:
            return 0, -1
        lows, highs = _ends(self.parts.exposures)
        return max([low, *lows]), min([high, *highs])


def _both(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _sorted_out(keys: frozenset[str], asked: Asked) -> _Parts:
    parts = _Parts([], [], [], [])
    for term in asked.terms:
        names = where.names_in(term)
        if names == {asked.exposure}:
            parts.exposures.append(term)
        elif names <= keys:
            parts.kinds.append(term)
        elif names == {nights.NAME}:
            parts.nights.append(term)
        elif names != {RUN}:
            parts.other.append(term)
    return parts


def _is_pinned(terms: Sequence[where.Expression]) -> bool:
    """Say whether few exposures are asked for."""
    for term in terms:
        if isinstance(term, where.Membership) and not any(isinstance(item, where.Span) for item in term.items):
            return True
    lows, highs = _ends(terms)
    return bool(lows and highs) and min(highs) - max(lows) < _PINNED


def _ends(terms: Sequence[where.Expression]) -> tuple[list[int], list[int]]:
    """Return every lowest and every highest exposure that terms name."""
    bounds = [whole_bounds(term) for term in terms]
    return [low for low, _ in bounds if low is not None], [high for _, high in bounds if high is not None]


def _names_one(term: where.Expression, columns: Mapping[str, Column]) -> bool:
    """Say whether a term names one night or one number of 64 bits, each of which has an index of its own."""
    match term:
        case where.Comparison("=", where.Name(name), where.Constant()):
            return name in columns and columns[name].kind in ("night", "hexadecimal")
    return False
