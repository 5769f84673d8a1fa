"""The ledger's pages on nights: what each hop showed of each night, and which are not whole yet.

Whether a night is proven the verifier says, and whether one is accepted a person; here it is remembered.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from catalogue.book import Book
from catalogue.decisions import acceptances_of
from catalogue.records import Acceptance, HopNight, NightRecord, NightState, NightStatus, StepCount, StepResult
from catalogue.store import rows_of_nights, upsert
from catalogue.tables import nights, runs, steps

_NOTHING: Mapping[str, Any] = {
    "state": NightState.OPEN.value,
    "source_files": 0,
    "freed_files": 0,
    "open_files": 0,
    "first_seen_utc": None,
    "proven_utc": None,
    "level": None,
    "moved_files": 0,
    "moved_bytes": 0,
    "moved_utc": None,
}
"""A night of which nothing is known yet."""
_OF_A_NIGHT = tuple(field.name for field in dataclasses.fields(HopNight))


class NightBook(Book):
    """Nights on hops, and the table that `status` shows of them."""

    def record_nights(
        self,
        run: int,
        instrument: str,
        hop: str,
        records: Mapping[dt.date, NightRecord],
        at_utc: dt.datetime,
        *,
        onward: Collection[str] = (),
        as_known: Mapping[dt.date, HopNight] | None = None,
    ) -> None:
        """Note what a run learned of some nights of a hop; see `NightRecord` for what stays as it was.

        Parameters
        ----------
        onward : collection of str
            The hops that leave the destination. A night of which it holds more than it did is open again there,
            whoever brought it: we, a run that was killed before it could say so, or somebody else.
        as_known : mapping of night to HopNight, optional
            What was known when the run began to look. Of a night of which others noted something since nothing is
            called proven and no count is taken back: what was looked at is not what they saw.
        """
        with self._store.write() as connection:
            known = _known(connection, instrument, hop, records)
            if as_known is not None:
                records = {night: _in_doubt(night, one, known, as_known) for night, one in records.items()}
            told = {"instrument": instrument, "hop": hop, "run_id": run}
            learned = [
                {**told, "night": night, **_learned(known.get(night, _NOTHING), record, at_utc)}
                for night, record in sorted(records.items())
            ]
            for names in {tuple(sorted(values)) for values in learned}:
                rows = [values for values in learned if tuple(sorted(values)) == names]
                upsert(connection, nights, rows)
            came = [night for night, one in records.items() if _has_come(known.get(night, _NOTHING), one)]
            _reopen_onward(connection, instrument, onward, came)

    def outstanding(self, instrument: str, hop: str, before: dt.date, today: dt.date) -> tuple[dt.date, ...]:
        """Return the nights before a day that were once seen and are neither proven nor accepted, ascending.

        With the last N nights they make the window: nothing turns green by growing old. The earliest date of all
        stands for trees without nights, which belong to every window by themselves.

        Parameters
        ----------
        before : date
            The first night of the window proper.
        today : date
            An acceptance holds through its last day; what nobody accepts any more is open again.
        """
        asked = sa.select(nights.c.night, nights.c.state).where(
            nights.c.instrument == instrument,
            nights.c.hop == hop,
            nights.c.night < before,
            nights.c.night > dt.date.min,
            nights.c.first_seen_utc.is_not(None),
            nights.c.state != NightState.PROVEN.value,
        )
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(nights.c.night)).all()
            accepted = acceptances_of(connection, instrument, today) if rows else ()
        return tuple(row.night for row in rows if not _is_accepted(row.night, NightState(row.state), accepted))

    def left_behind(
        self, instrument: str, hop: str, declared: Collection[str], before: dt.date, today: dt.date
    ) -> tuple[dt.date, ...]:
        """Return the nights before a day that are outstanding on hops that are declared no more, ascending.

        A copy that was renamed, or put between two others, makes hops of other names: what was open on the old ones is
        open on those that came in their place, until it is proven there.

        Parameters
        ----------
        declared : collection of str
            Every hop that the instrument has today.
        before, today : date
            As for `outstanding`.
        """
        own = nights.alias()
        is_own = sa.and_(own.c.instrument == instrument, own.c.hop == hop, own.c.night == nights.c.night)
        asked = (
            sa.select(nights.c.night, nights.c.state, own.c.state.label("own"))
            .outerjoin(own, is_own)
            .where(
                nights.c.instrument == instrument,
                nights.c.hop.not_in(declared),
                nights.c.night < before,
                nights.c.night > dt.date.min,
                nights.c.first_seen_utc.is_not(None),
                nights.c.state != NightState.PROVEN.value,
                sa.func.coalesce(own.c.state, NightState.OPEN.value) != NightState.PROVEN.value,
            )
        )
        with self._store.read() as connection:
            rows = connection.execute(asked).all()
            accepted = acceptances_of(connection, instrument, today) if rows else ()
        left = {row.night for row in rows if not _is_accepted(row.night, NightState(row.own or row.state), accepted)}
        return tuple(sorted(left))

    def brought_late(
        self, instrument: str, hop: str, feeders: Collection[str], before: dt.date, today: dt.date
    ) -> tuple[dt.date, ...]:
        """Return the nights before a day that came to a hop's source after it looked at them last, ascending.

        An instrument that was cut off for longer than the window brings nights that the next hop would never
        look at. What lay there before the run that first used the hop is not meant: that is for a person to ask for.

        Parameters
        ----------
        feeders : collection of str
            The hops that fill the source.
        before, today : date
            As for `outstanding`.
        """
        own = nights.alias()
        is_own = sa.and_(own.c.instrument == instrument, own.c.hop == hop)
        first_used = sa.select(sa.func.min(own.c.first_seen_utc)).where(is_own).scalar_subquery()
        is_before = sa.or_(first_used.is_(None), runs.c.started_utc <= first_used)  # never used: by the run under way
        began = sa.select(sa.func.max(runs.c.started_utc)).where(is_before).scalar_subquery()
        brought = sa.func.coalesce(nights.c.moved_utc, nights.c.first_seen_utc)
        asked = (
            sa.select(nights.c.night, sa.func.coalesce(own.c.state, NightState.OPEN.value).label("state"))
            .outerjoin(own, sa.and_(is_own, own.c.night == nights.c.night))
            .where(
                nights.c.instrument == instrument,
                nights.c.hop.in_(feeders),
                nights.c.night < before,
                nights.c.night > dt.date.min,
                brought > sa.func.coalesce(began, first_used),
                sa.or_(own.c.proven_utc.is_(None), own.c.proven_utc < brought),
            )
        )
        with self._store.read() as connection:
            late = {row.night: NightState(row.state) for row in connection.execute(asked)}
            accepted = acceptances_of(connection, instrument, today) if late else ()
        return tuple(night for night in sorted(late) if not _is_accepted(night, late[night], accepted))

    def proven_before(
        self, instrument: str, ending: str, declared: Collection[str], wanted: Collection[dt.date]
    ) -> dict[dt.date, tuple[str, int]]:
        """Return hop and files of some nights that were proven over hops of some ending that are declared no more.

        Where several hops led there, that which brought most.
        """
        asked = sa.select(nights).where(
            nights.c.instrument == instrument,
            nights.c.hop.not_in(declared),
            nights.c.hop.endswith(ending, autoescape=True),
            nights.c.state == NightState.PROVEN.value,
        )
        with self._store.read() as connection:
            rows = [row._asdict() for row in connection.execute(asked) if row.night in wanted]
        return {row["night"]: (row["hop"], _expected(row)) for row in sorted(rows, key=_expected) if _expected(row)}

    def last_counts(self, instrument: str, hop: str, wanted: Iterable[dt.date]) -> dict[dt.date, int]:
        """Return how many source files the last run saw in some nights, less what was freed since.

        A night that no run ever saw is not in the answer.
        """
        with self._store.read() as connection:
            rows = _known(connection, instrument, hop, frozenset(wanted))
        return {night: _expected(row) for night, row in sorted(rows.items())}

    def expect_fewer_files(self, instrument: str, hop: str, night: dt.date, count: int) -> None:
        """Note that so many files of a night were taken from a hop's source on purpose: they are no loss of it."""
        with self._store.write() as connection:
            expect_fewer(connection, instrument, hop, {night: count})

    def hop_nights(self, instrument: str, hop: str, wanted: Collection[dt.date] | None = None) -> tuple[HopNight, ...]:
        """Return everything that is known of the nights of a hop, or of some of them, ascending."""
        asked = sa.select(nights).where(nights.c.instrument == instrument, nights.c.hop == hop)
        with self._store.read() as connection:
            if wanted is not None:
                found = _known(connection, instrument, hop, wanted)
                return tuple(_hop_night(found[night]) for night in sorted(found))
            return tuple(_hop_night(row._asdict()) for row in connection.execute(asked.order_by(nights.c.night)))

    def largest_night_bytes(self, instrument: str, hop: str) -> int:
        """Return how many bytes were moved over a hop of the night of which most were; 0 where none was."""
        of_hop = sa.and_(nights.c.instrument == instrument, nights.c.hop == hop)
        with self._store.read() as connection:
            return connection.execute(sa.select(sa.func.max(nights.c.moved_bytes)).where(of_hop)).scalar() or 0

    def was_seen(self, instrument: str, sources: Collection[str], destinations: Collection[str]) -> bool:
        """Say whether files were ever seen at a place, by the hops that it is the source or the destination of.

        On a source a night was seen; to a destination something was moved, or a night was proven there.
        """
        arrived = sa.or_(nights.c.moved_utc.is_not(None), nights.c.proven_utc.is_not(None))
        asked = sa.select(nights.c.night).where(
            nights.c.instrument == instrument,
            nights.c.first_seen_utc.is_not(None),
            sa.or_(nights.c.hop.in_(sources), sa.and_(nights.c.hop.in_(destinations), arrived)),
        )
        with self._store.read() as connection:
            return connection.execute(asked.limit(1)).first() is not None

    def reopen(self, instrument: str, hop_keys: Collection[str]) -> None:
        """Call every night of some hops open: what was proven or accepted there was so of another disk.

        How many files each night had stays known, so that a source that lost them meanwhile is noticed.
        """
        of_hops = nights.update().where(nights.c.instrument == instrument, nights.c.hop.in_(hop_keys))
        with self._store.write() as connection:
            connection.execute(of_hops.values(state=NightState.OPEN.value, proven_utc=None, level=None))

    def status(
        self, instrument: str, wanted: Collection[dt.date] | None = None, today: dt.date | None = None
    ) -> list[NightStatus]:
        """Return one row per night of an instrument, the newest first.

        Parameters
        ----------
        wanted : collection of date, optional
            Only these; one of which nothing is known gives an empty row. None: every night that is known.
        today : date, optional
            What was accepted and nobody stands for on this day is open again. None: on any day.
        """
        of_hops = sa.select(nights).where(nights.c.instrument == instrument, nights.c.night > dt.date.min)
        with self._store.read() as connection:
            over = rows_of_nights(connection, of_hops.order_by(nights.c.night, nights.c.hop), nights.c.night, wanted)
            made = rows_of_nights(connection, _step_counts(instrument), steps.c.night, wanted)
            accepted = acceptances_of(connection, instrument, today)
        hops, steps_of = defaultdict[dt.date, list[HopNight]](list), defaultdict[dt.date, list[StepCount]](list)
        for row in over:
            hops[row.night].append(_stood_for(_hop_night(row._asdict()), accepted))
        for row in made:
            steps_of[row.night].append(_step_count(row))
        nights_told = hops.keys() | steps_of.keys() if wanted is None else set(wanted)
        return [
            NightStatus(night, tuple(hops.get(night, ())), tuple(steps_of.get(night, ())))
            for night in sorted(nights_told, reverse=True)
        ]


