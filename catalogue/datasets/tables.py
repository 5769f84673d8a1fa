"""The tables of datasets, their types and collections, the datastores they lie in, and the ingests that put them there.

What is asked of them is said in the books of this package. A change here needs a migration and a new HEAD.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from catalogue.holdings.tables import Identity
from catalogue.tables import Utc, count, metadata, text


def _reference(name: str, target: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(target, ondelete="CASCADE"), nullable=False, **options)


datastores = sa.Table(
    "datastores",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("host"),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("host", "root"),
)

dataset_types = sa.Table(
    "dataset_types",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("name"),
    sa.Column("keys", sa.JSON, nullable=False),
    sa.Column("exposure", sa.Text),
    sa.UniqueConstraint("instrument", "name"),
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("name"),
    text("kind"),
    sa.Column("made_utc", Utc, nullable=False),
    sa.UniqueConstraint("name"),
)

collection_children = sa.Table(
    "collection_children",
    metadata,
    _reference("parent_id", "collections.id", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("child_id", sa.Integer, sa.ForeignKey("collections.id"), nullable=False),
)

ingests = sa.Table(
    "ingests",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    _reference("datastore_id", "datastores.id"),
    text("transfer"),
    text("host"),
    count("pid"),
    sa.Column("started_utc", Utc, nullable=False),
    sa.Column("finished_utc", Utc),
    sa.Column("state", sa.Text),
    sa.Column("counts", sa.JSON),
)

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    sa.Column("type_id", sa.Integer, nullable=False),  # no foreign keys here: an ingest has 100,000 rows
    sa.Column("run_id", sa.Integer, nullable=False),
    sa.Column("ingest_id", sa.Integer, nullable=False),
    sa.Column("datastore_id", sa.Integer, nullable=False),
    sa.Column("exposure", sa.BigInteger),
    sa.Column("night", sa.Date),
    sa.Column("data", sa.JSON, nullable=False),
    text("data_id"),
    sa.Column("path", sa.LargeBinary, nullable=False),
    text("transfer"),
    sa.Column("origin", sa.LargeBinary, nullable=False),
    count("size_bytes"),
    sa.Column("mtime_s", sa.Double, nullable=False),
    sa.Column("sha256", sa.Text),
    sa.Column("at_utc", Utc, nullable=False),
    sa.UniqueConstraint("datastore_id", "path"),
    # in PostgreSQL, by migration 0008, with NULLS FIRST; storing.py adds one for each key of 64 bits
    sa.Index("ix_datasets_exposure", "type_id", "exposure"),
    sa.Index("ix_datasets_night", "type_id", "night", "exposure"),
    sa.Index("ix_datasets_run", "run_id", "exposure"),
    sa.Index("ix_datasets_origin", "origin"),
)

members = sa.Table(
    "collection_members",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("collection_id", "collections.id"),
    sa.Column("dataset_id", Identity, sa.ForeignKey("datasets.id", ondelete="CASCADE"), nullable=False),
    sa.Column("type_id", sa.Integer, nullable=False),
    text("data_id"),
    sa.Column("valid_from_utc", Utc),
    sa.Column("valid_until_utc", Utc),
    sa.Index("ix_collection_members_collection", "collection_id", "type_id", "data_id"),
    sa.Index("ix_collection_members_dataset", "dataset_id"),
)
