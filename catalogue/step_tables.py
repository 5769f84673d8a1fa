"""The tables of the pipeline beside `steps` and `products`: what a step took, counted, wrote, and who approved it.

What is asked of them is said in steps.py and pipeline.py. A change here needs a migration and a new HEAD.
"""

from __future__ import annotations

import sqlalchemy as sa

from catalogue.tables import Utc, metadata, text


def _step_id() -> sa.Column[int]:
    return sa.Column("step_id", sa.Integer, sa.ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True)


step_inputs = sa.Table(
    "step_inputs",
    metadata,
    _step_id(),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    text("sha256"),
    sa.Column("is_consumed", sa.Boolean, nullable=False),
)

step_notes = sa.Table(
    "step_notes",
    metadata,
    _step_id(),
    sa.Column("facts", sa.Text),
    sa.Column("hold", sa.Text),
    sa.Column("awaits", sa.Text),
)

letters = sa.Table(
    "letters",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("copy"),
    text("step"),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("night", sa.Date, nullable=False),
    text("content"),
    sa.Column("made_utc", Utc, nullable=False),
    sa.Column("sent_utc", Utc),
    sa.Index("ix_letters_instrument", "instrument", "sent_utc"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("copy"),
    text("step"),
    sa.Column("night", sa.Date, nullable=False),
    text("digest"),
    text("by"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Index("ix_approvals_night", "instrument", "night"),
)

known_hashes = sa.Table(
    "known_hashes",
    metadata,
    text("instrument", primary_key=True),
    text("copy", primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    text("stamp"),
    text("sha256"),
    sa.Index("ix_known_hashes_night", "instrument", "copy", "night"),
)

processed_nights = sa.Table(
    "processed_nights",
    metadata,
    text("instrument", primary_key=True),
    text("copy", primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("at_utc", Utc, nullable=False),
)
