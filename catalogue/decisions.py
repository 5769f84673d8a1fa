"""The ledger's pages on what people said: accepted, away, a loss that may be so; and on roots they vouched for.

Each says who, why and when; a decision is revoked, never erased.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.records import Acceptance, Away, Loss, RootRecord
from catalogue.store import insert, insert_one, upsert
from catalogue.tables import acceptance_files, acceptances, aways, losses, roots


class DecisionBook(Book):
    """What a person knows better than any comparison."""

    def accept(
        self,
        instrument: str,
        night: dt.date,
        *,
        reason: str,
        by: str,
        at_utc: dt.datetime,
        frames: Iterable[int] = (),
        files: Iterable[bytes] = (),
        until: dt.date | None = None,
    ) -> int:
        """Note that a night may be as it is, or only some frames or files of it; return the decision's id.

        `until` is the last day on which it holds; None: for good.
        """
        values = {
            "instrument": instrument,
            "night": night,
            "frames": sorted(set(frames)),
            "reason": reason,
            "by": by,
            "at_utc": at_utc,
            "until": until,
        }
        paths = sorted(set(files))
        with self._store.write() as connection:
            number = insert_one(connection, acceptances, values)
            insert(connection, acceptance_files, [{"acceptance_id": number, "path": path} for path in paths])
        return number

    def revoke(
        self,
        instrument: str,
        night: dt.date,
        at_utc: dt.datetime,
        frames: Iterable[int] = (),
        files: Iterable[bytes] = (),
    ) -> int:
        """Take back what was accepted of a night; return how many decisions that were.

        With frames or files only the decisions that name one of them; these are taken back whole.
        """
        numbers, paths = set(frames), set(files)
        with self._store.write() as connection:
            found = [one for one in acceptances_of(connection, instrument) if one.night == night]
            if numbers or paths:
                found = [one for one in found if numbers & set(one.frames) or paths & set(one.files)]
            connection.execute(
                acceptances.update().where(acceptances.c.id.in_([one.id for one in found])).values(revoked_utc=at_utc)
            )
        return len(found)

    def acceptances(self, instrument: str, today: dt.date | None = None) -> tuple[Acceptance, ...]:
        """Return what is accepted of an instrument and not revoked, by night; given a day, what holds on it."""
        with self._store.read() as connection:
            return acceptances_of(connection, instrument, today)

    def away(
        self, instrument: str, first_night: dt.date, last_night: dt.date, *, reason: str, by: str, at_utc: dt.datetime
    ) -> int:
        """Note that an instrument is off the telescope, both nights included; return the decision's id."""
        values = {
            "instrument": instrument,
            "first_night": first_night,
            "last_night": last_night,
            "reason": reason,
            "by": by,
            "at_utc": at_utc,
        }
        with self._store.write() as connection:
            return insert_one(connection, aways, values)

    def revoke_away(self, number: int, at_utc: dt.datetime) -> None:
        """Take back one absence, as if it had never been said."""
        with self._store.write() as connection:
            connection.execute(aways.update().where(aways.c.id == number).values(revoked_utc=at_utc))

    def aways(self, instrument: str, night: dt.date | None = None) -> tuple[Away, ...]:
        """Return the absences of an instrument that are not revoked, oldest first; given a night, those on it."""
        asked = sa.select(aways).where(aways.c.instrument == instrument, aways.c.revoked_utc.is_(None))
        if night is not None:
            asked = asked.where(aways.c.first_night <= night, aways.c.last_night >= night)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(aways.c.first_night, aways.c.id)).all()
        return tuple(
            Away(row.id, row.instrument, row.first_night, row.last_night, row.reason, row.by, row.at_utc)
            for row in rows
        )

    def record_loss(self, host: str, root: str, expected_files: int, seen_files: int, at_utc: dt.datetime) -> None:
        """Note that a root suddenly held less than half; until it is accepted nothing of it may be freed.

        Noted again it keeps the first counts and instant: what was lost is what was there before.
        """
        with self._store.write() as connection:
            if _pending(connection, host, root) is not None:
                return
            values = {"host": host, "root": root, "expected_files": expected_files, "seen_files": seen_files}
            still_open = {"noticed_utc": at_utc, "is_pending": True, "accepted_utc": None, "accepted_by": None}
            upsert(connection, losses, [values | still_open])

    def loss_pending(self, host: str, root: str) -> Loss | None:
        """Return the loss of a root that nobody has accepted yet."""
        with self._store.read() as connection:
            return _pending(connection, host, root)

    def losses_pending(self) -> tuple[Loss, ...]:
        """Return every loss that nobody has accepted yet, by host and root."""
        asked = sa.select(losses).where(losses.c.is_pending).order_by(losses.c.host, losses.c.root)
        with self._store.read() as connection:
            return tuple(_loss(row) for row in connection.execute(asked))

    def accept_loss(
        self, host: str, root: str, by: str | None = None, at_utc: dt.datetime | None = None
    ) -> Loss | None:
        """Note that a root may hold as little as it does; return the loss that was pending, None without one.

        It is no licence for the next loss: only what is pending at this moment is accepted. A run that is given
        ``--accept-loss`` besides leaves out, in that run, the comparison with the last counts of that root.
        """
        with self._store.write() as connection:
            found = _pending(connection, host, root)
            of_root = losses.update().where(losses.c.host == host, losses.c.root == root, losses.c.is_pending)
            connection.execute(of_root.values(is_pending=False, accepted_utc=at_utc, accepted_by=by))
        return found

    def vouch_root(self, host: str, root: str, identity: str, at_utc: dt.datetime) -> None:
        """Note that a person named this as the right root though it shows no sign of it (``--new-root``).

        `identity` is whatever tells it from an empty mount point, such as device and inode; may be empty: then it stays
        known which disk was there before, so that another one is told from it when it shows what it is.
        """
        self._see_root(host, root, identity or None, at_utc, is_vouched=True)

    def record_root_seen(self, host: str, root: str, at_utc: dt.datetime, identity: str | None = None) -> None:
        """Note that a root was there, and as which; None: as the one before.

        What a person vouched for stays so while the identity is the same; another identity is nobody's word.
        """
        self._see_root(host, root, identity, at_utc, is_vouched=False)

    def _see_root(self, host: str, root: str, identity: str | None, at_utc: dt.datetime, is_vouched: bool) -> None:
        with self._store.write() as connection:
            known = _root(connection, host, root)
            if known is not None and identity not in (None, known.identity):
                known = None  # another drive, or another disk, at the same place
            values = {"host": host, "root": root, "last_seen_utc": at_utc}
            if known is None:
                fresh: dict[str, Any] = {"identity": identity or "", "is_vouched": is_vouched, "first_seen_utc": at_utc}
            else:
                fresh = {"identity": known.identity, "is_vouched": is_vouched or known.is_vouched}
                fresh["first_seen_utc"] = known.first_seen_utc
            upsert(connection, roots, [values | fresh])

    def root(self, host: str, root: str) -> RootRecord | None:
        """Return a root as it was last seen; None if it never was."""
        with self._store.read() as connection:
            return _root(connection, host, root)

    def is_known_marker(self, identity: str) -> bool:
        """Say whether a marker of this content was ever seen, on any host: a disk that moved is the same disk."""
        asked = sa.select(roots.c.root).where(roots.c.identity == identity)
        with self._store.read() as connection:
            return bool(identity) and connection.execute(asked.limit(1)).first() is not None


