"""The catalogue's pages on collections: runs, tags, chains and calibrations, their making and their members.

Which datasets a search through them finds is query.py's.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.book import Book
from catalogue.datasets.records import Collection, CollectionKind, Validity
from catalogue.datasets.tables import collection_children, collections, datasets, members
from catalogue.store import AT_ONCE, insert
from observatory.batches import batched
from observatory.errors import UsageError
from observatory.spec.fields import meant


class CollectionBook(Book):
    """Collections and who is in them."""

    def collections(self) -> tuple[Collection, ...]:
        """Return every collection, by name."""
        with self._store.read() as connection:
            rows = connection.execute(sa.select(collections).order_by(collections.c.name)).all()
            children = children_of(connection)
        names = {row.id: row.name for row in rows}
        return tuple(
            Collection(row.name, CollectionKind(row.kind), tuple(names[child] for child in children.get(row.id, ())))
            for row in rows
        )

    def make_collection(self, name: str, kind: CollectionKind, at_utc: dt.datetime) -> bool:
        """Make a collection; False where one of this kind was there.

        Raises
        ------
        UsageError
            The name is no good, or is another kind's.
        """
        with self._store.write() as connection:
            return make(connection, name, kind, at_utc)

    def chain(self, name: str, children: Sequence[str], at_utc: dt.datetime) -> None:
        """Make a search path through other collections, or give one other children.

        Raises
        ------
        UsageError
            A child is not there, stands twice, or leads back to the chain.
        """
        if len(set(children)) != len(children) or not children:
            raise UsageError(f"{name}: a chain needs one or more collections, each once")
        with self._store.write() as connection:
            make(connection, name, CollectionKind.CHAINED, at_utc)
            parent = collection_id(connection, name)
            numbers = [collection_id(connection, child) for child in children]
            for child, number in zip(children, numbers, strict=True):
                if parent in _with_descendants(connection, number):
                    raise UsageError(f"{name}: the chain would lead back to itself through {child}")
            connection.execute(collection_children.delete().where(collection_children.c.parent_id == parent))
            rows = [{"parent_id": parent, "position": place, "child_id": one} for place, one in enumerate(numbers)]
            insert(connection, collection_children, rows)

    def tag(self, name: str, ids: Iterable[uuid.UUID]) -> int:
        """Put datasets into a TAGGED collection, each in place of one of the same data id; return how many are new."""
        new = 0
        with self._store.write() as connection:
            number = _of_kind(connection, name, CollectionKind.TAGGED)
            for row in _rows(connection, ids):
                same = (members.c.collection_id == number, members.c.type_id == row.type_id)
                before = sa.select(members.c.dataset_id).where(*same, members.c.data_id == row.data_id)
                if connection.execute(before).scalar() == row.id:
                    continue
                connection.execute(members.delete().where(*same, members.c.data_id == row.data_id))
                _add(connection, number, row, Validity())
                new += 1
        return new

    def untag(self, name: str, ids: Iterable[uuid.UUID]) -> int:
        """Take datasets out of a TAGGED or CALIBRATION collection; return how many memberships there were."""
        with self._store.write() as connection:
            number = _of_kind(connection, name, CollectionKind.TAGGED, CollectionKind.CALIBRATION)
            gone = 0
            for part in batched(list(ids), AT_ONCE):
                asked = members.delete().where(members.c.collection_id == number, members.c.dataset_id.in_(part))
                gone += connection.execute(asked).rowcount
            return gone

    def certify(self, name: str, ids: Iterable[uuid.UUID], validity: Validity) -> int:
        """Say from when until when datasets of a CALIBRATION collection are valid; return how many were put in.

        Raises
        ------
        UsageError
            For the same type and data id another one is valid at some of that time.
        """
        if validity.since is not None and validity.until is not None and validity.until <= validity.since:
            raise UsageError(f"{name}: nothing is valid {validity}")
        count = 0
        with self._store.write() as connection:
            number = _of_kind(connection, name, CollectionKind.CALIBRATION)
            for row in _rows(connection, ids):
                _refuse_overlap(connection, number, name, row, validity)
                _add(connection, number, row, validity)
                count += 1
        return count

    def remove_collection(self, name: str) -> None:
        """Remove a collection and its memberships, never a dataset.

        Raises
        ------
        UsageError
            It is not there, is part of a chain, or is a run that still holds datasets.
        """
        with self._store.write() as connection:
            number = collection_id(connection, name)
            in_chain = (
                sa.select(collections.c.name)
                .join(collection_children, collection_children.c.parent_id == collections.c.id)
                .where(collection_children.c.child_id == number)
            )
            parent = connection.execute(in_chain).scalar()
            if parent is not None:
                raise UsageError(f"{name} is part of the chain {parent}; change that first")
            held = connection.execute(sa.select(sa.func.count()).where(datasets.c.run_id == number)).scalar_one()
            if held:
                raise UsageError(f"{name} still holds datasets ({held}); `datasets remove` them first")
            connection.execute(collections.delete().where(collections.c.id == number))


def make(connection: Connection, name: str, kind: CollectionKind, at_utc: dt.datetime) -> bool:
    """Make a collection within a transaction; False where one of this kind was there."""
    _check_name(name)
    row = connection.execute(sa.select(collections).where(collections.c.name == name)).first()
    if row is None:
        connection.execute(collections.insert().values(name=name, kind=kind.value, made_utc=at_utc))
        return True
    if row.kind != kind.value:
        raise UsageError(f"collection {name} is {row.kind}, not {kind.value}")
    return False


def collection_id(connection: Connection, name: str) -> int:
    """Return the number of a collection.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    found = connection.execute(sa.select(collections.c.id).where(collections.c.name == name)).scalar()
    if found is None:
        names = connection.execute(sa.select(collections.c.name).order_by(collections.c.name)).scalars().all()
        raise UsageError(f"no collection {name!r}{meant(name, names) or '; there is none yet'}")
    return int(found)


