"""From a dataset to its row and back: in which form values are kept, and how a query reaches them.

The one place that knows that keys are kept as JSON, and that the key of the exposure has a column of its own.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.conditions import Column, hexadecimal
from catalogue.datasets.grammar import DatasetType, Key, KeyKind, KeyValue
from catalogue.datasets.records import Dataset
from catalogue.datasets.tables import collections, dataset_types, datasets, datastores

_COUNTS_EXPRESSIONS = (14,)
"""The version from which PostgreSQL keeps statistics of an expression alone."""
SELECTED = sa.select(
    datasets,
    dataset_types.c.name.label("type_name"),
    dataset_types.c.instrument,
    collections.c.name.label("run"),
    datastores.c.host,
    datastores.c.root,
).select_from(
    datasets.join(dataset_types, dataset_types.c.id == datasets.c.type_id)
    .join(collections, collections.c.id == datasets.c.run_id)
    .join(datastores, datastores.c.id == datasets.c.datastore_id)
)
"""What `dataset_of` needs of each row."""


def keys_to_json(one: DatasetType) -> list[dict[str, Any]]:
    """Return the keys of a type as its row keeps them."""
    return [{"name": key.name, "kind": key.kind, "identifies": key.identifies} for key in one.keys]


def type_of(name: str, instrument: str, keys: list[dict[str, Any]]) -> DatasetType:
    """Return the type of a row."""
    return DatasetType(name, instrument, tuple(Key(key["name"], key["kind"], key["identifies"]) for key in keys))


def data_of(one: DatasetType, values: Mapping[str, KeyValue]) -> dict[str, KeyValue]:
    """Return a data id as its row keeps it: what has no value is left out, 64 bits are sixteen digits of text."""
    kinds = {key.name: key.kind for key in one.keys}
    return {
        name: hexadecimal(value) if kinds[name] == "hexadecimal" else value
        for name, value in values.items()
        if value is not None
    }


def identity_of(one: DatasetType, values: Mapping[str, KeyValue]) -> str:
    """Return what tells a dataset from every other of its type, as one text."""
    return json.dumps({name: values[name] for name in sorted(one.identifying) if values[name] is not None})


def dataset_of(row: Row[tuple[object, ...]], one: DatasetType) -> Dataset:
    """Return the dataset of a row of `SELECTED`, which is of this type."""
    return next(datasets_of((row,), one))


def datasets_of(rows: Iterable[Row[tuple[object, ...]]], one: DatasetType) -> Iterator[Dataset]:
    """Yield the datasets of rows of `SELECTED`, which are of this type: what a thousand cost is mostly spent here."""
    names = [key.name for key in one.keys]
    converted = [(key.name, _CONVERTED[key.kind]) for key in one.keys if key.kind in _CONVERTED]
    for row in rows:
        kept, *facts = _facts(row)
        values = {name: kept.get(name) for name in names}
        for name, convert in converted:
            if values[name] is not None:
                values[name] = convert(values[name])
        identity, type_name, instrument, run, *others = facts
        yield Dataset(identity, type_name, instrument, run, values, *others)


_FACTS = ("data", "id", "type_name", "instrument", "run", "night", "host", "root", "path", "transfer", "origin",
          "size_bytes", "mtime_s", "sha256", "at_utc")  # fmt: skip
"""The columns that a dataset is made of, the keys' first, then in the order in which it has them."""
_facts = operator.itemgetter(*(list(SELECTED.selected_columns.keys()).index(name) for name in _FACTS))
_CONVERTED: Mapping[KeyKind, Callable[[Any], KeyValue]] = {"hexadecimal": lambda kept: int(kept, 16), "real": float}
"""How a key's value is made of what JSON keeps, where it is not the value itself."""


def columns_of(one: DatasetType, exposure: str | None, dialect: str) -> dict[str, Column]:
    """Return what a where-expression over datasets of a type may name."""
    columns = {key.name: _column(key, exposure, dialect) for key in one.keys}
    columns["night"] = Column(datasets.c.night, "night")
    columns["run"] = Column(collections.c.name, "text")
    columns["ingested"] = Column(datasets.c.at_utc, "instant")
    columns["size_bytes"] = Column(datasets.c.size_bytes, "integer")
    return columns


def _column(key: Key, exposure: str | None, dialect: str) -> Column:
    if key.name == exposure and key.kind == "integer":
        return Column(datasets.c.exposure, "integer")
    kept = _kept(key.name, dialect)
    if key.kind == "integer":
        number = sa.cast(kept, sa.BigInteger)
        return Column(number, "integer", kept if dialect == "postgresql" else None)
    if key.kind == "real":
        return Column(sa.cast(kept, sa.Double), "real")
    return Column(kept, key.kind)


def index_keys(connection: Connection, one: DatasetType) -> None:
    """Make an index for each key of a type that tells nearly every dataset from every other: those of 64 bits.

    Other keys have few values; what has one of these is soon found in the order of the exposures. PostgreSQL is told
    to count them: by itself it takes each for so rare that it would rather read and sort everything.
    """
    dialect = connection.dialect.name
    is_postgresql = dialect == "postgresql"
    order = "exposure NULLS FIRST" if is_postgresql else "exposure"  # lest SQLite walk all to be spared a sort
    for key in one.keys:
        held = f"({written(key.name, dialect, 'data')})"
        if key.kind == "hexadecimal":
            made = f"CREATE INDEX IF NOT EXISTS ix_datasets_key_{key.name} ON datasets (type_id, {held}, {order})"
            connection.execute(sa.text(made))
        elif is_postgresql and (connection.dialect.server_version_info or ()) >= _COUNTS_EXPRESSIONS:
            connection.execute(
                sa.text(f"CREATE STATISTICS IF NOT EXISTS datasets_key_{key.name} ON {held} FROM datasets")
            )


def _kept(key: str, dialect: str) -> sa.ColumnElement[str]:
    return sa.literal_column(written(key, dialect, "datasets.data"), sa.Text())


def written(key: str, dialect: str, data: str) -> str:
    """Return a key's text as SQL, its name written out: an index of an expression is found by the very same words."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", key):  # as the specification has it; what is none never becomes SQL
        raise ValueError(key)
    return f"{data} ->> '{key}'" if dialect == "postgresql" else f"json_extract({data}, '$.\"{key}\"')"
