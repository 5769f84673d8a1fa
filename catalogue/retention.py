"""The ledger's pages on retention: what archives confirmed, what was freed and on which proof, what others claim.

Whether something may be freed is decided by syncer/prune.py.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.book import Book
from catalogue.evidence_records import Claim, Confirmation, FreedFile, Freeing, FreeingState
from catalogue.evidence_tables import claims, confirmations, confirmed_files, freed_files, freeings, holders
from catalogue.nights import expect_fewer
from catalogue.store import insert, insert_one, upsert


class RetentionBook(Book):
    """Confirmations, freed files, and the claims of other logs."""

    def confirm(
        self,
        instrument: str,
        night: dt.date,
        files: Mapping[bytes, str],
        *,
        kind: str,
        archive: str,
        by: str,
        at_utc: dt.datetime,
    ) -> int:
        """Note that an archive confirmed some files of a night (``archive``) or that a manifest of them was sent.

        `files` gives the hash of each name (`ReadFile.name`); what has another by now was not confirmed.
        """
        values = {"instrument": instrument, "night": night, "kind": kind, "archive": archive, "by": by}
        with self._store.write() as connection:
            number = insert_one(connection, confirmations, values | {"at_utc": at_utc})
            rows = [{"confirmation_id": number, "name": name, "sha256": sum_} for name, sum_ in sorted(files.items())]
            insert(connection, confirmed_files, rows)
        return number

    def revoke_confirmations(self, instrument: str, night: dt.date, archive: str, at_utc: dt.datetime) -> int:
        """Take back what an archive confirmed of a night; return how many times that was said."""
        held = sa.and_(
            confirmations.c.instrument == instrument,
            confirmations.c.night == night,
            confirmations.c.archive == archive,
            confirmations.c.revoked_utc.is_(None),
        )
        with self._store.write() as connection:
            return connection.execute(confirmations.update().where(held).values(revoked_utc=at_utc)).rowcount

    def confirmations(self, instrument: str, night: dt.date) -> tuple[Confirmation, ...]:
        """Return what was confirmed or sent of a night and not taken back, oldest first."""
        asked = sa.select(confirmations).where(
            confirmations.c.instrument == instrument,
            confirmations.c.night == night,
            confirmations.c.revoked_utc.is_(None),
        )
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(confirmations.c.id)).all()
            files = {row.id: _files_of(connection, row.id) for row in rows}
        return tuple(
            Confirmation(row.id, row.instrument, row.night, row.kind, row.archive, row.by, row.at_utc, files[row.id])
            for row in rows
        )

    def begin_freeing(
        self, holder: int, instrument: str, hops: Iterable[str], files: Sequence[FreedFile], at_utc: dt.datetime
    ) -> int:
        """Note that some files are about to be freed, before the first of them is touched; return its number.

        They are no loss from here on: fewer files are expected on the source of the hops that leave this copy. It is on
        disk then: a power cut must not leave files gone of which the ledger knows nothing.
        """
        values = {"holder_id": holder, "state": FreeingState.BEGUN.value, "at_utc": at_utc}
        with self._store.write_to_disk() as connection:
            number = insert_one(connection, freeings, values)
            rows = [
                {"freeing_id": number, "path": file.path, "night": file.night, "name": file.name}
                | {"size_bytes": file.size_bytes, "sha256": file.sha256, "is_freed": False}
                for file in files
            ]
            insert(connection, freed_files, rows)
            for hop in hops:
                expect_fewer(connection, instrument, hop, Counter(file.night for file in files))
        return number

    def prove_freeing(self, freeing: int, paths: Collection[bytes], proof: str) -> None:
        """Note which files of a batch are freed now, and where their proof lies; just before they are removed."""
        with self._store.write_to_disk() as connection:
            of_batch = freeings.update().where(freeings.c.id == freeing)
            connection.execute(of_batch.values(state=FreeingState.PROVEN.value, proof=proof))
            _mark(connection, freeing, paths, True)

    def finish_freeing(
        self, freeing: int, instrument: str, hops: Iterable[str], still_there: Collection[bytes], at_utc: dt.datetime
    ) -> None:
        """Note that a batch came to its end; which of its files are there all the same is expected again."""
        with self._store.write() as connection:
            of_batch = freeings.update().where(freeings.c.id == freeing)
            connection.execute(of_batch.values(state=FreeingState.DONE.value, finished_utc=at_utc))
            there = set(still_there)
            back = [file for file in _freed_of(connection, freeing) if file.path in there]
            _mark(connection, freeing, [file.path for file in back], False)
            counts = Counter(file.night for file in back)
            for hop in hops:
                expect_fewer(connection, instrument, hop, {night: -count for night, count in counts.items()})

    def open_freeings(self, holder: int) -> tuple[Freeing, ...]:
        """Return the batches of a copy that never came to their end, oldest first."""
        asked = sa.select(freeings).where(freeings.c.holder_id == holder, freeings.c.state != FreeingState.DONE.value)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(freeings.c.id)).all()
            return tuple(
                Freeing(row.id, FreeingState(row.state), row.at_utc, row.proof, _freed_of(connection, row.id))
                for row in rows
            )

    def freed(self, holder: int, wanted: Collection[dt.date]) -> dict[bytes, FreedFile]:
        """Return what was freed of some nights of a copy, by path."""
        if not wanted:
            return {}
        asked = (
            sa.select(freed_files)
            .join(freeings)
            .where(
                freeings.c.holder_id == holder,
                freed_files.c.is_freed,
                freed_files.c.night.between(min(wanted), max(wanted)),
            )
        )
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(freed_files.c.freeing_id)).all()
        return {row.path: _freed(row) for row in rows if row.night in wanted}

    def freed_products(self, instrument: str, copy: str, night: dt.date) -> frozenset[tuple[bytes, str]]:
        """Return path and hash of everything that was freed of a night on a copy: what was made stands all the same.

        `copy` is as the steps' records call it: the name, and where an instrument has variants ``name@root``.
        """
        is_copy = sa.or_(holders.c.copy == copy, holders.c.copy + "@" + holders.c.root == copy)
        asked = (
            sa.select(freed_files.c.path, freed_files.c.sha256)
            .join(freeings, freeings.c.id == freed_files.c.freeing_id)
            .join(holders, holders.c.id == freeings.c.holder_id)
            .where(holders.c.instrument == instrument, is_copy)
            .where(freed_files.c.is_freed, freed_files.c.night == night)
        )
        with self._store.read() as connection:
            return frozenset((row.path, row.sha256) for row in connection.execute(asked))

    def record_claims(self, instrument: str, found: Sequence[Claim]) -> None:
        """Note what another log says, in place of what it said before."""
        if not found:
            return
        rows = [
            {"instrument": instrument, "copy": one.copy, "night": one.night, "what": one.what}
            | {"holds": one.holds, "at_utc": one.at_utc, "source": one.source}
            for one in found
        ]
        with self._store.write() as connection:
            upsert(connection, claims, rows)

    def claims(self, instrument: str) -> tuple[Claim, ...]:
        """Return what other logs say of an instrument, by night."""
        asked = sa.select(claims).where(claims.c.instrument == instrument)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(claims.c.night, claims.c.copy, claims.c.what)).all()
        return tuple(Claim(row.copy, row.night, row.what, row.holds, row.at_utc, row.source) for row in rows)


def _files_of(connection: Connection, number: int) -> dict[bytes, str]:
    asked = sa.select(confirmed_files).where(confirmed_files.c.confirmation_id == number)
    return {row.name: row.sha256 for row in connection.execute(asked.order_by(confirmed_files.c.name))}


def _freed_of(connection: Connection, number: int) -> tuple[FreedFile, ...]:
    asked = sa.select(freed_files).where(freed_files.c.freeing_id == number).order_by(freed_files.c.path)
    return tuple(_freed(row) for row in connection.execute(asked))


def _freed(row: sa.Row[tuple[object, ...]]) -> FreedFile:
    return FreedFile(row.path, row.night, row.name, row.size_bytes, row.sha256)


def _mark(connection: Connection, freeing: int, paths: Iterable[bytes], is_freed: bool) -> None:
    rows = [{"which": path} for path in paths]
    if rows:
        one = freed_files.update().where(
            freed_files.c.freeing_id == freeing, freed_files.c.path == sa.bindparam("which")
        )
        connection.execute(one.values(is_freed=is_freed), rows)
