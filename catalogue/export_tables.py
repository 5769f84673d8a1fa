"""The tables of observations exported: one row for an archive in an observation's folder, one for each product.

What is asked of them is exports.py's. A change here needs a migration.
"""

from __future__ import annotations

import sqlalchemy as sa

from catalogue.tables import Utc, metadata

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("instrument", sa.Text, nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("folder", sa.LargeBinary, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("archive", sa.LargeBinary, nullable=False),
    sa.Column("source", sa.LargeBinary, nullable=False),
    sa.Column("source_size_bytes", sa.BigInteger, nullable=False),
    sa.Column("source_mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("source_sha256", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("is_done", sa.Boolean, nullable=False),
    sa.Column("frames", sa.BigInteger, nullable=False),
    sa.Column("before", sa.BigInteger, nullable=False),
    sa.Column("after", sa.BigInteger, nullable=False),
    sa.Column("lost", sa.BigInteger, nullable=False),
    sa.Column("absent_cards", sa.BigInteger, nullable=False),
    sa.Column("telemetry", sa.Text, nullable=False),
    sa.Column("has_header", sa.Boolean, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.UniqueConstraint("instrument", "output", "folder", "form", "archive"),
)

export_products = sa.Table(
    "export_products",
    metadata,
    sa.Column("export_id", sa.Integer, sa.ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
)
