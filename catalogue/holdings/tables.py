"""The tables of exposures, their files, the copies of these, and the places where copies lie.

What is asked of them is said in books of this package. Tables only grow by filling them from files; `rebuild`
empties them.
"""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from catalogue.tables import Utc, count, metadata, text


class Identity(TypeDecorator[uuid.UUID]):
    """A UUID: PostgreSQL's own type, sixteen bytes in SQLite, where a text of its digits would take twice as much."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's type."""
        return dialect.type_descriptor(postgresql.UUID() if dialect.name == "postgresql" else sa.LargeBinary(16))

    def process_bind_param(self, value: uuid.UUID | None, dialect: Dialect) -> object:
        """Give the database what it keeps."""
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: object, dialect: Dialect) -> uuid.UUID | None:
        """Take it back."""
        return uuid.UUID(bytes=value) if isinstance(value, bytes) else value  # type: ignore[return-value]


exposures = sa.Table(
    "exposures",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    text("instrument"),
    text("variant"),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("number", sa.BigInteger),
    text("name"),
    sa.Column("header_night", sa.Date),
    sa.Column("date", Utc),
    sa.Column("exptime", sa.Double),
    sa.Column("skyra", sa.Double),
    sa.Column("skydec", sa.Double),
    sa.Column("airmass", sa.Double),
    sa.Column("object", sa.Text),
    sa.Column("exptype", sa.Text),
    sa.Column("program", sa.Text),
    sa.Column("tile_id", sa.BigInteger),
    sa.Column("seeing", sa.Double),
    sa.Column("transparency", sa.Double),
    sa.Column("skylevel", sa.Double),
    sa.Column("s2n", sa.Double),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("data_written", sa.Boolean, nullable=False),
    sa.Column("data_written_utc", Utc),
    sa.Column("arrived_utc", Utc, nullable=False),
    sa.Column("waits_for", sa.Text),
    sa.Column("catalogued_utc", Utc, nullable=False),
    # each holds the order in which its answers are given: SQLite else walks the whole order to be spared a sort
    sa.Index("ix_exposures_night", "instrument", "night", "number", "name"),
    sa.Index("ix_exposures_number", "instrument", "number", "name"),
    sa.Index("ix_exposures_arrived_utc", "instrument", "arrived_utc", "number", "name"),
    sa.Index("ix_exposures_date", "instrument", "date", "number", "name"),
    sa.Index("ix_exposures_object", "instrument", "object", "night", "number", "name"),
    sa.Index("ix_exposures_exptype", "instrument", "exptype", "night", "number", "name"),
    sa.Index("ix_exposures_program", "instrument", "program", "night", "number", "name"),
    sa.Index("ix_exposures_tile_id", "instrument", "tile_id", "night", "number", "name"),
)

exposure_files = sa.Table(
    "exposure_files",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    sa.Column("exposure_id", Identity, index=True),  # no foreign keys here: a night has 100,000 rows
    text("instrument"),
    text("variant"),
    sa.Column("night", sa.Date, nullable=False),
    text("camera"),
    sa.Column("path", sa.LargeBinary, nullable=False),
    count("size_bytes"),
    sa.Column("mtime_s", sa.Double, nullable=False),
    text("state"),
    sa.Column("reason", sa.Text),
    sa.Column("facts", sa.JSON),
    sa.Column("read_utc", Utc),
    sa.Index("ix_exposure_files_night", "instrument", "night"),
    sa.Index("ix_exposure_files_state", "instrument", "state"),
)

exposure_copies = sa.Table(
    "exposure_copies",
    metadata,
    sa.Column("file_id", Identity, primary_key=True),
    sa.Column("place_id", Identity, primary_key=True),
    sa.Column("path", sa.LargeBinary, nullable=False),
    count("size_bytes"),
    sa.Column("mtime_s", sa.Double, nullable=False),
    sa.Column("since_utc", Utc, nullable=False),
    sa.Column("sha256", sa.Text),
)

exposure_places = sa.Table(
    "exposure_places",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    text("instrument"),
    text("variant"),
    text("copy"),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("is_origin", sa.Boolean, nullable=False),
    text("host"),
    text("address"),
    text("root"),
    text("machine"),
    sa.Index("ix_exposure_places_instrument", "instrument"),
)

exposure_nights = sa.Table(
    "exposure_nights",
    metadata,
    sa.Column("place_id", Identity, primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    text("digest"),
    count("exposures"),
)
