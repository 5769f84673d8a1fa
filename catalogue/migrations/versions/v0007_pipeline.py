"""The tables of the pipeline: what a step took and counted, its letters, approvals, known hashes, nights processed.

Revision 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_TABLES = ("step_inputs", "step_notes", "letters", "approvals", "known_hashes", "processed_nights")


def upgrade() -> None:
    """Make the tables."""
    _make_step_inputs()
    _make_step_notes()
    _make_letters()
    _make_approvals()
    _make_known_hashes()
    _make_processed_nights()


def downgrade() -> None:
    """Forget them."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _make_step_inputs() -> None:
    op.create_table(
        "step_inputs",
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("is_consumed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name="fk_step_inputs_step_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_id", "path", name="pk_step_inputs"),
    )


def _make_step_notes() -> None:
    op.create_table(
        "step_notes",
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name="fk_step_notes_step_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_id", name="pk_step_notes"),
    )


def _make_letters() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_utc", _INSTANT, nullable=False),
        sa.Column("sent_utc", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
    )
    op.create_index("ix_letters_instrument", "letters", ["instrument", "sent_utc"], unique=False)


def _make_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_night", "approvals", ["instrument", "night"], unique=False)


def _make_known_hashes() -> None:
    op.create_table(
        "known_hashes",
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("instrument", "copy", "path", name="pk_known_hashes"),
    )
    op.create_index("ix_known_hashes_night", "known_hashes", ["instrument", "copy", "night"], unique=False)


def _make_processed_nights() -> None:
    op.create_table(
        "processed_nights",
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("instrument", "copy", "night", name="pk_processed_nights"),
    )
