"""The ledger's pages on names: copies, hosts and instruments that bear another one now, with all that is known of them.

Whether something is the same under a new name is decided above; here its pages are given that name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.book import Book
from catalogue.evidence_tables import claims, confirmations, holders
from catalogue.export_tables import exports
from catalogue.frame_ids import frame_ids
from catalogue.step_tables import approvals, known_hashes, letters, processed_nights
from catalogue.tables import acceptances, aways, hop_runs, hops, losses, nights, roots, run_instruments, steps

_OF_COPIES = (holders, steps, claims, letters, approvals, known_hashes, processed_nights)
_OF_HOPS = (nights, hops, hop_runs)
_OF_INSTRUMENTS = (
    *(*_OF_COPIES, *_OF_HOPS, run_instruments),
    *(acceptances, aways, confirmations, exports, frame_ids),
)


@dataclass(frozen=True, slots=True)
class KnownCopy:
    """A copy of an instrument as the ledger knows it: under a name, on a host, at a root."""

    instrument: str
    copy: str
    host: str
    root: str


@dataclass(frozen=True, slots=True)
class MovedPlace:
    """A root that bears the name of another host, or lies at another path, than it did.

    Attributes
    ----------
    before, after : pair of str
        Host and root.
    """

    before: tuple[str, str]
    after: tuple[str, str]


@dataclass(frozen=True, slots=True)
class NewName:
    """What of one instrument is called otherwise now.

    Attributes
    ----------
    instrument : str
    of_copies : tuple of (old, new)
        Names of copies, and where the instrument has variants ``name@root`` too.
    of_hops : tuple of (old, new)
    """

    instrument: str
    of_copies: tuple[tuple[str, str], ...] = ()
    of_hops: tuple[tuple[str, str], ...] = ()


class RenameBook(Book):
    """What bears another name than it did."""

    def known_roots(self) -> dict[tuple[str, str], str]:
        """Return the marker (may be empty) of every root, by host and path, that was ever seen."""
        with self._store.read() as connection:
            rows = connection.execute(sa.select(roots.c.host, roots.c.root, roots.c.identity)).all()
        return {(row.host, row.root): row.identity for row in rows}

    def known_copies(self) -> tuple[KnownCopy, ...]:
        """Return every copy of which something was read or freed, in the order in which they were met."""
        asked = sa.select(holders.c.instrument, holders.c.copy, holders.c.host, holders.c.root)
        with self._store.read() as connection:
            return tuple(KnownCopy(*row) for row in connection.execute(asked.order_by(holders.c.id)))

    def addresses_at(self, root: str) -> frozenset[str]:
        """Return the addresses of the hosts on which runs looked at a root of this path."""
        path = root.rstrip("/") + "/"
        ends = ((hop_runs.c.source, hop_runs.c.source_root), (hop_runs.c.destination, hop_runs.c.destination_root))
        with self._store.read() as connection:
            return frozenset(
                address
                for column, at in ends
                for address in connection.execute(sa.select(column).where(at == path).distinct()).scalars()
            )

    def known_instruments(self) -> frozenset[str]:
        """Return the instruments of which nights were seen."""
        with self._store.read() as connection:
            return frozenset(connection.execute(sa.select(nights.c.instrument).distinct()).scalars())

    def take_over(self, moved: Iterable[MovedPlace], names: Iterable[NewName]) -> None:
        """Give the pages of roots, copies and hops the names that they bear now, all of them or none.

        What was noted under the new name before stays as it is, and of the old one then nothing is taken over.
        """
        with self._store.write() as connection:
            for place in moved:
                _move(connection, place)
            for name in names:
                for table in _OF_COPIES:
                    _rename(connection, table, "copy", name.of_copies, name.instrument)
                for table in _OF_HOPS:
                    _rename(connection, table, "hop", name.of_hops, name.instrument)

    def rename_instrument(self, before: str, after: str) -> None:
        """Give every page of an instrument its new name; what the catalogue holds is filled anew by looking."""
        with self._store.write() as connection:
            for table in _OF_INSTRUMENTS:
                _rename(connection, table, "instrument", [(before, after)])


def _move(connection: Connection, place: MovedPlace) -> None:
    (host, root), (new_host, new_root) = place.before, place.after
    for table in (roots, losses):
        if not _is_there(connection, table, {"host": new_host, "root": new_root}):
            of_place = table.update().where(table.c.host == host, table.c.root == root)
            connection.execute(of_place.values(host=new_host, root=new_root))
    for row in connection.execute(sa.select(holders).where(holders.c.host == host, holders.c.root == root)).all():
        if not _is_there(connection, holders, {"instrument": row.instrument, "host": new_host, "root": new_root}):
            of_holder = holders.update().where(holders.c.id == row.id)
            connection.execute(of_holder.values(host=new_host, root=new_root))


def _rename(
    connection: Connection,
    table: sa.Table,
    column: str,
    names: Collection[tuple[str, str]],
    instrument: str | None = None,
) -> None:
    of = {} if instrument is None else {"instrument": instrument}
    for before, after in _in_order(names):
        if not _is_there(connection, table, of | {column: after}):
            wanted = [table.c[name] == value for name, value in (of | {column: before}).items()]
            connection.execute(table.update().where(*wanted).values({column: after}))


def _in_order(names: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield what makes room for others first: one copy may bear the name that another one bore."""
    left = dict(names)
    while left:
        free = [before for before, after in left.items() if after not in left]
        if not free:  # two that changed places: which is which nobody can tell by their names any more
            return
        for before in free:
            yield before, left.pop(before)


def _is_there(connection: Connection, table: sa.Table, values: dict[str, str]) -> bool:
    asked = sa.select(sa.literal(1)).select_from(table).filter_by(**values).limit(1)
    return connection.execute(asked).first() is not None
