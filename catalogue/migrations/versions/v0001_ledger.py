"""The first tables: runs, hops, nights, what was moved, what people decided, jobs and steps.

Revision 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


_TABLES = (
    "acceptances",
    "aways",
    "hops",
    "jobs",
    "losses",
    "moved",
    "roots",
    "runs",
    "steps",
    "acceptance_files",
    "batches",
    "hop_runs",
    "nights",
    "products",
    "run_instruments",
    "waiting",
)


def upgrade() -> None:
    """Make the tables of an empty database."""
    _make_acceptances()
    _make_aways()
    _make_hops()
    _make_jobs()
    _make_losses()
    _make_moved()
    _make_roots()
    _make_runs()
    _make_steps()
    _make_acceptance_files()
    _make_batches()
    _make_hop_runs()
    _make_nights()
    _make_products()
    _make_run_instruments()
    _make_waiting()


def downgrade() -> None:
    """Forget everything."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _make_acceptances() -> None:
    op.create_table(
        "acceptances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("frames", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("revoked_utc", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_acceptances"),
    )
    op.create_index("ix_acceptances_instrument", "acceptances", ["instrument", "night"], unique=False)


def _make_aways() -> None:
    op.create_table(
        "aways",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("first_night", sa.Date(), nullable=False),
        sa.Column("last_night", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("revoked_utc", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_aways"),
    )
    op.create_index("ix_aways_instrument", "aways", ["instrument"], unique=False)


def _make_hops() -> None:
    op.create_table(
        "hops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("hop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hops"),
        sa.UniqueConstraint("instrument", "hop", name="uq_hops_instrument"),
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("due_utc", _INSTANT, nullable=False),
        sa.Column("started_utc", _INSTANT, nullable=True),
        sa.Column("finished_utc", _INSTANT, nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", "due_utc", name="pk_jobs"),
    )


def _make_losses() -> None:
    op.create_table(
        "losses",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("expected_files", sa.BigInteger(), nullable=False),
        sa.Column("seen_files", sa.BigInteger(), nullable=False),
        sa.Column("noticed_utc", _INSTANT, nullable=False),
        sa.Column("is_pending", sa.Boolean(), nullable=False),
        sa.Column("accepted_utc", _INSTANT, nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("host", "root", name="pk_losses"),
    )


def _make_moved() -> None:
    op.create_table(
        "moved",
        sa.Column("hop_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_s", sa.Double(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hop_id", "path", name="pk_moved"),
        sqlite_with_rowid=False,
    )


def _make_roots() -> None:
    op.create_table(
        "roots",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("is_vouched", sa.Boolean(), nullable=False),
        sa.Column("first_seen_utc", _INSTANT, nullable=False),
        sa.Column("last_seen_utc", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("host", "root", name="pk_roots"),
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_utc", _INSTANT, nullable=False),
        sa.Column("finished_utc", _INSTANT, nullable=True),
        sa.Column("crashed_utc", _INSTANT, nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_kind", "runs", ["kind", "finished_utc"], unique=False)


def _make_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.UniqueConstraint("instrument", "copy", "step", "subject", name="uq_steps_instrument"),
    )
    op.create_index("ix_steps_night", "steps", ["instrument", "night"], unique=False)


def _make_acceptance_files() -> None:
    op.create_table(
        "acceptance_files",
        sa.Column("acceptance_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["acceptance_id"], ["acceptances.id"], name="fk_acceptance_files_acceptance_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("acceptance_id", "path", name="pk_acceptance_files"),
    )


def _make_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hop_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("at_utc", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["hop_id"], ["hops.id"], name="fk_batches_hop_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_batches_run_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )


def _make_hop_runs() -> None:
    op.create_table(
        "hop_runs",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("hop", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("source_root", sa.Text(), nullable=False),
        sa.Column("destination_root", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("engine", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("source_files", sa.BigInteger(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("transferred", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("moved_bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("not_comparable", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_hop_runs_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "instrument", "hop", name="pk_hop_runs"),
    )
    op.create_index("ix_hop_runs_instrument", "hop_runs", ["instrument", "hop"], unique=False)


def _make_nights() -> None:
    op.create_table(
        "nights",
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("hop", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source_files", sa.BigInteger(), nullable=False),
        sa.Column("freed_files", sa.BigInteger(), nullable=False),
        sa.Column("open_files", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_utc", _INSTANT, nullable=True),
        sa.Column("proven_utc", _INSTANT, nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("moved_files", sa.BigInteger(), nullable=False),
        sa.Column("moved_bytes", sa.BigInteger(), nullable=False),
        sa.Column("moved_utc", _INSTANT, nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_nights_run_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("instrument", "hop", "night", name="pk_nights"),
    )


def _make_products() -> None:
    op.create_table(
        "products",
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name="fk_products_step_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_id", "path", name="pk_products"),
    )


def _make_run_instruments() -> None:
    op.create_table(
        "run_instruments",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_instruments_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "instrument", name="pk_run_instruments"),
    )


def _make_waiting() -> None:
    op.create_table(
        "waiting",
        sa.Column("hop_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("since_utc", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["hop_id"], ["hops.id"], name="fk_waiting_hop_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hop_id", "path", name="pk_waiting"),
    )
