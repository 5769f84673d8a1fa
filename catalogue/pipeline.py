"""The ledger's pages on nights in the pipeline: who approved what, letters to be sent, known hashes, nights processed.

The steps themselves are steps.py's; what follows from all this, the converters' and nightferry's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Row

from catalogue.book import Book
from catalogue.records import KnownHash, LetterRecord
from catalogue.step_tables import approvals, known_hashes, letters, processed_nights
from catalogue.store import upsert


class PipelineBook(Book):
    """Nights on their way through an instrument's steps."""

    def approve(
        self, instrument: str, copy: str, step: str, night: dt.date, digest: str, by: str, at_utc: dt.datetime
    ) -> None:
        """Note that a person has looked at what a step made of a night, and lets the later ones go on.

        `digest` says what they saw: of other results the approval says nothing.
        """
        values = {
            "instrument": instrument,
            "copy": copy,
            "step": step,
            "night": night,
            "digest": digest,
            "by": by,
            "at_utc": at_utc,
        }
        with self._store.write() as connection:
            connection.execute(approvals.insert().values(values))

    def approved(self, instrument: str, copy: str, night: dt.date) -> frozenset[tuple[str, str]]:
        """Return step and digest of everything that was approved of a night."""
        asked = sa.select(approvals.c.step, approvals.c.digest).where(
            approvals.c.instrument == instrument, approvals.c.copy == copy, approvals.c.night == night
        )
        with self._store.read() as connection:
            return frozenset((row.step, row.digest) for row in connection.execute(asked))

    def letters(
        self, instrument: str, night: dt.date | None = None, *, unsent: bool = True
    ) -> tuple[LetterRecord, ...]:
        """Return an instrument's letters, oldest night first: those not sent yet, or all."""
        asked = sa.select(letters).where(letters.c.instrument == instrument)
        if unsent:
            asked = asked.where(letters.c.sent_utc.is_(None))
        if night is not None:
            asked = asked.where(letters.c.night == night)
        with self._store.read() as connection:
            return tuple(_letter(row) for row in connection.execute(asked.order_by(letters.c.night, letters.c.id)))

    def letters_sent(self, numbers: Collection[int], at_utc: dt.datetime) -> None:
        """Note that some letters went out."""
        with self._store.write() as connection:
            connection.execute(letters.update().where(letters.c.id.in_(numbers)).values(sent_utc=at_utc))

    def known_hashes(self, instrument: str, copy: str, night: dt.date) -> Mapping[bytes, KnownHash]:
        """Return the hashes of a night's files as they were when each bore its stamp, by path below the root."""
        asked = sa.select(known_hashes).where(
            known_hashes.c.instrument == instrument, known_hashes.c.copy == copy, known_hashes.c.night == night
        )
        with self._store.read() as connection:
            return {row.path: KnownHash(row.stamp, row.sha256) for row in connection.execute(asked)}

    def remember_hashes(
        self, instrument: str, copy: str, night: dt.date, hashes: Iterable[tuple[bytes, KnownHash]]
    ) -> None:
        """Note hashes, in place of what was noted of the same paths."""
        key = {"instrument": instrument, "copy": copy, "night": night}
        rows = [key | {"path": path, "stamp": one.stamp, "sha256": one.sha256} for path, one in hashes]
        if rows:
            with self._store.write() as connection:
                upsert(connection, known_hashes, rows)

    def night_processed(
        self, instrument: str, copy: str, night: dt.date, labels: Iterable[str], at_utc: dt.datetime
    ) -> None:
        """Note that a night is through these steps; the instant stays that of the first time while they are the same.

        With no labels it is noted as not processed, and that is on disk: its products may be about to go.
        """
        wanted = sorted(labels)
        key = {"instrument": instrument, "copy": copy, "night": night}
        same = [processed_nights.c[name] == value for name, value in key.items()]
        if not wanted:
            with self._store.write_to_disk() as connection:
                connection.execute(processed_nights.delete().where(*same))
            return
        with self._store.write() as connection:
            known = connection.execute(sa.select(processed_nights.c.labels).where(*same)).scalar()
            if known != wanted:
                upsert(connection, processed_nights, [key | {"labels": wanted, "at_utc": at_utc}])

    def nights_processed(self, instrument: str, copy: str) -> Mapping[dt.date, tuple[frozenset[str], dt.datetime]]:
        """Return the nights that are through some steps: which these were, and since when."""
        asked = sa.select(processed_nights).where(
            processed_nights.c.instrument == instrument, processed_nights.c.copy == copy
        )
        with self._store.read() as connection:
            return {row.night: (frozenset(row.labels), row.at_utc) for row in connection.execute(asked)}


def _letter(row: Row[tuple[object, ...]]) -> LetterRecord:
    return LetterRecord(
        row.id, row.instrument, row.copy, row.step, row.subject, row.night, row.content, row.made_utc, row.sent_utc
    )
