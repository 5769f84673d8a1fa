"""Hashing the nights asked for on every copy of a chain, and saying which of them are safe.

Reading one copy is evidence.py's, judging safe.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from catalogue.evidence_records import SafeState
from nightferry.expectations import is_origin
from nightferry.reporting.archive_log import SAFE, TRANSFERRED, safe_on
from nightferry.retention.evidence import PlaceRead, chains, judge_nights, read_place
from nightferry.selection import Asked, away_now, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.nights import night_text
from observatory.spec.chain import Place
from observatory.spec.models import Instrument
from observatory.truth import State, worst


@dataclass(frozen=True, slots=True)
class SafeRead:
    """What became of one copy: how many files were hashed, a sentence for whatever is not safe or could not be read."""

    instrument: str
    copy: str
    state: State
    sentences: tuple[str, ...] = ()
    files: int = 0


def read_nights(
    workplace: Workplace, asked: Asked, progress: Callable[[str, int], None] = lambda what, files: None
) -> Iterator[SafeRead]:
    """Hash the nights asked for on every copy, one after the other along the chains, and judge them.

    The order matters: what is read first is what every later copy is held against.
    """
    for instrument in instruments_asked(workplace, asked):
        nights = nights_asked(workplace, asked, instrument)
        name, reads = instrument.instrument, list[PlaceRead]()
        for chain in chains(instrument):
            reads += [
                read_place(workplace, instrument, place, nights, partial(progress, f"{name} {place.name}"))
                for place in chain
            ]
            judge_nights(workplace, instrument, chain, nights)
        yield from (_told(workplace, instrument, read, nights) for read in reads)


def _told(workplace: Workplace, instrument: Instrument, read: PlaceRead, nights: Sequence[dt.date]) -> SafeRead:
    what = f"{instrument.instrument} on {read.place.name}"
    if read.reason is not None:
        excuse = _excuse(workplace, instrument, read.place) if read.is_away else None
        state = State.UNKNOWN if excuse is None else State.AWAY
        return SafeRead(instrument.instrument, read.place.name, state, (f"{what}: {excuse or read.reason}",))
    judged = safe_on(workplace, instrument, read.place, nights)
    bad = {night: safe for night, safe in judged.items() if safe.state is not SafeState.SAFE}
    lost = _lost(workplace, instrument, read.place, nights)
    reasons = {**{night: safe.reason for night, safe in bad.items()}, **lost}
    sentences = [f"{what}, {night_text(night)}: not safe: {reason}" for night, reason in sorted(reasons.items())]
    states = {SafeState.UNSAFE: State.DIFFERENT, SafeState.UNKNOWN: State.UNKNOWN}
    unread = [State.UNKNOWN] if read.unread else []
    found = worst([State.OK, *(states[safe.state] for safe in bad.values()), *(State.DIFFERENT for _ in lost), *unread])
    return SafeRead(instrument.instrument, read.place.name, found, tuple(sentences), read.files)


def _lost(
    workplace: Workplace, instrument: Instrument, place: Place, nights: Collection[dt.date]
) -> dict[dt.date, str]:
    """Return why nights of which a copy never showed a file are not safe there: where another log has them there.

    Such a log knows of no variants: what is there of any is there, and it is said of the first.
    """
    first, *others = chains(instrument)
    if place not in first:
        return {}
    alike = [place, *(one for chain in others for one in chain if one.name == place.name)]
    seen = {night for one in alike for night in safe_on(workplace, instrument, one, nights)}
    return {
        claim.night: f"{claim.source} has it there, and not one file of it is"
        for claim in workplace.ledger.claims(instrument.instrument)
        if claim.holds and claim.copy == place.name and claim.what in (TRANSFERRED, SAFE)
        if claim.night in nights and claim.night not in seen
    }


def _excuse(workplace: Workplace, instrument: Instrument, place: Place) -> str | None:
    """Return why it is no alarm that a copy could not be read."""
    if place.declared.removable:
        return f"the removable drive {place.name} is not there"
    return away_now(workplace, instrument) if is_origin(instrument, place) else None
