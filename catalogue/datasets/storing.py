"""From a dataset to its row and back: in which form values are kept, and how a query reaches them.

The one place that knows that keys are kept as JSON, and that the key of the exposure has a column of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from catalogue.conditions import Column, hexadecimal
from catalogue.datasets.grammar import DatasetType, Key, KeyValue
from catalogue.datasets.records import Dataset
from catalogue.datasets.tables import collections, dataset_types, datasets, datastores

SELECTED = sa.select(
    datasets,
    dataset_types.c.name.label("type_name"),
    dataset_types.c.instrument,
    dataset_types.c["keys"].label("keys_"),
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


def dataset_of(row: Row[tuple[object, ...]]) -> Dataset:
    """Return the dataset of a row of `SELECTED`."""
    values = {key["name"]: _value(key, row.data.get(key["name"])) for key in row.keys_}
    return Dataset(
        id=row.id,
        type=row.type_name,
        instrument=row.instrument,
        run=row.run,
        values=values,
        night=row.night,
        host=row.host,
        root=row.root,
        path=row.path,
        transfer=row.transfer,
        origin=row.origin,
        size_bytes=row.size_bytes,
        mtime_s=row.mtime_s,
        sha256=row.sha256,
        at_utc=row.at_utc,
    )


def _value(key: Mapping[str, Any], kept: Any) -> KeyValue:
    if key["kind"] == "hexadecimal" and kept is not None:
        return int(kept, 16)
    if key["kind"] == "real" and kept is not None:
        return float(kept)
    value: KeyValue = kept
    return value


def columns_of(one: DatasetType, exposure: str | None) -> dict[str, Column]:
    """Return what a where-expression over datasets of a type may name."""
    columns = {key.name: _column(key, exposure) for key in one.keys}
    columns["night"] = Column(datasets.c.night, "night")
    columns["run"] = Column(collections.c.name, "text")
    columns["ingested"] = Column(datasets.c.at_utc, "instant")
    columns["size_bytes"] = Column(datasets.c.size_bytes, "integer")
    return columns


def _column(key: Key, exposure: str | None) -> Column:
    if key.name == exposure and key.kind == "integer":
        return Column(datasets.c.exposure, "integer")
    kept = datasets.c.data[key.name].as_string()
    if key.kind == "integer":
        return Column(sa.cast(kept, sa.BigInteger), "integer")
    if key.kind == "real":
        return Column(sa.cast(kept, sa.Double), "real")
    return Column(kept, key.kind)
