"""Datasets by what they are besides their exposure: an index that answers for keys of which few values are known.

A dataset's kind is what all those keys hold, as one text: arm, spectrograph, site... of PFS make a few dozen kinds of
millions of files. An index keeps the datasets of a type by run, kind and exposure. What is asked of the keys is asked
of one dataset of each kind; then either there is none, or the first of the kinds that are left are read from the
index. Keys of 64 bits have indices of their own (storing.py); which way a question goes query.py decides.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.datasets.grammar import DatasetType
from catalogue.datasets.spans import Piece, Span
from catalogue.datasets.storing import written
from catalogue.datasets.tables import datasets

_MOST_KINDS = 1_000
"""More kinds are not gone through; then the keys are looked at in dataset after dataset."""
_ABSENT = "coalesce({}, chr(30))"


@dataclass(frozen=True, slots=True)
class KindIndex:
    """The index of one type's kinds.

    Attributes
    ----------
    name : str
    type_id : int
    keys : tuple of str
        Those of which a kind is made.
    """

    name: str
    type_id: int
    keys: tuple[str, ...]

    @classmethod
    def of(cls, one: DatasetType, type_id: int, exposure: str | None) -> KindIndex | None:
        """Return a type's index, whether it was made or not; None where it would hold no key."""
        keys = tuple(key.name for key in one.keys if key.kind != "hexadecimal" and key.name != exposure)
        if not keys:
            return None
        return cls(f"ix_datasets_kind_{type_id}_{zlib.crc32(','.join(keys).encode()):08x}", type_id, keys)

    def make(self, connection: Connection) -> None:
        """Make the index where it is not there."""
        kind = self._kind(connection, "data")
        order = "exposure NULLS FIRST" if connection.dialect.name == "postgresql" else "exposure"
        made = f"ON datasets (run_id, ({kind}), {order}) WHERE type_id = {self.type_id}"
        connection.execute(sa.text(f"CREATE INDEX IF NOT EXISTS {self.name} {made}"))

    def drop(self, connection: Connection) -> None:
        """Remove the index, where it is there: its type has other keys now."""
        connection.execute(sa.text(f"DROP INDEX IF EXISTS {self.name}"))

    def is_there(self, connection: Connection) -> bool:
        """Say whether it was made: a catalogue that was filled before there were such indices has none."""
        asked = "SELECT 1 FROM sqlite_master WHERE name = :name"
        if connection.dialect.name == "postgresql":
            asked = "SELECT 1 FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid)"
        return connection.execute(sa.text(asked), {"name": self.name}).first() is not None

    def examples(self, connection: Connection, runs: Sequence[int]) -> list[object] | None:
        """Return the id of a dataset of each kind in some runs; None where there are too many kinds."""
        found: list[object] = []
        for run in runs:
            one = sa.text(self._walk(connection)).columns(id=datasets.c.id.type)
            found += connection.execute(one, {"run": run, "most": _MOST_KINDS + 1}).scalars()
            if len(found) > _MOST_KINDS:
                return None
        return found

    def _walk(self, connection: Connection) -> str:
        """Step from the first dataset of one kind to the first of the next, whatever lies between."""
        here, there = self._kind(connection, "here.data"), self._kind(connection, "there.data")
        following = f"FROM datasets AS there WHERE there.type_id = {self.type_id} AND there.run_id = :run"
        # our own words, and names that `written` has looked at
        return (
            "WITH RECURSIVE first(id) AS"  # noqa: S608
            f" (SELECT * FROM (SELECT there.id {following} ORDER BY {there} LIMIT 1) AS one"
            f" UNION ALL SELECT (SELECT there.id {following} AND {there} > {here} ORDER BY {there} LIMIT 1)"
            f" FROM first JOIN datasets AS here ON here.id = first.id)"
            f" SELECT id FROM first WHERE id IS NOT NULL LIMIT :most"
        )

    def of_type(self) -> sa.ColumnElement[bool]:
        """Return the condition without which the index is not used: its number has to stand in the statement."""
        return datasets.c.type_id == sa.literal_column(str(self.type_id), sa.Integer())

    def kind(self, connection: Connection) -> sa.ColumnElement[str]:
        """Return a dataset's kind."""
        return sa.literal_column(self._kind(connection, "datasets.data"), sa.Text())

    def _kind(self, connection: Connection, data: str) -> str:
        dialect = connection.dialect.name
        if dialect == "postgresql":
            held = [_ABSENT.format(written(key, dialect, data)) for key in self.keys]
            return f'({" || chr(31) || ".join(held)}) COLLATE "C"'
        held = [written(key, dialect, data) for key in self.keys]
        return f"json_array({', '.join(held)})"


@dataclass(frozen=True, slots=True)
class Kinds:
    """Some kinds in some runs.

    Attributes
    ----------
    connection : Connection
    index : KindIndex
    runs : tuple of int
    kinds : tuple of str
    also : tuple of conditions
        What else is asked.
    may_be_absent : bool
        Whether what is asked of the exposure is true where there is none.
    """

    connection: Connection
    index: KindIndex
    runs: tuple[int, ...]
    kinds: tuple[str, ...]
    also: tuple[sa.ColumnElement[bool], ...] = ()
    may_be_absent: bool = True

    def whole(self) -> Piece:
        """Return all their datasets, in the words by which the index is found."""
        kind = self.index.kind(self.connection)
        held = sa.and_(self.index.of_type(), datasets.c.run_id.in_(self.runs), kind.in_(self.kinds), *self.also)
        return Piece(held, self.index.name)

    def within(self, span: Span | None) -> Piece:
        """Return those of a span of exposures; with None those that have no exposure."""
        whole = self.whole()
        lies = datasets.c.exposure.is_(None) if span is None else datasets.c.exposure.between(*span)
        return Piece(sa.and_(whole.condition, lies), whole.index)
