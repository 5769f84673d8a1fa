"""The tables of what was read where and when, who confirmed what, and what was freed; beside those of tables.py.

What is asked of them is said in evidence.py and retention.py.
"""

from __future__ import annotations

import sqlalchemy as sa

from catalogue.tables import Utc, count, metadata, text

holders = sa.Table(
    "holders",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("copy"),
    text("host"),
    text("root"),
    sa.UniqueConstraint("instrument", "copy", "host", "root"),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("holder_id", sa.Integer, sa.ForeignKey("holders.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at_utc", Utc, nullable=False),
    text("by"),
    sa.Column("marker", sa.Text),
    sa.Column("kernel", sa.Text),
    sa.Index("ix_readings_holder_id", "holder_id", "at_utc"),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("holder_id", sa.Integer, primary_key=True),  # no foreign keys here: a night has 100,000 rows
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("name", sa.LargeBinary, nullable=False),
    sa.Column("reading_id", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text),
    count("size_bytes"),
    sa.Column("mtime_s", sa.Double, nullable=False),
    sa.Column("changed_s", sa.Double),
    sa.Column("identity", sa.Text),
    text("first_sha256"),
    sa.Column("first_utc", Utc, nullable=False),
    sa.Index("ix_evidence_night", "holder_id", "night"),
    sqlite_with_rowid=False,
)

safe_nights = sa.Table(
    "safe_nights",
    metadata,
    sa.Column("holder_id", sa.Integer, sa.ForeignKey("holders.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    text("state"),
    count("files"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("reason", sa.Text),
)

confirmations = sa.Table(
    "confirmations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    sa.Column("night", sa.Date, nullable=False),
    text("kind"),
    text("archive"),
    text("by"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("revoked_utc", Utc),
    sa.Index("ix_confirmations_instrument", "instrument", "night"),
)

confirmed_files = sa.Table(
    "confirmed_files",
    metadata,
    sa.Column("confirmation_id", sa.Integer, sa.ForeignKey("confirmations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.LargeBinary, primary_key=True),
    text("sha256"),
)

freeings = sa.Table(
    "freeings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("holder_id", sa.Integer, sa.ForeignKey("holders.id", ondelete="CASCADE"), nullable=False),
    text("state"),
    sa.Column("proof", sa.Text),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("finished_utc", Utc),
    sa.Index("ix_freeings_holder_id", "holder_id", "state"),
)

freed_files = sa.Table(
    "freed_files",
    metadata,
    sa.Column("freeing_id", sa.Integer, sa.ForeignKey("freeings.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("name", sa.LargeBinary, nullable=False),
    count("size_bytes"),
    text("sha256"),
    sa.Column("is_freed", sa.Boolean, nullable=False),
)

claims = sa.Table(
    "claims",
    metadata,
    text("instrument", primary_key=True),
    text("copy", primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    text("what", primary_key=True),
    sa.Column("holds", sa.Boolean, nullable=False),
    sa.Column("at_utc", Utc),
    text("source"),
)
