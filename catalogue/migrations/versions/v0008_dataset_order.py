"""Datasets found in the order in which they are shown: by exposure, within a type, a night and a run.

Without the exposure in it, the index of a run is all of the run: SQLite preferred it, and walked millions of rows for
the twelve of one visit. Revision 0008.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text
from sqlalchemy.sql.elements import TextClause

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


_LEADING = {
    "ix_datasets_exposure": ["type_id"],
    "ix_datasets_night": ["type_id", "night"],
    "ix_datasets_run": ["run_id"],  # were the type in it, SQLite would take it before that of a night
}
_BEFORE = {
    "ix_datasets_exposure": ["type_id", "exposure"],
    "ix_datasets_night": ["type_id", "night"],
    "ix_datasets_run": ["run_id", "type_id"],
}


def upgrade() -> None:
    """Make the indices anew, each with the exposure at its end."""
    for name, columns in _LEADING.items():
        op.drop_index(name, "datasets")
        op.create_index(name, "datasets", [*columns, _exposure()])


def downgrade() -> None:
    """Go back to those of revision 0003."""
    for name, columns in _BEFORE.items():
        op.drop_index(name, "datasets")
        op.create_index(name, "datasets", columns)


def _exposure() -> str | TextClause:
    """What has no exposure is shown first: so SQLite sorts by itself, and PostgreSQL where it is told."""
    is_told = op.get_bind().dialect.name == "postgresql"
    return text("exposure NULLS FIRST") if is_told else "exposure"
