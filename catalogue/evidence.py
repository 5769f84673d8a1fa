"""The ledger's pages on evidence: which file was hashed where, when, with which sum, and how it looked then.

Whether evidence is enough to call a night safe, or to free a file, is decided above; here it is remembered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.evidence_records import CARRIED, Evidence, ReadFile, Reading, SafeNight, SafeState
from catalogue.evidence_tables import evidence, holders, readings, safe_nights
from catalogue.store import insert_one, rows_of_nights, upsert
from catalogue.tables import runs

_COLUMNS = ("path", "night", "name", "sha256", "size_bytes", "mtime_s", "changed_s", "identity")
_KEY = ("instrument", "copy", "host", "root")
_FIRST = {"first_sha256": evidence.c.first_sha256, "first_utc": evidence.c.first_utc}
"""What stays as it was, whatever is noted anew."""
_MOST_NAMED = 900
"""Names in one question, of which SQLite of old takes 999; of more the whole night is read."""


class EvidenceBook(Book):
    """What was read of each file, copy by copy. A copy is known by its holder: a number for its host and root."""

    def known_holder(
        self, instrument: str, copy: str, host: str, root: str, others: Collection[str] | None = None
    ) -> int | None:
        """Return the number of a copy; None where nothing was ever noted of it.

        Parameters
        ----------
        others : collection of str, optional
            The other copies that are declared at that very root: what was noted there under a name that neither they
            nor this one bear was noted of this one, before it was renamed. None: renaming is not asked about.
        """
        with self._store.read() as connection:
            return _number_of(connection, (instrument, copy, host, root), others)

    def holder(self, instrument: str, copy: str, host: str, root: str, others: Collection[str] | None = None) -> int:
        """Return the number of a copy, giving it one where it has none; another root is another holder.

        One that was renamed (see `known_holder`) keeps its number, and bears its new name from then on.
        """
        key = (instrument, copy, host, root)
        with self._store.read() as connection:
            known = _number_of(connection, key, None)
        if known is not None:
            return known
        with self._store.write() as connection:
            found = _number_of(connection, key, others)
            if found is not None:
                connection.execute(holders.update().where(holders.c.id == found).values(copy=copy))
                return found
            return insert_one(connection, holders, dict(zip(_KEY, key, strict=True)))

    def record_reading(self, holder: int, reading: Reading, files: Sequence[ReadFile]) -> None:
        """Note what some files of a copy were read as, in place of what was noted of them before.

        The first sum of a path stays as it is, whatever comes later.
        """
        if not files:
            return
        values = {"holder_id": holder, "at_utc": reading.at_utc, "by": reading.by}
        values |= {"marker": reading.marker, "kernel": reading.kernel}
        with self._store.write() as connection:
            number = insert_one(connection, readings, values)
            rows = [
                {name: getattr(file, name) for name in _COLUMNS}
                | {"holder_id": holder, "reading_id": number}
                | {"first_sha256": file.sha256, "first_utc": reading.at_utc}
                for file in files
                if file.sha256 is not None
            ]
            upsert(connection, evidence, rows, _FIRST)
            _forget(connection, holder, [file.path for file in files if file.sha256 is None])

    def record_gone(self, holder: int, paths: Iterable[bytes]) -> None:
        """Note that some paths are not there any more; what they held first is kept."""
        with self._store.write() as connection:
            _forget(connection, holder, list(paths))

    def record_carried(
        self, holder: int, at_utc: dt.datetime, nights: Collection[dt.date], paths: Collection[bytes]
    ) -> frozenset[dt.date]:
        """Note that files were carried to some paths of a copy: what was read there before is there no more.

        Returns
        -------
        frozenset of date
            The nights of which something had been read.
        """
        if not nights:
            return frozenset()
        of_nights = sa.and_(evidence.c.holder_id == holder, evidence.c.night.between(min(nights), max(nights)))
        with self._store.read() as connection:
            rows = connection.execute(sa.select(evidence.c.path, evidence.c.night).where(of_nights)).all()
        known = {row.path: row.night for row in rows if row.path in paths}
        if known:
            with self._store.write() as connection:
                number = insert_one(connection, readings, {"holder_id": holder, "at_utc": at_utc, "by": CARRIED})
                _forget(connection, holder, list(known), number)
        return frozenset(known.values())

    def evidence_of(self, holder: int, night: dt.date, names: Collection[bytes] | None = None) -> dict[bytes, Evidence]:
        """Return what is remembered of a night on a copy, or of the files of some names, by path.

        Of what is gone too, with no sum.
        """
        columns = [evidence.c[name] for name in (*_COLUMNS, "reading_id", "first_sha256", "first_utc")]
        of_night = sa.and_(evidence.c.holder_id == holder, evidence.c.night == night)
        if names is not None and len(names) <= _MOST_NAMED:
            of_night = sa.and_(of_night, evidence.c.name.in_(names))
        asked = sa.select(*columns).where(of_night).order_by(evidence.c.path)
        with self._store.read() as connection:
            rows = connection.execute(asked).all()
            made = _readings(connection, {row.reading_id for row in rows})
        # by position: a night has 100,000 rows
        found = {row[0]: Evidence(ReadFile(*row[:8]), made[row[8]], row[9], row[10]) for row in rows}
        return found if names is None else {path: one for path, one in found.items() if one.file.name in names}

    def evidence_nights(self, holder: int) -> frozenset[dt.date]:
        """Return the nights of which something was ever read on a copy."""
        asked = sa.select(evidence.c.night).where(evidence.c.holder_id == holder).distinct()
        with self._store.read() as connection:
            return frozenset(connection.execute(asked).scalars())

    def last_read(self, instrument: str, by: str) -> dt.datetime | None:
        """Return when any copy of an instrument was last read by some command; None if never."""
        asked = (
            sa.select(sa.func.max(readings.c.at_utc))
            .join(holders, holders.c.id == readings.c.holder_id)
            .where(holders.c.instrument == instrument, readings.c.by == by)
        )
        with self._store.read() as connection:
            return connection.execute(asked).scalar()

    def newest_instant(self) -> dt.datetime | None:
        """Return the latest instant that was ever noted: a clock that shows an earlier one went back."""
        asked = (
            sa.select(sa.func.max(readings.c.at_utc)),
            sa.select(sa.func.max(runs.c.started_utc)),
            sa.select(sa.func.max(runs.c.finished_utc)),
        )
        with self._store.read() as connection:
            found = [connection.execute(one).scalar() for one in asked]
        return max((instant for instant in found if instant is not None), default=None)

    def record_safe(self, holder: int, nights: Mapping[dt.date, SafeNight]) -> None:
        """Note what hashes showed of some nights of a copy."""
        if not nights:
            return
        rows = [
            {"holder_id": holder, "night": night, "state": safe.state.value}
            | {"files": safe.files, "at_utc": safe.at_utc, "reason": safe.reason}
            for night, safe in sorted(nights.items())
        ]
        with self._store.write() as connection:
            upsert(connection, safe_nights, rows)

    def safe_nights(self, holder: int, wanted: Collection[dt.date] | None = None) -> dict[dt.date, SafeNight]:
        """Return what hashes showed of the nights of a copy; None: of all."""
        asked = sa.select(safe_nights).where(safe_nights.c.holder_id == holder)
        with self._store.read() as connection:
            return dict(map(_safe_night, rows_of_nights(connection, asked, safe_nights.c.night, wanted)))

    def unsafe_nights(self, holder: int) -> dict[dt.date, SafeNight]:
        """Return what hashes showed of those nights of a copy that are not what they should be."""
        is_unsafe = safe_nights.c.state == SafeState.UNSAFE.value
        asked = sa.select(safe_nights).where(safe_nights.c.holder_id == holder, is_unsafe)
        with self._store.read() as connection:
            return dict(map(_safe_night, connection.execute(asked)))


def _safe_night(row: Row[tuple[Any, ...]]) -> tuple[dt.date, SafeNight]:
    return row.night, SafeNight(SafeState(row.state), row.files, row.at_utc, row.reason)


def _number_of(connection: Connection, key: tuple[str, str, str, str], others: Collection[str] | None) -> int | None:
    instrument, copy, host, root = key
    asked = sa.select(holders.c.id, holders.c.copy).filter_by(instrument=instrument, host=host, root=root)
    found = {row.copy: int(row.id) for row in connection.execute(asked.order_by(holders.c.id))}
    if copy in found or others is None:
        return found.get(copy)
    renamed = [number for name, number in found.items() if name not in others]
    return renamed[-1] if renamed else None


def _forget(connection: Connection, holder: int, paths: Sequence[bytes], reading: int | None = None) -> None:
    if not paths:
        return
    values = {"sha256": None} | ({} if reading is None else {"reading_id": reading})
    gone = evidence.update().where(evidence.c.holder_id == holder, evidence.c.path == sa.bindparam("gone"))
    connection.execute(gone.values(values), [{"gone": path} for path in paths])


def _readings(connection: Connection, numbers: Iterable[int]) -> dict[int, Reading]:
    found = {}
    for number in numbers:
        row = connection.execute(sa.select(readings).where(readings.c.id == number)).one()
        found[number] = Reading(row.at_utc, row.by, row.marker, row.kernel)
    return found
