"""What the ledger knows of the nights, as rows: moved, processed, proven, and on how many of the copies.

From our own records alone; whether they are still true is what `verify` says.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalogue.evidence_records import SafeNight, SafeState
from catalogue.records import HopNight, NightState, NightStatus
from nightferry.expectations import is_origin
from nightferry.reporting import AHEAD
from nightferry.reporting.archive_log import Processed, processed_on, safe_on, still_safe
from nightferry.reporting.still_to_come import hops_above, reopened, still_to_come
from nightferry.retention.evidence import chains
from nightferry.schedule import JOBS
from nightferry.selection import Asked, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.nights import night_text
from observatory.spec.chain import Place, hops
from observatory.spec.models import Instrument

_LOOKS = ("run", "sync", "verify")


def _instant(instant: dt.datetime | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class SafeCopy:
    """What hashes showed of a night on one copy beyond the first.

    `is_safe`: and nothing speaks against it since.
    """

    copy: str
    night: SafeNight
    is_safe: bool

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        state = self.night.state.value
        return {
            "copy": self.copy,
            "is_safe": self.is_safe,
            "state": state,
            "files": self.night.files,
            "hashed_utc": _instant(self.night.at_utc),
            "reason": self.night.reason,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One night of one instrument.

    `files` are those where they are born, as last seen, and `moved` those that we moved from there, of every camera's
    computer; or where steps add to a night on its way, the most that any copy holds. `is_processed`: through all steps
    that are declared; None where none are.
    """

    instrument: str
    declared_copies: int
    night: NightStatus
    proven_copies: int = 0
    files: int = 0
    moved: int = 0
    safe: tuple[SafeCopy, ...] = ()
    is_processed: bool | None = None

    @property
    def proven(self) -> str:
        """``1/2`` where one of two declared copies is proven."""
        return f"{self.proven_copies}/{self.declared_copies}"

    @property
    def is_accepted(self) -> bool:
        """Whether a person has accepted what is open."""
        return any(hop.state is NightState.ACCEPTED for hop in self.night.hops)

    @property
    def is_whole(self) -> bool:
        """Whether it is proven on all declared copies, or a person has accepted what is open."""
        hops = self.night.hops
        is_looked_at = len(hops) >= self.declared_copies and not any(hop.state is NightState.OPEN for hop in hops)
        return self.proven_copies >= self.declared_copies or (self.is_accepted and is_looked_at)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be done with it: whole, and through the steps that it began."""
        is_begun = bool(self.night.steps) and self.is_processed is False
        return self.is_whole and not is_begun and not any(step.not_done for step in self.night.steps)

    def last_moved(self) -> dt.datetime | None:
        """Return when something of this night was moved last."""
        return max((hop.moved_utc for hop in self.night.hops if hop.moved_utc), default=None)

    def last_proven(self) -> dt.datetime | None:
        """Return when that of the proven copies was last proven which was looked at longest ago.

        The newest of their times would call a copy proven this morning whose host has been off for weeks. One that is
        open again has no such time.
        """
        proven = (hop.proven_utc for hop in self.night.hops if hop.state is NightState.PROVEN)
        return min((at_utc for at_utc in proven if at_utc), default=None)

    @property
    def processed(self) -> str:
        """``12/12 fpack``; of several steps those that are not complete, else how many; empty where none ever ran.

        ``so far`` where that is not all: steps that nobody took yet, or files that came after them.
        """
        steps = self.night.steps
        is_done = not any(step.not_done for step in steps)
        end = " so far" if steps and is_done and self.is_processed is False else ""
        if len(steps) > 1 and is_done:
            return f"{len(steps)} steps{end}" if end else f"all {len(steps)} steps"
        told = [step for step in steps if step.not_done] or steps
        return ", ".join(f"{step.done}/{step.done + step.not_done} {step.step}" for step in told) + end

    def document(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return {
            "instrument": self.instrument,
            "night": night_text(self.night.night),
            "files": self.files,
            "proven_copies": self.proven_copies,
            "declared_copies": self.declared_copies,
            "processed": self.is_processed,
            "safe": [copy.document() for copy in self.safe],
            "hops": [_hop_document(hop) for hop in self.night.hops],
            "steps": [
                {"step": step.step, "done": step.done, "not_done": step.not_done, "at_utc": _instant(step.at_utc)}
                for step in self.night.steps
            ],
        }


def _hop_document(hop: HopNight) -> dict[str, Any]:
    return {
        "hop": hop.hop,
        "state": hop.state.value,
        "source_files": hop.source_files,
        "open_files": hop.open_files,
        "transferred_files": hop.moved_files,
        "transferred_bytes": hop.moved_bytes,
        "transferred_utc": _instant(hop.moved_utc),
        "proven_utc": _instant(hop.proven_utc),
        "level": hop.level,
        "first_seen_utc": _instant(hop.first_seen_utc),
    }


@dataclass(frozen=True, slots=True)
class LastRun:
    """When a run finished last."""

    finished_utc: dt.datetime | None

    @property
    def text(self) -> str | None:
        """The instant as text."""
        return _instant(self.finished_utc)

    def is_older(self, span: dt.timedelta, now: dt.datetime) -> bool:
        """Say whether no run is known to have finished within a span of time before now.

        One that is said to have finished later than now was noted by a clock that was wrong: of it nothing is known.
        """
        if self.finished_utc is None or self.finished_utc > now + AHEAD:
            return True
        return now - self.finished_utc > span


def site_status(workplace: Workplace) -> LastRun:
    """Return when any run finished last."""
    return _last_run(workplace, None)


def not_run(workplace: Workplace, asked: Asked, span: dt.timedelta) -> list[tuple[str, LastRun]]:
    """Return the instruments asked for of which no run finished within a span of time, each with its last."""
    found = ((one.instrument, _last_of(workplace, one)) for one in instruments_asked(workplace, asked))
    return [(name, last) for name, last in found if last.is_older(span, workplace.now())]


def _last_of(workplace: Workplace, instrument: Instrument) -> LastRun:
    return _last_run(workplace, instrument.instrument)


def _last_run(workplace: Workplace, instrument: str | None) -> LastRun:
    """Return the last run up to now; one of the future only where there is no other, so that it is seen and named."""
    ledger = workplace.ledger
    until = workplace.now() + AHEAD
    kinds = _watched_kinds(workplace)
    past = [run for kind in kinds if (run := ledger.last_finished(kind, instrument, until)) is not None]
    ahead = [run for kind in kinds if (run := ledger.last_finished(kind, instrument)) is not None]
    return LastRun(max((run.finished_utc for run in past or ahead if run.finished_utc), default=None))


def _watched_kinds(workplace: Workplace) -> tuple[str, ...]:
    """Return the jobs that look at both ends of hops; where the schedule has none of them, those that it has.

    A conversion every ten minutes would else hide that no night arrives any more.
    """
    scheduled = tuple(job for job in JOBS if getattr(workplace.specification.site.schedule, job) is not None)
    return _LOOKS if not scheduled or set(scheduled) & set(_LOOKS) else scheduled


def rows(workplace: Workplace, asked: Asked) -> Iterator[Row]:
    """Yield a row per night, instruments by name, the newest night first; one instrument's are held at a time."""
    for instrument in instruments_asked(workplace, asked):
        yield from _rows_of(workplace, asked, instrument)


