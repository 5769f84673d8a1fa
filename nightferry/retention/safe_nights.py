"""Hashing the nights asked for on every copy of a chain, and saying which of them are safe.

Reading one copy is evidence.py's, judging safe.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from catalogue.evidence_records import SafeState
from nightferry.expectations import is_origin
from nightferry.reporting.archive_log import safe_on
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
        name = instrument.instrument
        for chain in chains(instrument):
            reads = [
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
    sentences = [f"{what}, {night_text(night)}: not safe: {safe.reason}" for night, safe in sorted(bad.items())]
    states = {SafeState.UNSAFE: State.DIFFERENT, SafeState.UNKNOWN: State.UNKNOWN}
    found = worst([State.OK, *(states[safe.state] for safe in bad.values()), *([State.UNKNOWN] if read.unread else [])])
    return SafeRead(instrument.instrument, read.place.name, found, tuple(sentences), read.files)


def _excuse(workplace: Workplace, instrument: Instrument, place: Place) -> str | None:
    """Return why it is no alarm that a copy could not be read."""
    if place.declared.removable:
        return f"the removable drive {place.name} is not there"
    return away_now(workplace, instrument) if is_origin(instrument, place) else None
