"""The last look at a hop found without reading the row of every run before it.

Of ten years each hop has 3,650 rows, which lie scattered over the whole table. Revision 0010.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAME = "ix_hop_runs_instrument"


def upgrade() -> None:
    """Make the index anew, with the run at its end: from there it is walked backwards."""
    op.drop_index(_NAME, "hop_runs")
    op.create_index(_NAME, "hop_runs", ["instrument", "hop", "run_id"])


def downgrade() -> None:
    """Go back to that of revision 0001."""
    op.drop_index(_NAME, "hop_runs")
    op.create_index(_NAME, "hop_runs", ["instrument", "hop"])