def without_settled(workplace: Workplace, table: Iterable[Row], older: Counter[str]) -> Iterator[Row]:
    """Yield the rows of the window, and older ones of which something is open; count the others by instrument."""
    first = {name: nights_asked(workplace, Asked(), one)[0] for name, one in workplace.instruments.items()}
    for row in table:
        if row.night.night >= first[row.instrument] or not row.is_settled:
            yield row
        else:
            older[row.instrument] += 1


def _rows_of(workplace: Workplace, asked: Asked, instrument: Instrument) -> Iterator[Row]:
    wanted = nights_asked(workplace, asked, instrument) if asked.dates or asked.nights is not None else None
    declared, through = Declared(instrument), [list(processed_on(workplace, instrument, c)) for c in chains(instrument)]
    known = [(one, safe_on(workplace, instrument, one, wanted)) for chain in chains(instrument) for one in chain[1:]]
    today = workplace.present_night(instrument)
    for night in workplace.ledger.status(instrument.instrument, wanted, today):
        if wanted is not None or night.hops or night.steps:
            safe = [(place, nights[night.night]) for place, nights in known if night.night in nights]
            yield replace(declared.row(night, safe), is_processed=_is_through(through, night.night))


def _is_through(through: Sequence[Sequence[Processed]], night: dt.date) -> bool | None:
    """Say whether a night is through all steps of every copy of some variant; None where there are no steps."""
    declared = [copies for copies in through if copies]
    if not declared:
        return None
    return any(all(night in known and known[night][0] >= wanted for wanted, known in copies) for copies in declared)