def expect_fewer(connection: Connection, instrument: str, hop: str, freed: Mapping[dt.date, int]) -> None:
    """Expect so many files fewer on a hop's source, within a transaction; a negative number is files put back.

    A night that was counted anew since has them in its count already, or will have them in the next.
    """
    for night, count in sorted(freed.items()):
        fewer = nights.c.freed_files + count
        connection.execute(
            nights.update()
            .where(nights.c.instrument == instrument, nights.c.hop == hop, nights.c.night == night)
            .values(freed_files=sa.case((fewer > 0, fewer), else_=0))
        )


def _known(
    connection: Connection, instrument: str, hop: str, wanted: Collection[dt.date]
) -> dict[dt.date, Mapping[str, Any]]:
    """Return the rows of some nights, and read no others: a window and a tree without nights are centuries apart."""
    asked = sa.select(nights).where(nights.c.instrument == instrument, nights.c.hop == hop)
    return {row.night: row._asdict() for row in rows_of_nights(connection, asked, nights.c.night, wanted)}


def _learned(known: Mapping[str, Any], record: NightRecord, at_utc: dt.datetime) -> dict[str, Any]:
    """Return a night's columns after a run; pure."""
    values = {name: known[name] for name in _NOTHING}
    if record.source_files is not None:
        values |= {"source_files": record.source_files, "freed_files": 0}
    if record.open_files is not None:
        values["open_files"] = record.open_files
    if values["first_seen_utc"] is None and (record.source_files or record.moved_files or record.open_files):
        values["first_seen_utc"] = at_utc
    if record.moved_files:
        values["moved_files"] += record.moved_files
        values["moved_bytes"] += record.moved_bytes
        values["moved_utc"] = at_utc
    values["state"] = _next_state(NightState(known["state"]), record).value
    if record.state is NightState.PROVEN:
        values |= {"proven_utc": at_utc, "level": record.level}
    return values


