"""The ledger's pages on runs: which began, which ended how, what each hop came to, which files were moved.

What the nights came to is nights.py's.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.insertion import Insertion
from catalogue.records import HopRecord, MovedFile, Run
from catalogue.store import insert, insert_one, upsert
from catalogue.tables import batches, hop_runs, hops, moved, run_instruments, runs, waiting
from observatory.truth import State

_MOVED = (
    sa.select(moved, batches.c.at_utc)
    .join(hops, hops.c.id == moved.c.hop_id)
    .join(batches, batches.c.id == moved.c.batch_id)
)
_MOVED_COLUMNS = ("hop_id", "path", "size_bytes", "mtime_s", "sha256", "batch_id")
_COULD_LOOK = hop_runs.c.state.in_((State.OK.value, State.DIFFERENT.value))
_ANY = dt.datetime.fromtimestamp(0, dt.UTC)
_BATCH = 20_000
"""Rows read at a time: memory stays flat over any number of files."""


class RunBook(Book):
    """Runs, their hops, and the files they moved."""

    def try_noting(self) -> None:
        """Note a run and take it back: a database that takes no writes can be opened and read all the same."""
        with self._store.write() as connection:
            insert_one(connection, runs, {"kind": "", "started_utc": _ANY, "host": "", "pid": 0})
            connection.rollback()

    def start_run(self, kind: str, instruments: Iterable[str], at_utc: dt.datetime, host: str, pid: int) -> int:
        """Note that a run began, and return its id."""
        names = sorted(set(instruments))
        with self._store.write() as connection:
            values = {"kind": kind, "started_utc": at_utc, "host": host, "pid": pid}
            run = insert_one(connection, runs, values)
            insert(connection, run_instruments, [{"run_id": run, "instrument": name} for name in names])
        return run

    def finish_run(self, run: int, state: State, at_utc: dt.datetime) -> None:
        """Note that a run came to its end, whatever it found."""
        with self._store.write() as connection:
            connection.execute(
                runs.update().where(runs.c.id == run).values(finished_utc=at_utc, state=state.value, crashed_utc=None)
            )

    def record_crash(self, run: int, at_utc: dt.datetime) -> None:
        """Note that a run is known to have ended without finishing, so that it is reported once only."""
        with self._store.write() as connection:
            connection.execute(
                runs.update().where(runs.c.id == run, runs.c.finished_utc.is_(None)).values(crashed_utc=at_utc)
            )

    def began_lately(self, most: int) -> tuple[dt.datetime, ...]:
        """Return when the runs noted last began, the one noted last first: as noted, whatever clocks showed then."""
        asked = sa.select(runs.c.started_utc).order_by(runs.c.id.desc()).limit(most)
        with self._store.read() as connection:
            return tuple(connection.execute(asked).scalars())

    def unfinished_runs(self, kind: str | None = None) -> tuple[Run, ...]:
        """Return the runs that began, never finished and are not noted as crashed, oldest first.

        Each either works at this moment or crashed: its `host` and `pid` tell where to look.
        """
        asked = sa.and_(runs.c.finished_utc.is_(None), runs.c.crashed_utc.is_(None))
        if kind is not None:
            asked = sa.and_(asked, runs.c.kind == kind)
        with self._store.read() as connection:
            return _read_runs(connection, sa.select(runs).where(asked).order_by(runs.c.id))

    def last_finished(
        self, kind: str | None = None, instrument: str | None = None, until_utc: dt.datetime | None = None
    ) -> Run | None:
        """Return the run that finished last, of a kind or of any, with an instrument among its own or any.

        With `until_utc` those are left out that say they finished later: a clock was ahead when they were noted.
        """
        asked = sa.select(runs).where(runs.c.finished_utc.is_not(None))
        if kind is not None:
            asked = asked.where(runs.c.kind == kind)
        if instrument is not None:
            asked = asked.join(run_instruments).where(run_instruments.c.instrument == instrument)
        if until_utc is not None:
            asked = asked.where(runs.c.finished_utc <= until_utc)
        asked = asked.order_by(runs.c.finished_utc.desc(), runs.c.id.desc()).limit(1)
        with self._store.read() as connection:
            return next(iter(_read_runs(connection, asked)), None)

    def record_hop(self, run: int, record: HopRecord) -> None:
        """Note what one hop of a run came to; noting it again replaces what was noted."""
        with self._store.write() as connection:
            upsert(connection, hop_runs, [{"run_id": run, **dataclasses.asdict(record), "state": record.state.value}])

    def hops_of(self, run: int) -> tuple[HopRecord, ...]:
        """Return what the hops of a run came to, by instrument and hop."""
        asked = sa.select(hop_runs).where(hop_runs.c.run_id == run).order_by(hop_runs.c.instrument, hop_runs.c.hop)
        with self._store.read() as connection:
            return tuple(_hop(row) for row in connection.execute(asked))

    def last_hop(self, instrument: str, hop: str, kind: str | None = None) -> tuple[Run, HopRecord] | None:
        """Return the last run that noted a hop, finished or not, and what it came to there."""
        asked = sa.select(hop_runs).join(runs).where(hop_runs.c.instrument == instrument, hop_runs.c.hop == hop)
        if kind is not None:
            asked = asked.where(runs.c.kind == kind)
        with self._store.read() as connection:
            row = connection.execute(asked.order_by(hop_runs.c.run_id.desc()).limit(1)).first()
            if row is None:
                return None
            (run,) = _read_runs(connection, sa.select(runs).where(runs.c.id == row.run_id))
            return run, _hop(row)

    def last_look(self, instrument: str, hop: str) -> dt.datetime | None:
        """Return when the last run began that could look at both ends of a hop."""
        of_hop = sa.and_(hop_runs.c.instrument == instrument, hop_runs.c.hop == hop, _COULD_LOOK)
        looked = sa.select(hop_runs.c.run_id).where(of_hop).order_by(hop_runs.c.run_id.desc()).limit(1)
        return self._began(looked)

    def first_asked(self, instrument: str, hop: str) -> dt.datetime | None:
        """Return when the first run began that asked about a hop, whether it could look at it or not."""
        of_hop = sa.and_(hop_runs.c.instrument == instrument, hop_runs.c.hop == hop)
        return self._began(sa.select(sa.func.min(hop_runs.c.run_id)).where(of_hop))

    def _began(self, run: sa.Select[tuple[int]]) -> dt.datetime | None:
        asked = sa.select(runs.c.started_utc).where(runs.c.id == run.scalar_subquery())
        with self._store.read() as connection:
            return connection.execute(asked).scalar_one_or_none()

    def last_look_elsewhere(self, instrument: str, declared: Collection[str]) -> dt.datetime | None:
        """Return when the last run began that could look at a hop of an instrument that is declared no more."""
        asked = sa.select(sa.func.max(runs.c.started_utc)).where(
            hop_runs.c.run_id == runs.c.id,
            hop_runs.c.instrument == instrument,
            hop_runs.c.hop.not_in(declared),
            _COULD_LOOK,
        )
        with self._store.read() as connection:
            return connection.execute(asked).scalar()

    def last_destination(self, instrument: str, hop: str, before_run: int) -> tuple[str, str] | None:
        """Return address and root of a hop's destination when an earlier run last could look at it, if one could."""
        asked = sa.select(hop_runs.c.destination, hop_runs.c.destination_root).where(
            hop_runs.c.instrument == instrument,
            hop_runs.c.hop == hop,
            hop_runs.c.run_id < before_run,
            _COULD_LOOK,
        )
        with self._store.read() as connection:
            row = connection.execute(asked.order_by(hop_runs.c.run_id.desc()).limit(1)).first()
        return None if row is None else (row.destination, row.destination_root)

    def record_moved(
        self, run: int, instrument: str, hop: str, files: Sequence[MovedFile], at_utc: dt.datetime
    ) -> None:
        """Note the files that arrived; a path noted before is noted anew. Of one transaction, all or none."""
        if not files:
            return
        with self._store.write() as connection:
            hop_id = hop_id_of(connection, instrument, hop)
            values = {"hop_id": hop_id, "run_id": run, "at_utc": at_utc}
            batch = insert_one(connection, batches, values)
            rows = ((hop_id, file.path, file.size_bytes, file.mtime_s, file.sha256, batch) for file in files)
            Insertion(connection.dialect, moved, _MOVED_COLUMNS, ()).insert(connection, rows)

    def moved_files(self, instrument: str, hop: str, below: bytes = b"") -> Iterator[MovedFile]:
        """Yield the files that were moved over a hop, ascending by path; memory does not grow with them.

        Parameters
        ----------
        below : bytes
            Only what lies below this folder, such as ``2016/0907``; empty: all.
        """
        asked = _MOVED.where(hops.c.instrument == instrument, hops.c.hop == hop)
        if below:
            prefix = below.rstrip(b"/") + b"/"
            asked = asked.where(moved.c.path >= prefix, moved.c.path < prefix[:-1] + b"0")  # "0" follows "/"
        last = b""
        while True:
            rows = self._page(asked.where(moved.c.path > last))
            yield from (_moved(row) for row in rows)
            if len(rows) < _BATCH:
                return
            last = rows[-1].path

    def record_waiting(self, instrument: str, hop: str, paths: Iterable[bytes], at_utc: dt.datetime) -> None:
        """Note which files of a hop are in progress now; of one that was before, since when is kept.

        What is no longer among them is forgotten.
        """
        now = set(paths)
        with self._store.write() as connection:
            hop_id = hop_id_of(connection, instrument, hop)
            known = set(connection.execute(sa.select(waiting.c.path).where(waiting.c.hop_id == hop_id)).scalars())
            for path in known - now:
                connection.execute(waiting.delete().where(waiting.c.hop_id == hop_id, waiting.c.path == path))
            new = [{"hop_id": hop_id, "path": path, "since_utc": at_utc} for path in sorted(now - known)]
            insert(connection, waiting, new)

    def waiting_since(self, instrument: str, hop: str) -> dict[bytes, float]:
        """Return since when (Unix seconds) each file that the last run found in progress has been so."""
        asked = sa.select(waiting).join(hops).where(hops.c.instrument == instrument, hops.c.hop == hop)
        with self._store.read() as connection:
            return {row.path: row.since_utc.timestamp() for row in connection.execute(asked)}

    def _page(self, asked: sa.Select[tuple[object, ...]]) -> Sequence[Row[tuple[object, ...]]]:
        with self._store.read() as connection:  # page by page: a reader that dawdles must not hold a snapshot open
            return connection.execute(asked.order_by(moved.c.path).limit(_BATCH)).all()


