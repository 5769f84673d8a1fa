"""The ledger's pages on files that wait on a source, by name; and when one was carried, of which that is asked.

What became of those that are there no more nightferry/uncarried.py says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable

import sqlalchemy as sa

from catalogue.book import Book
from catalogue.insertion import Insertion
from catalogue.records import Uncarried
from catalogue.runs import hop_id_of
from catalogue.store import AT_ONCE, rows_of_nights
from catalogue.tables import batches, hops, moved, uncarried
from observatory.batches import batched

_COLUMNS = ("hop_id", *Uncarried._fields)


class UncarriedBook(Book):
    """Files that were seen on a hop's source and had not been carried."""

    def uncarried(self, instrument: str, hop: str, nights: Collection[dt.date] | None = None) -> tuple[Uncarried, ...]:
        """Return the files of some nights, or of all, that waited on a hop's source when it was looked at last."""
        of_hop = sa.and_(hops.c.id == uncarried.c.hop_id, hops.c.instrument == instrument, hops.c.hop == hop)
        columns = [uncarried.c[name] for name in Uncarried._fields]
        with self._store.read() as connection:
            rows = rows_of_nights(connection, sa.select(*columns).where(of_hop), uncarried.c.night, nights)
        return tuple(Uncarried._make(row) for row in rows)

    def note_uncarried(
        self, instrument: str, hop: str, found: Iterable[Uncarried], no_more: Collection[bytes] = ()
    ) -> None:
        """Note the files that wait on a hop's source, one noted before anew; and of some that they wait no more."""
        files = sorted(found)
        if not files and not no_more:
            return
        with self._store.write() as connection:
            hop_id = hop_id_of(connection, instrument, hop)
            if no_more:
                rows = [{"of_hop": hop_id, "named": path} for path in sorted(no_more)]
                is_it = (uncarried.c.hop_id == sa.bindparam("of_hop"), uncarried.c.path == sa.bindparam("named"))
                connection.execute(uncarried.delete().where(*is_it), rows)
            if files:
                rows_of_files = ((hop_id, *file) for file in files)
                Insertion(connection.dialect, uncarried, _COLUMNS, ("night", "since_utc")).insert(
                    connection, rows_of_files
                )

    def moved_when(self, instrument: str, hop: str, paths: Iterable[bytes]) -> dict[bytes, dt.datetime]:
        """Return when each of some files was moved over a hop last, of those that were."""
        asked = (
            sa.select(moved.c.path, batches.c.at_utc)
            .join(hops, hops.c.id == moved.c.hop_id)
            .join(batches, batches.c.id == moved.c.batch_id)
            .where(hops.c.instrument == instrument, hops.c.hop == hop)
        )
        parts = batched(sorted(paths), AT_ONCE)
        with self._store.read() as connection:
            rows = [row for part in parts for row in connection.execute(asked.where(moved.c.path.in_(part)))]
        return {row.path: row.at_utc for row in rows}
