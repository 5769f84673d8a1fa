"""The ledger's pages on steps: what was made of which bytes, so that nothing is made twice or half.

What a step is, and when its record still holds, converters/pipeline.py knows.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.records import Product, StepRecord, StepResult
from catalogue.tables import products, steps


class StepBook(Book):
    """Steps on their subjects; of each subject the last record counts."""

    def record_step(self, record: StepRecord) -> None:
        """Note how far a step came with a subject, in place of what was noted of it before."""
        values = {
            "instrument": record.instrument,
            "copy": record.copy,
            "step": record.step,
            "subject": record.subject,
            "night": record.night,
            "digest": record.digest,
            "result": record.result.value,
            "at_utc": record.at_utc,
            "seconds": record.seconds,
            "reason": record.reason,
        }
        with self._store.write() as connection:
            connection.execute(steps.delete().where(_is(record.instrument, record.copy, record.step, record.subject)))
            number = connection.execute(steps.insert().values(values).returning(steps.c.id)).scalar_one()
            if record.products:
                made = [{"step_id": number, "path": one.path, "sha256": one.sha256} for one in record.products]
                connection.execute(products.insert(), made)

    def step_record(self, instrument: str, copy: str, step: str, subject: bytes) -> StepRecord | None:
        """Return what was last noted of a step on a subject; None if it was never tried."""
        asked = sa.select(steps).where(_is(instrument, copy, step, subject))
        with self._store.read() as connection:
            row = connection.execute(asked).first()
            return None if row is None else _read(connection, row)

    def step_records(self, instrument: str, night: dt.date) -> tuple[StepRecord, ...]:
        """Return what was last noted of every step of a night, by copy, step and subject."""
        asked = sa.select(steps).where(steps.c.instrument == instrument, steps.c.night == night)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(steps.c.copy, steps.c.step, steps.c.subject)).all()
            return tuple(_read(connection, row) for row in rows)


def _is(instrument: str, copy: str, step: str, subject: bytes) -> sa.ColumnElement[bool]:
    return sa.and_(
        steps.c.instrument == instrument, steps.c.copy == copy, steps.c.step == step, steps.c.subject == subject
    )


def _read(connection: Connection, row: Row[tuple[object, ...]]) -> StepRecord:
    made = connection.execute(sa.select(products).where(products.c.step_id == row.id).order_by(products.c.path))
    return StepRecord(
        instrument=row.instrument,
        copy=row.copy,
        step=row.step,
        night=row.night,
        subject=row.subject,
        digest=row.digest,
        result=StepResult(row.result),
        at_utc=row.at_utc,
        products=tuple(Product(one.path, one.sha256) for one in made),
        seconds=row.seconds,
        reason=row.reason,
    )
