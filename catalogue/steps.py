"""The ledger's pages on steps: what was made of which bytes, so that nothing is made twice or half.

What a step is, and when its record still holds, converters/ knows; approvals, letters and hashes are pipeline.py's.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.records import Product, StepInput, StepRecord, StepResult
from catalogue.step_tables import letters, step_inputs, step_notes
from catalogue.store import AT_ONCE, insert
from catalogue.tables import nights, products, steps
from observatory.batches import batched


class StepBook(Book):
    """Steps on their subjects; of each subject the last record counts."""

    def record_step(self, record: StepRecord) -> None:
        """Note how far a step came with a subject, in place of what was noted of it before.

        Its letters wait until `letters_sent`; those of the same subject that were not sent yet are replaced, and one
        that was the last to go out, word for word, does not wait again.
        """
        with self._store.write() as connection:
            connection.execute(_forget(), _key(record.instrument, record.copy, record.step, record.subject))
            number = connection.execute(_keep(), _values(record)).scalar_one()
            for table, rows in _details(number, record):
                insert(connection, table, rows)
            if record.letters:
                _replace_letters(connection, record)

    def step_record(self, instrument: str, copy: str, step: str, subject: bytes) -> StepRecord | None:
        """Return what was last noted of a step on a subject; None if it was never tried."""
        with self._store.read() as connection:
            rows = connection.execute(_find(), _key(instrument, copy, step, subject)).all()
            return next(_read(connection, rows), None)

    def step_records(self, instrument: str, night: dt.date) -> tuple[StepRecord, ...]:
        """Return what was last noted of every step of a night, by copy, step and subject."""
        asked = sa.select(steps).where(steps.c.instrument == instrument, steps.c.night == night)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(steps.c.copy, steps.c.step, steps.c.subject)).all()
            return tuple(_read(connection, rows))

    def nights_begun(self, instrument: str, copy: str) -> frozenset[dt.date]:
        """Return the nights of which any step on a copy was ever begun."""
        asked = sa.select(steps.c.night).distinct().where(steps.c.instrument == instrument, steps.c.copy == copy)
        with self._store.read() as connection:
            return frozenset(connection.execute(asked).scalars())

    def nights_brought(
        self, instrument: str, copy: str, feeders: Collection[str], before: dt.date
    ) -> Mapping[dt.date, dt.datetime]:
        """Return the nights before a day that came to a copy after steps were first taken on it, and when they did.

        What lay there before is not meant: that is for a person to ask for.

        Parameters
        ----------
        feeders : collection of str
            The hops that fill the copy.
        """
        is_own = sa.and_(steps.c.instrument == instrument, steps.c.copy == copy)
        first = sa.select(sa.func.min(steps.c.at_utc)).where(is_own).scalar_subquery()
        brought = sa.func.max(
            sa.func.coalesce(nights.c.moved_utc, nights.c.first_seen_utc), type_=nights.c.moved_utc.type
        )
        asked = (
            sa.select(nights.c.night, brought.label("brought_utc"))
            .where(
                nights.c.instrument == instrument,
                nights.c.hop.in_(feeders),
                nights.c.night < before,
                nights.c.night > dt.date.min,
            )
            .group_by(nights.c.night)
            .having(brought > first)
        )
        with self._store.read() as connection:
            return {row.night: row.brought_utc for row in connection.execute(asked)}

    def forget_step(self, instrument: str, copy: str, step: str, subject: bytes) -> None:
        """Forget what was noted of a step on a subject that there is no more, with its letters that were not sent."""
        key = {"instrument": instrument, "copy": copy, "step": step, "subject": subject}
        with self._store.write() as connection:
            same = [letters.c[name] == value for name, value in key.items()]
            connection.execute(letters.delete().where(*same, letters.c.sent_utc.is_(None)))
            connection.execute(_forget(), _key(instrument, copy, step, subject))

    def forget_steps(self, instrument: str, copy: str, night: dt.date) -> int:
        """Forget what was done of a night on a copy, as `restore` undoes it; return how many records there were."""
        where = (steps.c.instrument == instrument, steps.c.copy == copy, steps.c.night == night)
        with self._store.write() as connection:
            connection.execute(
                letters.delete().where(
                    letters.c.instrument == instrument,
                    letters.c.copy == copy,
                    letters.c.night == night,
                    letters.c.sent_utc.is_(None),
                )
            )
            return connection.execute(steps.delete().where(*where)).rowcount


# Statements are built once: of small files there are thousands in a night, each with two notes, and building these
# took longer than the database does (0.5 instead of 0.95 ms a file for all that is asked and noted, 2026-11).


@functools.cache
def _find() -> sa.Select[Any]:
    return sa.select(steps).where(_is_subject())


@functools.cache
def _forget() -> sa.Delete:
    return steps.delete().where(_is_subject())


@functools.cache
def _keep() -> sa.Insert:
    return steps.insert().returning(steps.c.id)


def _is_subject() -> sa.ColumnElement[bool]:
    names = ("instrument", "copy", "step", "subject")
    return sa.and_(*(steps.c[name] == sa.bindparam(f"of_{name}") for name in names))


def _key(instrument: str, copy: str, step: str, subject: bytes) -> dict[str, Any]:
    return {"of_instrument": instrument, "of_copy": copy, "of_step": step, "of_subject": subject}


def _values(record: StepRecord) -> dict[str, Any]:
    return {
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


def _details(number: int, record: StepRecord) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    yield products, [{"step_id": number, "path": one.path, "sha256": one.sha256} for one in record.products]
    yield (
        step_inputs,
        [
            {"step_id": number, "path": one.path, "sha256": one.sha256, "is_consumed": one.is_consumed}
            for one in record.inputs
        ],
    )
    notes = {"facts": record.facts, "hold": record.hold, "awaits": record.awaits}
    has_notes = any(note is not None for note in notes.values())
    yield step_notes, [{"step_id": number} | notes] if has_notes else []


def _replace_letters(connection: Connection, record: StepRecord) -> None:
    key = {"instrument": record.instrument, "copy": record.copy, "step": record.step, "subject": record.subject}
    same = [letters.c[name] == value for name, value in key.items()]
    connection.execute(letters.delete().where(*same, letters.c.sent_utc.is_(None)))
    last = sa.select(sa.func.max(letters.c.sent_utc)).where(*same).scalar_subquery()  # what came after it outdated it
    sent = set(connection.execute(sa.select(letters.c.content).where(*same, letters.c.sent_utc == last)).scalars())
    rest = {"night": record.night, "made_utc": record.at_utc, "sent_utc": None}
    new = [key | rest | {"content": content} for content in record.letters if content not in sent]
    insert(connection, letters, new)


def _read(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> Iterator[StepRecord]:
    """Yield the records of some rows; what belongs to them is asked for many at a time."""
    for some in batched(rows, AT_ONCE):
        numbers = [row.id for row in some]
        made = _by_step(connection, products, numbers)
        taken = _by_step(connection, step_inputs, numbers)
        notes = _by_step(connection, step_notes, numbers)
        for row in some:
            yield _record(row, made[row.id], taken[row.id], notes[row.id])


def _by_step(connection: Connection, table: sa.Table, numbers: Sequence[int]) -> dict[int, list[Row[Any]]]:
    asked = sa.select(table).where(table.c.step_id.in_(numbers))
    if "path" in table.c:
        asked = asked.order_by(table.c.path)
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(asked):
        found[row.step_id].append(row)
    return found


def _record(row: Row[Any], made: list[Row[Any]], taken: list[Row[Any]], notes: list[Row[Any]]) -> StepRecord:
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
        inputs=tuple(StepInput(one.path, one.sha256, one.is_consumed) for one in taken),
        facts=notes[0].facts if notes else None,
        hold=notes[0].hold if notes else None,
        awaits=notes[0].awaits if notes else None,
    )
