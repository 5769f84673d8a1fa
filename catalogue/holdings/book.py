"""The catalogue's pages on holdings: written night by night as files are read, asked by whoever fills them.

Which file is read and what it means is filling.py's; questions of people are queries.py's.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.holdings.records import Exposure, FileState, HeldCopy, HeldFile, Place
from catalogue.holdings.section import STANDARD
from catalogue.holdings.tables import exposure_copies, exposure_files, exposure_nights, exposure_places, exposures
from catalogue.holdings.values import from_json, to_json
from catalogue.store import AT_ONCE, upsert
from observatory.batches import batched

_COLUMNS = tuple(column.name for column in exposures.c)
_ROWS_AT_A_TIME = 5_000


@dataclass(frozen=True, slots=True)
class NightHoldings:
    """What is to be noted of one place in one go, kept whole or not at all.

    Attributes
    ----------
    files, copies, exposures : sequence
        New, or as they are now.
    gone : sequence of UUID
        Files of which this place holds no copy any more.
    left : sequence of UUID
        Exposures whose files are now counted as others': where none is left to them they are forgotten.
    """

    files: Sequence[HeldFile] = ()
    copies: Sequence[HeldCopy] = ()
    exposures: Sequence[Exposure] = ()
    gone: Sequence[uuid.UUID] = field(default=())
    left: Sequence[uuid.UUID] = field(default=())


class HoldingBook(Book):
    """Exposures, files, copies and places, as files showed them."""

    def record_place(self, place: Place) -> None:
        """Note where a copy lies and how others reach it; where it lay before, nothing of it lies any more."""
        values = dataclasses.asdict(place) | {"id": place.id}
        table = exposure_places.c
        moved = sa.select(table.id).where(
            table.instrument == place.instrument,
            table.variant == place.variant,
            table.copy == place.copy,
            table.id != place.id,
        )
        with self._store.write() as connection:
            _forget_places(connection, connection.execute(moved).scalars().all())
            upsert(connection, exposure_places, [values])

    def forget_places(self, instrument: str, declared: Collection[uuid.UUID]) -> None:
        """Forget the places of an instrument that are no longer among those declared, and what lay there."""
        asked = sa.select(exposure_places.c.id).where(exposure_places.c.instrument == instrument)
        with self._store.write() as connection:
            known = connection.execute(asked).scalars().all()
            _forget_places(connection, [place for place in known if place not in declared])

    def files_of_night(self, place: Place, night: dt.date) -> dict[uuid.UUID, tuple[HeldFile, HeldCopy | None]]:
        """Return the files of a night that any place holds, each with this place's copy if it has one."""
        asked = _with_copies(place).where(
            exposure_files.c.instrument == place.instrument,
            exposure_files.c.variant == place.variant,
            exposure_files.c.night == night,
        )
        with self._store.read() as connection:
            return {row.id: (held_file(row), _joined_copy(row, place.id)) for row in connection.execute(asked)}

    def files_of_exposures(
        self, place: Place, wanted: Collection[uuid.UUID], except_night: dt.date
    ) -> tuple[tuple[HeldFile, HeldCopy | None], ...]:
        """Return the files of some exposures that lie in other nights than this one, each with this place's copy."""
        found: list[tuple[HeldFile, HeldCopy | None]] = []
        with self._store.read() as connection:
            for some in batched(sorted(wanted), AT_ONCE):
                asked = _with_copies(place).where(
                    exposure_files.c.exposure_id.in_(some), exposure_files.c.night != except_night
                )
                found += [(held_file(row), _joined_copy(row, place.id)) for row in connection.execute(asked)]
        return tuple(found)

    def exposures_by_id(self, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, Exposure]:
        """Return those of some exposures that are known."""
        with self._store.read() as connection:
            return {
                row.id: exposure_of(row)
                for some in batched(sorted(wanted), AT_ONCE)
                for row in connection.execute(sa.select(exposures).where(exposures.c.id.in_(some)))
            }

    def held_elsewhere(self, place: Place, wanted: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Return those of some files of which other places hold copies."""
        found: set[uuid.UUID] = set()
        with self._store.read() as connection:
            for some in batched(sorted(wanted), AT_ONCE):
                asked = sa.select(exposure_copies.c.file_id).where(
                    exposure_copies.c.file_id.in_(some), exposure_copies.c.place_id != place.id
                )
                found |= set(connection.execute(asked).scalars())
        return found

    def nights_held(self, place: Place) -> tuple[dt.date, ...]:
        """Return the nights of which a place held files when it was listed last, ascending."""
        asked = (
            sa.select(exposure_files.c.night)
            .join(exposure_copies, exposure_copies.c.file_id == exposure_files.c.id)
            .where(exposure_files.c.instrument == place.instrument, exposure_copies.c.place_id == place.id)
        )
        with self._store.read() as connection:
            return tuple(connection.execute(asked.distinct().order_by(exposure_files.c.night)).scalars())

    def record_holdings(self, place: Place, held: NightHoldings) -> None:
        """Note what a place showed, all of it or nothing."""
        with self._store.write() as connection:
            _write(connection, exposure_files, held.files, _file_values)
            _write(connection, exposure_copies, held.copies, _copy_values)
            _write(connection, exposures, held.exposures, _exposure_values)
            for some in batched(held.gone, AT_ONCE):
                connection.execute(
                    exposure_copies.delete().where(
                        exposure_copies.c.place_id == place.id, exposure_copies.c.file_id.in_(some)
                    )
                )
            for some in batched(held.left, AT_ONCE):
                has_files = sa.exists().where(exposure_files.c.exposure_id == exposures.c.id)
                connection.execute(exposures.delete().where(exposures.c.id.in_(some), ~has_files))

    def settled_night(self, place: Place, night: dt.date) -> tuple[str, int] | None:
        """Return what a night's listing was when nothing of it was left to do, and how many exposures it holds."""
        asked = sa.select(exposure_nights.c.digest, exposure_nights.c.exposures).where(*_of_night(place, night))
        with self._store.read() as connection:
            row = connection.execute(asked).first()
        return None if row is None else (row.digest, row.exposures)

    def settle_night(self, place: Place, night: dt.date, digest: str | None, held: int = 0) -> None:
        """Note what a night's listing is where nothing of it is left to do; None: something is."""
        values = {"place_id": place.id, "night": night, "digest": digest, "exposures": held}
        with self._store.write() as connection:
            if digest is None:
                connection.execute(exposure_nights.delete().where(*_of_night(place, night)))
            else:
                upsert(connection, exposure_nights, [values])

    def forget_unheld(self, instrument: str) -> int:
        """Forget files of which no place holds a copy, and exposures without files; return how many of these."""
        held = sa.select(exposure_copies.c.file_id)
        of_files = sa.select(exposure_files.c.exposure_id).where(exposure_files.c.exposure_id.is_not(None))
        with self._store.write() as connection:
            connection.execute(
                exposure_files.delete().where(
                    exposure_files.c.instrument == instrument, exposure_files.c.id.not_in(held)
                )
            )
            gone = connection.execute(
                exposures.delete().where(exposures.c.instrument == instrument, exposures.c.id.not_in(of_files))
            )
            return gone.rowcount

    def unreadable_files(self, instrument: str | None = None) -> tuple[HeldFile, ...]:
        """Return the files that could not be read, by instrument, night and path."""
        states = (FileState.UNREADABLE.value, FileState.GROWING.value)
        asked = sa.select(exposure_files).where(exposure_files.c.state.in_(states))
        if instrument is not None:
            asked = asked.where(exposure_files.c.instrument == instrument)
        order = (exposure_files.c.instrument, exposure_files.c.night, exposure_files.c.path)
        with self._store.read() as connection:
            return tuple(held_file(row) for row in connection.execute(asked.order_by(*order)))


def _forget_places(connection: Connection, ids: Sequence[uuid.UUID]) -> None:
    for table, column in ((exposure_copies, "place_id"), (exposure_nights, "place_id"), (exposure_places, "id")):
        for some in batched(ids, AT_ONCE):
            connection.execute(table.delete().where(table.c[column].in_(some)))


def _write(
    connection: Connection, table: sa.Table, records: Sequence[Any], values_of: Callable[[Any], Mapping[str, Any]]
) -> None:
    """Write some records, a few thousand at a time: as rows they take more memory than as what they are."""
    for some in batched(records, _ROWS_AT_A_TIME):
        upsert(connection, table, [values_of(record) for record in some])


def _copy_values(copy: HeldCopy) -> dict[str, Any]:
    return {field.name: getattr(copy, field.name) for field in dataclasses.fields(copy)}


def _of_night(place: Place, night: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    return exposure_nights.c.place_id == place.id, exposure_nights.c.night == night


def _with_copies(place: Place) -> sa.Select[Any]:
    """Return a question for files, each with the copy that a place holds of it."""
    joined = exposure_files.outerjoin(
        exposure_copies,
        sa.and_(exposure_copies.c.file_id == exposure_files.c.id, exposure_copies.c.place_id == place.id),
    )
    columns = [column.label(f"copy_{column.name}") for column in exposure_copies.c]
    return sa.select(exposure_files, *columns).select_from(joined)


def _joined_copy(row: Row[Any], place_id: uuid.UUID) -> HeldCopy | None:
    if row.copy_file_id is None:
        return None
    return HeldCopy(
        row.id, place_id, row.copy_path, row.copy_size_bytes, row.copy_mtime_s, row.copy_since_utc, row.copy_sha256
    )


def _file_values(file: HeldFile) -> dict[str, Any]:
    facts = {
        "columns": {name: to_json(value) for name, value in file.columns.items()},
        "counts": [list(count) for count in file.counts],
        "faults": list(file.faults),
    }
    return {
        "id": file.id,
        "exposure_id": file.exposure_id,
        "instrument": file.instrument,
        "variant": file.variant,
        "night": file.night,
        "camera": file.camera,
        "path": file.path,
        "size_bytes": file.size_bytes,
        "mtime_s": file.mtime_s,
        "state": file.state.value,
        "reason": file.reason,
        "facts": facts if any(facts.values()) else None,
        "read_utc": file.read_utc,
    }


def held_file(row: Row[Any]) -> HeldFile:
    """Return a file from its row."""
    facts = row.facts or {}
    return HeldFile(
        instrument=row.instrument,
        variant=row.variant,
        night=row.night,
        camera=row.camera,
        path=row.path,
        exposure_id=row.exposure_id,
        size_bytes=row.size_bytes,
        mtime_s=row.mtime_s,
        state=FileState(row.state),
        reason=row.reason,
        columns={name: from_json(value) for name, value in facts.get("columns", {}).items()},
        counts=tuple((found, wanted) for found, wanted in facts.get("counts", ())),
        faults=tuple(facts.get("faults", ())),
        read_utc=row.read_utc,
    )


def _exposure_values(exposure: Exposure) -> dict[str, Any]:
    own = {name: to_json(value) for name, value in exposure.columns.items() if name not in STANDARD}
    return {
        "id": exposure.id,
        "instrument": exposure.instrument,
        "variant": exposure.variant,
        "night": exposure.night,
        "number": exposure.number,
        "name": exposure.name,
        **{name: exposure.columns.get(name) for name in STANDARD},
        "facts": own,
        "data_written": exposure.data_written,
        "data_written_utc": exposure.data_written_utc,
        "arrived_utc": exposure.arrived_utc,
        "waits_for": exposure.waits_for,
        "catalogued_utc": exposure.catalogued_utc,
    }


def exposure_of(row: Row[Any]) -> Exposure:
    """Return an exposure from its row, whose columns stand in the table's order."""
    kept = dict(zip(_COLUMNS, row, strict=True))
    columns = {name: kept[name] for name in STANDARD if kept[name] is not None}
    if kept["facts"]:
        columns |= {name: from_json(value) for name, value in kept["facts"].items()}
    return Exposure(
        id=kept["id"],
        instrument=kept["instrument"],
        variant=kept["variant"],
        night=kept["night"],
        number=kept["number"],
        name=kept["name"],
        columns=columns,
        data_written=kept["data_written"],
        data_written_utc=kept["data_written_utc"],
        waits_for=kept["waits_for"],
        catalogued_utc=kept["catalogued_utc"],
    )
