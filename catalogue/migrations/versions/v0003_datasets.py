"""The tables of datasets and collections.

Revision 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_IDENTITY = sa.LargeBinary(16).with_variant(postgresql.UUID(), "postgresql")
_TABLES = (
    "datastores",
    "dataset_types",
    "collections",
    "collection_children",
    "ingests",
    "datasets",
    "collection_members",
)


def upgrade() -> None:
    """Make the tables."""
    _make_datastores_and_types()
    _make_collections()
    _make_ingests()
    _make_datasets()
    _make_members()


def downgrade() -> None:
    """Forget the datasets; ingesting their files again finds them in their places."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _make_datastores_and_types() -> None:
    op.create_table(
        "datastores",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datastores"),
        sa.UniqueConstraint("host", "root", name="uq_datastores_host"),
    )
    op.create_table(
        "dataset_types",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("exposure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_types"),
        sa.UniqueConstraint("instrument", "name", name="uq_dataset_types_instrument"),
    )


def _make_collections() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collections"),
        sa.UniqueConstraint("name", name="uq_collections_name"),
    )
    op.create_table(
        "collection_children",
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["collections.id"], name="fk_collection_children_parent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["child_id"], ["collections.id"], name="fk_collection_children_child_id"),
        sa.PrimaryKeyConstraint("parent_id", "position", name="pk_collection_children"),
    )


def _make_ingests() -> None:
    op.create_table(
        "ingests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("datastore_id", sa.Integer(), nullable=False),
        sa.Column("transfer", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started_utc", _INSTANT, nullable=False),
        sa.Column("finished_utc", _INSTANT, nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["datastore_id"], ["datastores.id"], name="fk_ingests_datastore_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ingests"),
    )


def _make_datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("ingest_id", sa.Integer(), nullable=False),
        sa.Column("datastore_id", sa.Integer(), nullable=False),
        sa.Column("exposure", sa.BigInteger(), nullable=True),
        sa.Column("night", sa.Date(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("data_id", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("transfer", sa.Text(), nullable=False),
        sa.Column("origin", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_s", sa.Double(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("datastore_id", "path", name="uq_datasets_datastore_id"),
    )
    op.create_index("ix_datasets_exposure", "datasets", ["type_id", "exposure"], unique=False)
    op.create_index("ix_datasets_night", "datasets", ["type_id", "night"], unique=False)
    op.create_index("ix_datasets_origin", "datasets", ["origin"], unique=False)
    op.create_index("ix_datasets_run", "datasets", ["run_id", "type_id"], unique=False)


def _make_members() -> None:
    op.create_table(
        "collection_members",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", _IDENTITY, nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=False),
        sa.Column("data_id", sa.Text(), nullable=False),
        sa.Column("valid_from_utc", _INSTANT, nullable=True),
        sa.Column("valid_until_utc", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name="fk_collection_members_collection_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_collection_members_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_collection_members"),
    )
    op.create_index(
        "ix_collection_members_collection", "collection_members", ["collection_id", "type_id", "data_id"], unique=False
    )
    op.create_index("ix_collection_members_dataset", "collection_members", ["dataset_id"], unique=False)