def _in_doubt(
    night: dt.date,
    record: NightRecord,
    known: Mapping[dt.date, Mapping[str, Any]],
    as_known: Mapping[dt.date, HopNight],
) -> NightRecord:
    """Return what a look still says of a night where others noted something while it went on: only what is open."""
    now = _hop_night(known[night]) if night in known else None
    if now == as_known.get(night):
        return record
    return dataclasses.replace(record, source_files=None, open_files=record.open_files or None, state=None, level=None)


def _has_come(known: Mapping[str, Any], record: NightRecord) -> bool:
    """Say whether a hop's destination holds more of a night than was known; pure."""
    files = _expected(known) if record.source_files is None else record.source_files
    still_open = known["open_files"] if record.open_files is None else record.open_files
    return bool(record.moved_files) or files - still_open > _expected(known) - int(known["open_files"])


def _reopen_onward(connection: Connection, instrument: str, keys: Collection[str], came: Collection[dt.date]) -> None:
    rows = [{"onward": key, "came": night} for key in keys for night in sorted(came)]
    if rows:
        of_night = nights.update().where(
            nights.c.instrument == instrument,
            nights.c.hop == sa.bindparam("onward"),
            nights.c.night == sa.bindparam("came"),
        )
        connection.execute(of_night.values(state=NightState.OPEN.value), rows)


