"""The ledger's page of frame ids: each number of a series is given out once, and stays spent for ever.

A file of the same name, night and content is given the number that it had before, so that a run that was killed goes
on where it was. How a number is written and what it is asked for, converters/frame_ids.py knows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.book import Book
from catalogue.frame_id_records import Series, Subject
from catalogue.store import insert
from catalogue.tables import Utc, metadata, text
from observatory.errors import UsageError

frame_ids = sa.Table(
    "frame_ids",
    metadata,
    text("series", primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    text("instrument"),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    text("sha256"),
    text("allocator"),
    sa.Column("at_utc", Utc, nullable=False),
    sa.UniqueConstraint("series", "instrument", "night", "subject", "sha256"),
)

LEDGER = "ledger"
"""The allocator's name where the ledger itself counts."""


class FrameIdBook(Book):
    """Which number of a series is whose."""

    def reserve_frame_ids(
        self, series: Series, instrument: str, night: dt.date, wanted: Sequence[Subject], at_utc: dt.datetime
    ) -> dict[Subject, int]:
        """Give every file a number: the one that it has, else the next after the highest that was ever given.

        Numbers rise in the order of `wanted`, as far as they are new. All are recorded before this returns.

        Raises
        ------
        UsageError
            The range has not so many left; nothing was given out.
        """
        with self._store.write() as connection:
            _lock(connection)
            known = _known(connection, series.name, instrument, night)
            new = [subject for subject in dict.fromkeys(wanted) if subject not in known]
            following = max(_highest(connection, series) + 1, series.first)
            if new and following + len(new) - 1 > series.last:
                left = max(0, series.last - following + 1)
                raise UsageError(f"{series.name}: {len(new)} numbers wanted, {left} are left up to {series.last}")
            given = {subject: following + place for place, subject in enumerate(new)}
            _insert(connection, series.name, instrument, night, given, LEDGER, at_utc)
        return {subject: (known | given)[subject] for subject in wanted}

    def known_frame_ids(self, series: str, instrument: str, night: dt.date) -> dict[Subject, int]:
        """Return the numbers that files of a night were given."""
        with self._store.read() as connection:
            return _known(connection, series, instrument, night)

    def record_frame_ids(
        self,
        series: str,
        instrument: str,
        night: dt.date,
        given: Mapping[Subject, int],
        allocator: str,
        at_utc: dt.datetime,
    ) -> None:
        """Note numbers that somebody else gave out, all or none.

        Raises
        ------
        UsageError
            One of them was given out before: nothing is noted, and none may be used.
        """
        with self._store.write() as connection:
            _lock(connection)
            spent = _spent(connection, series, given.values())
            if spent:
                raise UsageError(f"{allocator} gave out number {min(spent)} of {series} a second time")
            _insert(connection, series, instrument, night, given, allocator, at_utc)

    def last_frame_id_night(self, series: str, instrument: str) -> dt.date | None:
        """Return the latest night that numbers of a series were given out for."""
        asked = sa.select(sa.func.max(frame_ids.c.night)).where(
            frame_ids.c.series == series, frame_ids.c.instrument == instrument
        )
        with self._store.read() as connection:
            night: dt.date | None = connection.execute(asked).scalar()
            return night


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's transaction has locked the whole file already
        connection.execute(sa.text("LOCK TABLE frame_ids IN EXCLUSIVE MODE"))


def _known(connection: Connection, series: str, instrument: str, night: dt.date) -> dict[Subject, int]:
    asked = sa.select(frame_ids.c.subject, frame_ids.c.sha256, frame_ids.c.number).where(
        frame_ids.c.series == series, frame_ids.c.instrument == instrument, frame_ids.c.night == night
    )
    return {(bytes(row.subject), row.sha256): row.number for row in connection.execute(asked)}


def _highest(connection: Connection, series: Series) -> int:
    asked = sa.select(sa.func.max(frame_ids.c.number)).where(
        frame_ids.c.series == series.name, frame_ids.c.number.between(series.first, series.last)
    )
    highest: int | None = connection.execute(asked).scalar()
    return -1 if highest is None else highest


def _spent(connection: Connection, series: str, numbers: Collection[int]) -> frozenset[int]:
    if not numbers:
        return frozenset()
    asked = sa.select(frame_ids.c.number).where(
        frame_ids.c.series == series, frame_ids.c.number.between(min(numbers), max(numbers))
    )
    return frozenset(connection.execute(asked).scalars()) & frozenset(numbers)


def _insert(
    connection: Connection,
    series: str,
    instrument: str,
    night: dt.date,
    given: Mapping[Subject, int],
    allocator: str,
    at_utc: dt.datetime,
) -> None:
    rows = [
        {
            "series": series,
            "number": number,
            "instrument": instrument,
            "night": night,
            "subject": subject,
            "sha256": sha256,
            "allocator": allocator,
            "at_utc": at_utc,
        }
        for (subject, sha256), number in given.items()
    ]
    insert(connection, frame_ids, rows)