def hop_id_of(connection: Connection, instrument: str, hop: str) -> int:
    """Return the number that stands for a hop in the rows of its files, giving it one where it has none."""
    asked = sa.select(hops.c.id).where(hops.c.instrument == instrument, hops.c.hop == hop)
    found = connection.execute(asked).scalar()
    if found is not None:
        return int(found)
    return insert_one(connection, hops, {"instrument": instrument, "hop": hop})


def _read_runs(connection: Connection, asked: sa.Select[tuple[object, ...]]) -> tuple[Run, ...]:
    rows = connection.execute(asked).all()
    names: dict[int, list[str]] = {row.id: [] for row in rows}
    of_runs = sa.select(run_instruments).where(run_instruments.c.run_id.in_(names))
    for row in connection.execute(of_runs.order_by(run_instruments.c.instrument)):
        names[row.run_id].append(row.instrument)
    return tuple(
        Run(
            id=row.id,
            kind=row.kind,
            instruments=tuple(names[row.id]),
            started_utc=row.started_utc,
            finished_utc=row.finished_utc,
            state=None if row.state is None else State(row.state),
            host=row.host,
            pid=row.pid,
        )
        for row in rows
    )


def _hop(row: Row[tuple[object, ...]]) -> HopRecord:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(HopRecord)}
    return HopRecord(**{**values, "state": State(row.state)})


def _moved(row: Row[tuple[object, ...]]) -> MovedFile:
    return MovedFile(row.path, row.size_bytes, row.mtime_s, row.sha256, row.at_utc)