def children_of(connection: Connection) -> dict[int, list[int]]:
    """Return the numbers of each chain's children, in the order in which they are searched."""
    children: dict[int, list[int]] = {}
    for link in connection.execute(sa.select(collection_children).order_by(collection_children.c.position)):
        children.setdefault(link.parent_id, []).append(link.child_id)
    return children


def _check_name(name: str) -> None:
    if not name or len(name) > 200 or not name.isprintable() or any(sign in name for sign in "*?, "):
        raise UsageError(f"{name!r} is no good name of a collection: letters, digits, '/', '-', '_' and '.' are")


def _of_kind(connection: Connection, name: str, *kinds: CollectionKind) -> int:
    number = collection_id(connection, name)
    kind = connection.execute(sa.select(collections.c.kind).where(collections.c.id == number)).scalar_one()
    if kind not in [one.value for one in kinds]:
        raise UsageError(f"collection {name} is {kind}, not {' or '.join(one.value for one in kinds)}")
    return number


def _rows(connection: Connection, ids: Iterable[uuid.UUID]) -> list[sa.Row[tuple[object, ...]]]:
    found: list[sa.Row[tuple[object, ...]]] = []
    for part in batched(list(ids), AT_ONCE):
        asked = sa.select(datasets.c.id, datasets.c.type_id, datasets.c.data_id).where(datasets.c.id.in_(part))
        found += connection.execute(asked).all()  # type: ignore[arg-type]
    return found


def _add(connection: Connection, number: int, row: sa.Row[tuple[object, ...]], validity: Validity) -> None:
    values = {
        "collection_id": number,
        "dataset_id": row.id,
        "type_id": row.type_id,
        "data_id": row.data_id,
        "valid_from_utc": validity.since,
        "valid_until_utc": validity.until,
    }
    connection.execute(members.insert().values(values))


def _refuse_overlap(
    connection: Connection, number: int, name: str, row: sa.Row[tuple[object, ...]], validity: Validity
) -> None:
    asked = sa.select(members).where(
        members.c.collection_id == number, members.c.type_id == row.type_id, members.c.data_id == row.data_id
    )
    for other in connection.execute(asked):
        span = Validity(other.valid_from_utc, other.valid_until_utc)
        if span.overlaps(validity):
            raise UsageError(f"{name}: for {row.data_id} another dataset is valid {span}; nothing was certified")


def _with_descendants(connection: Connection, number: int) -> set[int]:
    children = children_of(connection)
    seen: set[int] = set()
    waiting = [number]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += children.get(one, [])
    return seen
