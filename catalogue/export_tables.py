"""The tables of observations exported: one row for an archive in an observation's folder, one for each product.

What is asked of them is exports.py's. A change here needs a migration.
"""

from __future__ import annotations

import sqlalchemy as sa

from catalogue.tables import Utc, count, metadata, text

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("output"),
    sa.Column("folder", sa.LargeBinary, nullable=False),
    text("form"),
    sa.Column("archive", sa.LargeBinary, nullable=False),
    sa.Column("source", sa.LargeBinary, nullable=False),
    count("source_size_bytes"),
    count("source_mtime_ns"),
    text("source_sha256"),
    text("digest"),
    sa.Column("is_done", sa.Boolean, nullable=False),
    count("frames"),
    count("before"),
    count("after"),
    count("lost"),
    count("absent_cards"),
    text("telemetry"),
    sa.Column("has_header", sa.Boolean, nullable=False),
    count("attempts"),
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
    count("size_bytes"),
    text("sha256"),
)