def _next_state(known: NightState, record: NightRecord) -> NightState:
    if record.state is not None:
        return record.state
    if record.moved_files or record.open_files:
        return NightState.OPEN
    return known


def _is_accepted(night: dt.date, state: NightState, accepted: Iterable[Acceptance]) -> bool:
    """Say whether somebody still stands for a night: for all of it, or for the part that once made it accepted."""
    of_night = [one for one in accepted if one.night == night]
    return any(one.is_whole_night for one in of_night) or (state is NightState.ACCEPTED and bool(of_night))


def _stood_for(hop: HopNight, accepted: Iterable[Acceptance]) -> HopNight:
    """Return a night as open that was accepted, and is not any more."""
    if hop.state is not NightState.ACCEPTED or _is_accepted(hop.night, hop.state, accepted):
        return hop
    return dataclasses.replace(hop, state=NightState.OPEN)


def _expected(row: Mapping[str, Any]) -> int:
    return max(0, int(row["source_files"]) - int(row["freed_files"]))


def _hop_night(row: Mapping[str, Any]) -> HopNight:
    values = {name: row[name] for name in _OF_A_NIGHT} | {"state": NightState(row["state"])}
    return HopNight(**values | {"source_files": _expected(row)})


def _step_counts(instrument: str) -> sa.Select[tuple[Any, ...]]:
    done = sa.func.sum(sa.case((steps.c.result == StepResult.DONE.value, 1), else_=0))
    by = (steps.c.night, steps.c.step, steps.c.copy)
    counts = sa.select(
        *by, done.label("done"), sa.func.count().label("all"), sa.func.max(steps.c.at_utc).label("at_utc")
    )
    return counts.where(steps.c.instrument == instrument).group_by(*by).order_by(*by)


def _step_count(row: Row[tuple[Any, ...]]) -> StepCount:
    values = row._mapping
    return StepCount(
        values["step"], values["copy"], int(values["done"]), int(values["all"]) - int(values["done"]), values["at_utc"]
    )
