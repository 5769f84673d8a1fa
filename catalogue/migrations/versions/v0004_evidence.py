"""The tables of what was hashed where and when, confirmations of archives, what was freed.

Revision 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)

_TABLES = (
    "holders",
    "readings",
    "evidence",
    "safe_nights",
    "confirmations",
    "confirmed_files",
    "freeings",
    "freed_files",
    "claims",
)


def upgrade() -> None:
    """Make the tables."""
    _make_holders()
    _make_readings()
    _make_evidence()
    _make_safe_nights()
    _make_confirmations()
    _make_confirmed_files()
    _make_freeings()
    _make_freed_files()
    _make_claims()


def downgrade() -> None:
    """Forget what was read, confirmed and freed."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _holder(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=f"fk_{table}_holder_id", ondelete="CASCADE")


def _make_holders() -> None:
    op.create_table(
        "holders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_holders"),
        sa.UniqueConstraint("instrument", "copy", "host", "root", name="uq_holders_instrument"),
    )


def _make_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("marker", sa.Text(), nullable=True),
        sa.Column("kernel", sa.Text(), nullable=True),
        _holder("readings"),
        sa.PrimaryKeyConstraint("id", name="pk_readings"),
    )
    op.create_index("ix_readings_holder_id", "readings", ["holder_id", "at_utc"], unique=False)


def _make_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("reading_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_s", sa.Double(), nullable=False),
        sa.Column("changed_s", sa.Double(), nullable=True),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("first_sha256", sa.Text(), nullable=False),
        sa.Column("first_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("holder_id", "path", name="pk_evidence"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_evidence_night", "evidence", ["holder_id", "night"], unique=False)


def _make_safe_nights() -> None:
    op.create_table(
        "safe_nights",
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        _holder("safe_nights"),
        sa.PrimaryKeyConstraint("holder_id", "night", name="pk_safe_nights"),
    )


def _make_confirmations() -> None:
    op.create_table(
        "confirmations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("revoked_utc", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_confirmations"),
    )
    op.create_index("ix_confirmations_instrument", "confirmations", ["instrument", "night"], unique=False)


def _make_confirmed_files() -> None:
    op.create_table(
        "confirmed_files",
        sa.Column("confirmation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["confirmation_id"], ["confirmations.id"], name="fk_confirmed_files_confirmation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("confirmation_id", "name", name="pk_confirmed_files"),
    )


def _make_freeings() -> None:
    op.create_table(
        "freeings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("finished_utc", _INSTANT, nullable=True),
        _holder("freeings"),
        sa.PrimaryKeyConstraint("id", name="pk_freeings"),
    )
    op.create_index("ix_freeings_holder_id", "freeings", ["holder_id", "state"], unique=False)


def _make_freed_files() -> None:
    op.create_table(
        "freed_files",
        sa.Column("freeing_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("is_freed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["freeing_id"], ["freeings.id"], name="fk_freed_files_freeing_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("freeing_id", "path", name="pk_freed_files"),
    )


def _make_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("instrument", "copy", "night", "what", name="pk_claims"),
    )