class Declared:
    """An instrument's chains as its rows need them: worked out once, for ten years are 3,650 rows of each instrument.

    Parameters
    ----------
    instrument : Instrument
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument.instrument
        self._hops = hops(instrument)
        self._births = {hop.source: is_origin(instrument, hop.source) for hop in self._hops}
        self._above = hops_above(self._hops)
        self._into: dict[Place, set[str]] = {}
        for hop in self._hops:
            self._into.setdefault(hop.destination, set()).add(hop.key)

    def row(self, night: NightStatus, safe: Sequence[tuple[Place, SafeNight]] = ()) -> Row:
        """Return the row of a night; copies are counted, not hops.

        A copy filled from two sources is proven where both hops are, and none is whose bytes are known to be others, or
        whose source is still to be brought some. A variant of which the night shows nothing declares no copies: the
        instrument was elsewhere.
        """
        waiting = still_to_come(self._above, night.hops)
        night = reopened(night, waiting)
        seen, proven = {hop.hop for hop in night.hops}, set(night.proven_hops)
        copies = self._copies(seen)
        shown = tuple(self._safe_copy(night, waiting, *one) for one in safe)
        unsafe = {copy.copy for copy in shown if copy.night.state is SafeState.UNSAFE}
        whole = [name for (_, name), keys in copies.items() if keys & proven and keys & seen <= proven]
        return Row(
            self._instrument,
            len(copies),
            night,
            sum(name not in unsafe for name in whole),
            self._from_birth({hop.hop: hop.source_files for hop in night.hops}),
            self._from_birth({hop.hop: hop.moved_files for hop in night.hops}),
            shown,
        )

    def _copies(self, seen: Collection[str]) -> dict[tuple[str, str], set[str]]:
        """Return the keys of the hops into each copy of the variants that a night shows, else of the first variant."""
        variants = {hop.variant for hop in self._hops if hop.key in seen} or {hop.variant for hop in self._hops[:1]}
        copies: dict[tuple[str, str], set[str]] = {}
        for hop in self._hops:
            if hop.variant in variants:
                copies.setdefault((hop.variant, hop.destination.name), set()).add(hop.key)
        return copies

    def _safe_copy(self, night: NightStatus, waiting: Collection[str], place: Place, safe: SafeNight) -> SafeCopy:
        keys = self._into.get(place, set())
        into = [hop for hop in night.hops if hop.hop in keys]
        return SafeCopy(place.name, safe, still_safe(safe, into) and keys.isdisjoint(waiting))

    def _from_birth(self, counts: Mapping[str, int]) -> int:
        """Return a night's number of files from those of its hops: of all places of birth, over all variants, together.

        Of a hop that bears another name now its own number is all there is.
        """
        leaving: dict[str, dict[Place, int]] = {}
        for hop in self._hops:
            places = leaving.setdefault(hop.variant, {})
            places[hop.source] = max(places.get(hop.source, 0), counts.get(hop.key, 0))
        total = 0
        for places in leaving.values():
            born = sum(files for place, files in places.items() if self._births[place])
            total += max(born, *places.values())
        return max(total, *counts.values(), 0)


HEADINGS = ("instrument", "night", "files", "moved", "moved (UTC)", "processed", "proven", "proven (UTC)", "safe")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells under `HEADINGS`; ``-`` where nothing is known, which is not the same as none."""
    is_known = bool(row.night.hops)
    return (
        row.instrument,
        night_text(row.night.night),
        str(row.files) if is_known else "-",
        str(row.moved) if is_known else "-",
        _short(row.last_moved()),
        row.processed or "-",
        row.proven + (" accepted" if row.is_accepted else "") if is_known else "-",
        _short(row.last_proven()),
        f"{sum(copy.is_safe for copy in row.safe)}/{row.declared_copies}" if row.safe else "-",
    )


def _short(instant: dt.datetime | None) -> str:
    return "-" if instant is None else instant.strftime("%Y-%m-%d %H:%M")


def lines(table: Iterable[Row], below: Iterable[str]) -> Iterator[str]:
    """Yield aligned plain lines, and what stands below the nights."""
    texts = [HEADINGS, *map(cells, table)]  # of the rows themselves none is kept
    widths = [max(len(text[column]) for text in texts) for column in range(len(HEADINGS))]
    for text in texts:
        yield "  ".join(cell.ljust(width) for cell, width in zip(text, widths, strict=True)).rstrip()
    yield from below


def ending(last: LastRun, older: Mapping[str, int], unknown: Sequence[str] = ()) -> Iterator[str]:
    """Yield what stands below the nights: how many are left out, of which instruments there is none, the last run."""
    if unknown:
        yield f"no night is known yet of {', '.join(unknown)}"
    if older:
        counts = ", ".join(f"{counted(count, 'night')} of {name}" for name, count in sorted(older.items()))
        yield f"older, and proven or accepted: {counts}; `nightferry status --all` shows them"
    yield f"last run finished: {last.text or 'never'}"