def acceptances_of(connection: Connection, instrument: str, today: dt.date | None = None) -> tuple[Acceptance, ...]:
    """Return what is accepted of an instrument, within a transaction; see `DecisionBook.acceptances`."""
    asked = sa.select(acceptances).where(acceptances.c.instrument == instrument, acceptances.c.revoked_utc.is_(None))
    if today is not None:
        asked = asked.where(sa.or_(acceptances.c.until.is_(None), acceptances.c.until >= today))
    rows = connection.execute(asked.order_by(acceptances.c.night, acceptances.c.id)).all()
    files: dict[int, list[bytes]] = {row.id: [] for row in rows}
    of_files = sa.select(acceptance_files).join(acceptances).where(acceptances.c.instrument == instrument)
    for row in connection.execute(of_files.order_by(acceptance_files.c.path)):
        files.setdefault(row.acceptance_id, []).append(row.path)
    return tuple(_acceptance(row, tuple(files[row.id])) for row in rows)


def _acceptance(row: Row[tuple[object, ...]], files: tuple[bytes, ...]) -> Acceptance:
    return Acceptance(
        id=row.id,
        instrument=row.instrument,
        night=row.night,
        frames=tuple(row.frames),
        files=files,
        reason=row.reason,
        by=row.by,
        at_utc=row.at_utc,
        until=row.until,
    )


def _pending(connection: Connection, host: str, root: str) -> Loss | None:
    asked = sa.select(losses).where(losses.c.host == host, losses.c.root == root, losses.c.is_pending)
    row = connection.execute(asked).first()
    return None if row is None else _loss(row)


def _loss(row: Row[tuple[object, ...]]) -> Loss:
    return Loss(row.host, row.root, row.expected_files, row.seen_files, row.noticed_utc)


def _root(connection: Connection, host: str, root: str) -> RootRecord | None:
    row = connection.execute(sa.select(roots).where(roots.c.host == host, roots.c.root == root)).first()
    if row is None:
        return None
    return RootRecord(row.host, row.root, row.identity, row.is_vouched, row.first_seen_utc, row.last_seen_utc)
