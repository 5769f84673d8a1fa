"""The first datasets by their exposure, found by an index that begins with something else.

An index of kinds or of nights holds the exposures of each kind or night in order, and not those of several. So it is
counted how many datasets lie in a span at one end, and the span made longer or shorter until as many lie in it as are
wanted and not many more. What the index is, kinds.py and nights.py say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.datasets.tables import datasets
from catalogue.hints import count, indexed_by

_AT_ONCE = 4_000
"""Datasets more than are wanted that may be read to find the first ones."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some datasets, and the index by which they are found.

    Attributes
    ----------
    condition : condition
    index : str
        Its name.
    says_night : bool
        Whether terms over the night alone need not be put beside the condition: SQLite might begin with them.
    """

    condition: sa.ColumnElement[bool]
    index: str
    says_night: bool = False

    def count(self, connection: Connection, most: int) -> int:
        """Return how many datasets there are, or `most` where there are more."""
        asked = sa.select(datasets.c.exposure).where(self.condition)
        return count(connection, indexed_by(asked, datasets, self.index), most)


class Sought(Protocol):
    """Datasets of some kinds or nights."""

    @property
    def may_be_absent(self) -> bool:
        """Whether what is asked of the exposure is true where there is none."""

    def within(self, span: Span | None) -> Piece:
        """Return those of a span of exposures, both ends included; with None those that have no exposure."""


def firsts(connection: Connection, sought: Sought, wanted: int, span: Span, descending: bool) -> Iterator[Piece]:
    """Yield pieces that hold the first datasets by exposure, some at least: those without one, and a span."""
    absent = sought.within(None)
    has_absent = sought.may_be_absent and absent.count(connection, 1) > 0
    if has_absent and not descending:
        yield absent
    yield sought.within(_first_span(connection, sought, wanted, span, descending))
    if has_absent and descending:
        yield absent


def _first_span(connection: Connection, sought: Sought, wanted: int, span: Span, descending: bool) -> Span:
    """Return an end of a span of exposures that holds as many as are wanted, and not many more; or all of it."""
    begin, held = 0, 0
    width = max(wanted // 8, 1)
    length = span[1] - span[0] + 1
    while begin < length and held < wanted:
        ahead = _part(span, begin, min(width, length - begin), descending)
        found = sought.within(ahead).count(connection, _AT_ONCE)
        if found >= _AT_ONCE and width > 1:
            width = max(width // 8, 1)
            continue
        begin, held = begin + width, held + found
        width = (wanted - held) * width // found + 1 if found else width * 8
    return _part(span, 0, min(begin, length), descending)


def _part(span: Span, begin: int, width: int, descending: bool) -> Span:
    if descending:
        return span[1] - begin - width + 1, span[1] - begin
    return span[0] + begin, span[0] + begin + width - 1
