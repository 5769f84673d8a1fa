"""The catalogue's pages on datasets: types, datastores, ingests, and one transaction for each exposure.

Collections are collections.py's, questions by key and time query.py's; files are never touched here.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.book import Book
from catalogue.datasets.collections import collection_id
from catalogue.datasets.grammar import DatasetType
from catalogue.datasets.kinds import KindIndex
from catalogue.datasets.records import Dataset, NewDataset
from catalogue.datasets.storing import SELECTED, data_of, dataset_of, identity_of, index_keys, keys_to_json, type_of
from catalogue.datasets.tables import dataset_types, datasets, datastores, ingests
from catalogue.insertion import Insertion
from catalogue.store import AT_ONCE, insert_one
from observatory.batches import batched
from observatory.errors import UsageError
from observatory.truth import State

_LINKED = ("hardlink", "symlink", "relsymlink", "direct", "inside")
"""Transfers after which the datastore reaches the original itself: what is freed there is gone here."""
_COLUMNS = ("id", "type_id", "run_id", "ingest_id", "datastore_id", "exposure", "night", "data", "data_id", "path",
            "transfer", "origin", "size_bytes", "mtime_s", "sha256", "at_utc")  # fmt: skip


class DatasetBook(Book):
    """Datasets and what they are of."""

    def declare_types(self, types: Iterable[DatasetType], exposures: Mapping[str, str | None]) -> None:
        """Note the types of an instrument; `exposures` names the key that the files of one exposure share.

        Raises
        ------
        UsageError
            Datasets of a type are there whose data ids were made of other keys: their ids would not be found again.
        """
        with self._store.write() as connection:
            for one in types:
                number = _declare(connection, one, exposures.get(one.name))
                index_keys(connection, one)
                index = KindIndex.of(one, number, exposures.get(one.name))
                if index is not None:
                    index.make(connection)

    def dataset_types(self, instrument: str | None = None) -> tuple[tuple[DatasetType, str | None], ...]:
        """Return every type with the key of its exposure, by instrument and name."""
        asked = sa.select(dataset_types).order_by(dataset_types.c.instrument, dataset_types.c.name)
        if instrument is not None:
            asked = asked.where(dataset_types.c.instrument == instrument)
        with self._store.read() as connection:
            rows = connection.execute(asked).all()
        return tuple((_type_of(row), row.exposure) for row in rows)

    def open_datastore(self, host: str, root: bytes) -> int:
        """Return the number of a datastore, noting it where it is new."""
        with self._store.write() as connection:
            asked = sa.select(datastores.c.id).where(datastores.c.host == host, datastores.c.root == root)
            found = connection.execute(asked).scalar()
            if found is None:
                return insert_one(connection, datastores, {"host": host, "root": root})
            return int(found)

    def known_datastores(self) -> tuple[tuple[int, str, bytes], ...]:
        """Return number, host and root of every datastore."""
        with self._store.read() as connection:
            rows = connection.execute(sa.select(datastores).order_by(datastores.c.id)).all()
        return tuple((row.id, row.host, row.root) for row in rows)

    def start_ingest(
        self, instrument: str, datastore: int, transfer: str, host: str, pid: int, at_utc: dt.datetime
    ) -> int:
        """Note that an ingest began, and return its number."""
        values = {"instrument": instrument, "datastore_id": datastore, "transfer": transfer, "host": host, "pid": pid}
        with self._store.write() as connection:
            return insert_one(connection, ingests, values | {"started_utc": at_utc})

    def finish_ingest(self, ingest: int, state: State, counts: Mapping[str, int], at_utc: dt.datetime) -> None:
        """Note what an ingest came to; one that never gets here was cut off, and the next goes on from there."""
        with self._store.write() as connection:
            values = {"finished_utc": at_utc, "state": state.value, "counts": dict(counts)}
            connection.execute(ingests.update().where(ingests.c.id == ingest).values(values))

    def record_exposures(
        self, ingest: int, datastore: int, exposures: Iterable[Sequence[NewDataset]], at_utc: dt.datetime
    ) -> None:
        """Record datasets whose files are in their places: one transaction for each exposure, all of it or nothing.

        A dataset that was recorded before is noted anew.
        """
        numbers = _Numbers(ingest, datastore)
        with self._store.writer() as connection:
            for exposure in exposures:
                with connection.begin():
                    numbers.record(connection, exposure, at_utc)

    def places_of(self, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[bytes, bytes]]:
        """Return, of those of some datasets that are recorded, the datastore's root and the path."""
        found: dict[uuid.UUID, tuple[bytes, bytes]] = {}
        wanted = sa.select(datasets.c.id, datastores.c.root, datasets.c.path).join_from(
            datasets, datastores, datastores.c.id == datasets.c.datastore_id
        )
        with self._store.read() as connection:
            for part in batched(ids, AT_ONCE):
                rows = connection.execute(wanted.where(datasets.c.id.in_(part)))
                found |= {row.id: (row.root, row.path) for row in rows}
        return found

    def ids_at(self, datastore: int, paths: Sequence[bytes]) -> dict[bytes, uuid.UUID]:
        """Return which datasets are recorded at some paths of a datastore."""
        found: dict[bytes, uuid.UUID] = {}
        wanted = sa.select(datasets.c.path, datasets.c.id).where(datasets.c.datastore_id == datastore)
        with self._store.read() as connection:
            for part in batched(paths, AT_ONCE):
                found |= {row.path: row.id for row in connection.execute(wanted.where(datasets.c.path.in_(part)))}
        return found

    def every_dataset(self, datastore: int | None = None) -> Iterator[Dataset]:
        """Yield every dataset, of one datastore or of all, by path; memory does not grow with them."""
        asked = SELECTED.order_by(datasets.c.datastore_id, datasets.c.path).limit(5_000)
        if datastore is not None:
            asked = asked.where(datasets.c.datastore_id == datastore)
        last: tuple[int, bytes] | None = None
        while True:
            page = asked
            if last is not None:
                page = asked.where(sa.tuple_(datasets.c.datastore_id, datasets.c.path) > sa.tuple_(*last))
            with self._store.read() as connection:  # page by page, lest a slow reader hold a snapshot open
                rows = connection.execute(page).all()
                types = {row.id: _type_of(row) for row in connection.execute(sa.select(dataset_types))}
            yield from (dataset_of(row, types[row.type_id]) for row in rows)
            if len(rows) < 5_000:
                return
            last = (rows[-1].datastore_id, rows[-1].path)

    def remove_datasets(self, ids: Sequence[uuid.UUID]) -> int:
        """Forget some datasets and their memberships; their files are the caller's. Return how many there were."""
        removed = 0
        with self._store.write() as connection:
            for part in batched(ids, AT_ONCE):
                removed += connection.execute(datasets.delete().where(datasets.c.id.in_(part))).rowcount
        return removed

    def reached_originals(
        self, origins: Sequence[bytes], hosts: Collection[str], ways: Collection[str] = _LINKED
    ) -> dict[bytes, str]:
        """Return those of some originals that a datastore on these hosts reaches by link or ``direct``, and how.

        To free such a file would free the datastore's too, or leave it pointing at nothing. `ways` are the transfers
        that count.
        """
        found: dict[bytes, str] = {}
        with self._store.read() as connection:
            for part in batched(origins, AT_ONCE):
                asked = (
                    sa.select(datasets.c.origin, datasets.c.transfer)
                    .join(datastores, datastores.c.id == datasets.c.datastore_id)
                    .where(datasets.c.origin.in_(part), datasets.c.transfer.in_(sorted(ways)))
                    .where(datastores.c.host.in_(sorted(hosts)))
                )
                found |= {row.origin: row.transfer for row in connection.execute(asked)}
        return found


