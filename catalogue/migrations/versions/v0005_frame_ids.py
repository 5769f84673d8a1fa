"""The table of frame ids that were given out.

Revision 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "frame_ids",
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("night", sa.Date, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("allocator", sa.Text, nullable=False),
        sa.Column("at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("series", "number", name="pk_frame_ids"),
        sa.UniqueConstraint("series", "instrument", "night", "subject", "sha256", name="uq_frame_ids_series"),
    )


def downgrade() -> None:
    """Forget which were given out."""
    op.drop_table("frame_ids")
