"""The tables of exposures, their files, and copies of these.

Revision 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_IDENTITY = sa.LargeBinary(16).with_variant(postgresql.UUID(), "postgresql")
_TABLES = ("exposures", "exposure_files", "exposure_copies", "exposure_places", "exposure_nights")


def upgrade() -> None:
    """Make the tables."""
    _make_exposures()
    _make_exposure_files()
    _make_exposure_copies()
    _make_exposure_places()
    _make_exposure_nights()


def downgrade() -> None:
    """Forget what is held; `catalogue rebuild` reads it again."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _make_exposures() -> None:
    op.create_table(
        "exposures",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("header_night", sa.Date(), nullable=True),
        sa.Column("date", _INSTANT, nullable=True),
        sa.Column("exptime", sa.Double(), nullable=True),
        sa.Column("skyra", sa.Double(), nullable=True),
        sa.Column("skydec", sa.Double(), nullable=True),
        sa.Column("airmass", sa.Double(), nullable=True),
        sa.Column("object", sa.Text(), nullable=True),
        sa.Column("exptype", sa.Text(), nullable=True),
        sa.Column("program", sa.Text(), nullable=True),
        sa.Column("tile_id", sa.BigInteger(), nullable=True),
        sa.Column("seeing", sa.Double(), nullable=True),
        sa.Column("transparency", sa.Double(), nullable=True),
        sa.Column("skylevel", sa.Double(), nullable=True),
        sa.Column("s2n", sa.Double(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("data_written", sa.Boolean(), nullable=False),
        sa.Column("data_written_utc", _INSTANT, nullable=True),
        sa.Column("arrived_utc", _INSTANT, nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("catalogued_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exposures"),
    )
    op.create_index(
        "ix_exposures_arrived_utc", "exposures", ["instrument", "arrived_utc", "number", "name"], unique=False
    )
    op.create_index("ix_exposures_date", "exposures", ["instrument", "date", "number", "name"], unique=False)
    op.create_index(
        "ix_exposures_exptype", "exposures", ["instrument", "exptype", "night", "number", "name"], unique=False
    )
    op.create_index("ix_exposures_night", "exposures", ["instrument", "night", "number", "name"], unique=False)
    op.create_index("ix_exposures_number", "exposures", ["instrument", "number", "name"], unique=False)
    op.create_index(
        "ix_exposures_object", "exposures", ["instrument", "object", "night", "number", "name"], unique=False
    )
    op.create_index(
        "ix_exposures_program", "exposures", ["instrument", "program", "night", "number", "name"], unique=False
    )
    op.create_index(
        "ix_exposures_tile_id", "exposures", ["instrument", "tile_id", "night", "number", "name"], unique=False
    )


def _make_exposure_files() -> None:
    op.create_table(
        "exposure_files",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("exposure_id", _IDENTITY, nullable=True),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_s", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=True),
        sa.Column("read_utc", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_exposure_files"),
    )
    op.create_index("ix_exposure_files_exposure_id", "exposure_files", ["exposure_id"], unique=False)
    op.create_index("ix_exposure_files_night", "exposure_files", ["instrument", "night"], unique=False)
    op.create_index("ix_exposure_files_state", "exposure_files", ["instrument", "state"], unique=False)


def _make_exposure_copies() -> None:
    op.create_table(
        "exposure_copies",
        sa.Column("file_id", _IDENTITY, nullable=False),
        sa.Column("place_id", _IDENTITY, nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_s", sa.Double(), nullable=False),
        sa.Column("since_utc", _INSTANT, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("file_id", "place_id", name="pk_exposure_copies"),
    )


def _make_exposure_places() -> None:
    op.create_table(
        "exposure_places",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_origin", sa.Boolean(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exposure_places"),
    )
    op.create_index("ix_exposure_places_instrument", "exposure_places", ["instrument"], unique=False)


def _make_exposure_nights() -> None:
    op.create_table(
        "exposure_nights",
        sa.Column("place_id", _IDENTITY, nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("exposures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place_id", "night", name="pk_exposure_nights"),
    )