class _Numbers:
    """The numbers that stand for types and runs in the rows of one ingest, looked up once."""

    def __init__(self, ingest: int, datastore: int) -> None:
        self._ingest, self._datastore = ingest, datastore
        self._types: dict[tuple[str, str], int] = {}
        self._runs: dict[str, int] = {}
        self._insertion: Insertion | None = None

    def record(self, connection: Connection, exposure: Sequence[NewDataset], at_utc: dt.datetime) -> None:
        if self._insertion is None:  # made anew for each exposure it takes longer than the database
            self._insertion = Insertion(connection.dialect, datasets, _COLUMNS, repeated=("night", "at_utc"))
        self._insertion.insert(connection, [self._row(connection, one, at_utc) for one in exposure])

    def _row(self, connection: Connection, one: NewDataset, at_utc: dt.datetime) -> list[object]:
        """Return the values of `_COLUMNS`."""
        return [
            one.id,
            self._type(connection, one.type),
            self._run(connection, one.run),
            self._ingest,
            self._datastore,
            one.exposure,
            one.night,
            data_of(one.type, one.values),
            identity_of(one.type, one.values),
            one.path,
            one.transfer,
            one.origin,
            one.size_bytes,
            one.mtime_s,
            one.sha256,
            at_utc,
        ]

    def _type(self, connection: Connection, one: DatasetType) -> int:
        key = (one.instrument, one.name)
        if key not in self._types:
            asked = sa.select(dataset_types.c.id).where(
                dataset_types.c.instrument == one.instrument, dataset_types.c.name == one.name
            )
            self._types[key] = int(connection.execute(asked).scalar_one())
        return self._types[key]

    def _run(self, connection: Connection, name: str) -> int:
        if name not in self._runs:
            self._runs[name] = collection_id(connection, name)
        return self._runs[name]


def _type_of(row: sa.Row[tuple[object, ...]]) -> DatasetType:
    return type_of(row.name, row.instrument, row._mapping["keys"])


def _declare(connection: Connection, one: DatasetType, exposure: str | None) -> int:
    """Note one type; return its number."""
    asked = sa.select(dataset_types).where(
        dataset_types.c.instrument == one.instrument, dataset_types.c.name == one.name
    )
    row = connection.execute(asked).first()
    values = {"keys": keys_to_json(one), "exposure": exposure}
    if row is None:
        return insert_one(connection, dataset_types, values | {"instrument": one.instrument, "name": one.name})
    kept = row._mapping["keys"]
    if json.dumps(kept) == json.dumps(values["keys"]) and row.exposure == exposure:
        return int(row.id)
    _refuse_other_keys(connection, row, one, exposure)
    stale = KindIndex.of(_type_of(row), row.id, row.exposure)
    if stale is not None:
        stale.drop(connection)
    connection.execute(dataset_types.update().where(dataset_types.c.id == row.id).values(values))
    return int(row.id)


def _refuse_other_keys(
    connection: Connection, row: sa.Row[tuple[object, ...]], one: DatasetType, exposure: str | None
) -> None:
    """Refuse that a type of which there are datasets tells them by other keys than before."""
    before = {(key.name, key.kind) for key in _type_of(row).keys if key.identifies}
    now = {(key.name, key.kind) for key in one.keys if key.identifies}
    if before == now and row.exposure == exposure:
        return
    if connection.execute(sa.select(datasets.c.id).where(datasets.c.type_id == row.id).limit(1)).first() is not None:
        raise UsageError(
            f"datasets of type {one.name} were ingested by the keys {', '.join(sorted(name for name, _ in before))};"
            f" the specification now says {', '.join(sorted(name for name, _ in now))}. Give the new type another name."
        )
