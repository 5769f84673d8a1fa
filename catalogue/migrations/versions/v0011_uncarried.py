"""The files that were seen on a source and had not been carried, by name: what of them vanishes is told.

Revision 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; of what was seen before it is known how many files there were, night by night."""
    op.create_table(
        "uncarried",
        sa.Column("hop_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_s", sa.Double(), nullable=False),
        sa.Column("since_utc", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hop_id"], ["hops.id"], name="fk_uncarried_hop_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hop_id", "path", name="pk_uncarried"),
        sqlite_with_rowid=False,  # the path is the place: one tree instead of two
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("uncarried")
