"""Datasets of several nights, by the index of nights, in which each night's exposures stand in order.

The nights that are asked for are stepped through in the index, each with its first and last exposure, whatever lies
between. Of a span of exposures only those nights are then looked at that may have some of it: where numbers grow from
night to night that is one or two, where they begin anew every night it is all. Which way a question goes choosing.py
decides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue import where
from catalogue.conditions import Column, condition, stored
from catalogue.datasets.spans import Piece, Span
from catalogue.datasets.tables import datasets
from catalogue.datasets.terms import asks_absence, ends

NAME = "night"
INDEX = "ix_datasets_night"
_MOST_NIGHTS = 3_000
"""More nights than eight years have are not stepped through; then the order of the exposures is walked."""


@dataclass(frozen=True, slots=True)
class Night:
    """One night and the span of its exposures; None where all have none."""

    date: dt.date
    span: Span | None


@dataclass(frozen=True, slots=True)
class Nights:
    """The datasets of some nights.

    Attributes
    ----------
    type_id : int
    nights : tuple of Night
    also : tuple of conditions
        What else is asked.
    may_be_absent : bool
        Whether what is asked of the exposure is true where there is none.
    """

    type_id: int
    nights: tuple[Night, ...]
    also: tuple[sa.ColumnElement[bool], ...] = ()
    may_be_absent: bool = True

    def whole(self) -> Piece:
        """Return all their datasets."""
        return self._of(self.nights)

    def within(self, span: Span | None) -> Piece:
        """Return those of a span of exposures; with None those that have no exposure."""
        if span is None:
            return self._of(self.nights, datasets.c.exposure.is_(None))
        near = [one for one in self.nights if one.span and one.span[0] <= span[1] and span[0] <= one.span[1]]
        return self._of(near, datasets.c.exposure.between(*span))

    def span(self) -> Span:
        """Return the lowest and the highest exposure of these nights; an empty span where there is none."""
        spans = [one.span for one in self.nights if one.span]
        return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else (0, -1)

    def overlap(self) -> bool:
        """Say whether exposures begin anew from night to night, so that their span says little of the nights."""
        low, high = self.span()
        return sum(one.span[1] - one.span[0] + 1 for one in self.nights if one.span) > 2 * (high - low + 1)

    def _of(self, nights: Sequence[Night], *more: sa.ColumnElement[bool]) -> Piece:
        dates = [one.date for one in nights]
        held = sa.and_(datasets.c.type_id == self.type_id, datasets.c.night.in_(dates), *more, *self.also)
        return Piece(held, INDEX, says_night=True)


def nights_asked(connection: Connection, type_id: int, terms: Sequence[where.Expression]) -> list[Night] | None:
    """Return the nights of a type that satisfy terms over the night; None: more than are stepped through, or absence.

    Raises
    ------
    UsageError
        A term has a value that is no night.
    """
    if any(map(asks_absence, terms)):
        return None
    lows, highs = ([stored(NAME, "night", end) for end in some] for some in ends(terms))
    held = _walk(type_id, max(lows, default=dt.date.min), min(highs, default=dt.date.max))
    columns = {NAME: Column(held.c.night, "night")}
    asked = sa.select(held.c.night, *_ends_of_exposures(type_id, held.c.night))
    asked = asked.where(held.c.night.is_not(None), *(condition(term, columns) for term in terms))
    rows = connection.execute(asked.order_by(held.c.night).limit(_MOST_NIGHTS + 1)).all()
    if len(rows) > _MOST_NIGHTS:
        return None
    return [Night(night, None if low is None else (low, high)) for night, low, high in rows]


def _walk(type_id: int, low: dt.date, high: dt.date) -> sa.CTE:
    """Step from a night to the next that there is; the last step finds none, or one that is too late."""
    there = datasets.alias("there")
    first = sa.select(sa.func.min(there.c.night).label("night")).where(there.c.type_id == type_id, there.c.night >= low)
    held = first.cte("held", recursive=True)
    following = sa.select(sa.func.min(there.c.night)).where(there.c.type_id == type_id, there.c.night > held.c.night)
    return held.union_all(sa.select(following.scalar_subquery()).where(held.c.night < high))


def _ends_of_exposures(type_id: int, night: sa.ColumnElement[dt.date]) -> list[sa.ScalarSelect[int]]:
    there = datasets.alias("of_night")
    of_night = (there.c.type_id == type_id, there.c.night == night)
    return [sa.select(pick(there.c.exposure)).where(*of_night).scalar_subquery() for pick in (sa.func.min, sa.func.max)]
