"""What a step did without and may still come: telemetry of a night that was converted before it.

Revision 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column; of what was made before nobody knows what it lacked."""
    op.add_column("step_notes", sa.Column("awaits", sa.Text(), nullable=True))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("step_notes", "awaits")
