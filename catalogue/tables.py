"""The ledger's tables as SQLAlchemy sees them; types are those that SQLite and PostgreSQL share.

What is asked of them is said in the books (runs.py, nights.py, ...); how an older database becomes this one,
in migrations/. A change here needs a migration and a new HEAD.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "0011"
"""The newest migration; a database of this version is used without importing Alembic."""


class Utc(TypeDecorator[dt.datetime]):
    """An instant that knows its zone. SQLite keeps no zone, so UTC goes in and UTC comes out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Turn an instant of any zone into UTC; one without a zone is a fault of ours."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without a zone cannot be recorded: {value}")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Give the instant its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def count(name: str) -> sa.Column[int]:
    """Return a column of whole numbers that are always there."""
    return sa.Column(name, sa.BigInteger, nullable=False)


def text(name: str, **options: Any) -> sa.Column[str]:
    """Return a column of text that is always there."""
    return sa.Column(name, sa.Text, nullable=False, **options)


def _run_id(**options: Any) -> sa.Column[int]:
    return sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, **options)


runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("kind"),
    sa.Column("started_utc", Utc, nullable=False),
    sa.Column("finished_utc", Utc),
    sa.Column("crashed_utc", Utc),
    sa.Column("state", sa.Text),
    text("host"),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Index("ix_runs_kind", "kind", "finished_utc"),
)

run_instruments = sa.Table("run_instruments", metadata, _run_id(primary_key=True), text("instrument", primary_key=True))

hop_runs = sa.Table(
    "hop_runs",
    metadata,
    _run_id(primary_key=True),
    text("instrument", primary_key=True),
    text("hop", primary_key=True),
    text("source"),
    text("destination"),
    text("source_root"),
    text("destination_root"),
    text("state"),
    sa.Column("reason", sa.Text),
    sa.Column("engine", sa.Text),
    sa.Column("level", sa.Text),
    count("source_files"),
    count("planned"),
    count("transferred"),
    count("failed"),
    count("moved_bytes"),
    sa.Column("seconds", sa.Double, nullable=False),
    count("compared"),
    count("not_comparable"),
    sa.Index("ix_hop_runs_instrument", "instrument", "hop", "run_id"),  # the last run of a hop is at its end
)

nights = sa.Table(
    "nights",
    metadata,
    text("instrument", primary_key=True),
    text("hop", primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    text("state"),
    count("source_files"),
    count("freed_files"),
    count("open_files"),
    sa.Column("first_seen_utc", Utc),
    sa.Column("proven_utc", Utc),
    sa.Column("level", sa.Text),
    count("moved_files"),
    count("moved_bytes"),
    sa.Column("moved_utc", Utc),
    sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="SET NULL")),
)

hops = sa.Table(
    "hops",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("hop"),
    sa.UniqueConstraint("instrument", "hop"),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("hop_id", sa.Integer, sa.ForeignKey("hops.id", ondelete="CASCADE"), nullable=False),
    sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="SET NULL")),
    sa.Column("at_utc", Utc, nullable=False),
)

moved = sa.Table(
    "moved",
    metadata,
    sa.Column("hop_id", sa.Integer, primary_key=True),  # no foreign keys here: a batch has 100,000 rows
    sa.Column("path", sa.LargeBinary, primary_key=True),
    count("size_bytes"),
    sa.Column("mtime_s", sa.Double, nullable=False),
    sa.Column("sha256", sa.Text),
    sa.Column("batch_id", sa.Integer, nullable=False),
    sqlite_with_rowid=False,  # the path is the place: one tree instead of two
)

waiting = sa.Table(
    "waiting",
    metadata,
    sa.Column("hop_id", sa.Integer, sa.ForeignKey("hops.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("since_utc", Utc, nullable=False),
)

uncarried = sa.Table(
    "uncarried",
    metadata,
    sa.Column("hop_id", sa.Integer, sa.ForeignKey("hops.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    count("size_bytes"),
    sa.Column("mtime_s", sa.Double, nullable=False),
    sa.Column("since_utc", Utc, nullable=False),
    sqlite_with_rowid=False,
)

acceptances = sa.Table(
    "acceptances",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("frames", sa.JSON, nullable=False),
    text("reason"),
    text("by"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("until", sa.Date),
    sa.Column("revoked_utc", Utc),
    sa.Index("ix_acceptances_instrument", "instrument", "night"),
)

acceptance_files = sa.Table(
    "acceptance_files",
    metadata,
    sa.Column("acceptance_id", sa.Integer, sa.ForeignKey("acceptances.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
)

aways = sa.Table(
    "aways",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument", index=True),
    sa.Column("first_night", sa.Date, nullable=False),
    sa.Column("last_night", sa.Date, nullable=False),
    text("reason"),
    text("by"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("revoked_utc", Utc),
)

losses = sa.Table(
    "losses",
    metadata,
    text("host", primary_key=True),
    text("root", primary_key=True),
    count("expected_files"),
    count("seen_files"),
    sa.Column("noticed_utc", Utc, nullable=False),
    sa.Column("is_pending", sa.Boolean, nullable=False),
    sa.Column("accepted_utc", Utc),
    sa.Column("accepted_by", sa.Text),
)

roots = sa.Table(
    "roots",
    metadata,
    text("host", primary_key=True),
    text("root", primary_key=True),
    text("identity"),
    sa.Column("is_vouched", sa.Boolean, nullable=False),
    sa.Column("first_seen_utc", Utc, nullable=False),
    sa.Column("last_seen_utc", Utc, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    text("job", primary_key=True),
    sa.Column("due_utc", Utc, primary_key=True),
    sa.Column("started_utc", Utc),
    sa.Column("finished_utc", Utc),
    sa.Column("state", sa.Text),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    text("instrument"),
    text("copy"),
    text("step"),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("night", sa.Date, nullable=False),
    text("digest"),
    text("result"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("instrument", "copy", "step", "subject"),
    sa.Index("ix_steps_night", "instrument", "night"),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("step_id", sa.Integer, sa.ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    text("sha256"),
)
