"""What was asked for: instruments, hops and nights, from ``-i``, ``-d``, ``-n`` and ``--hop``.

One definition of the window for sync, verify and convert alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from nightferry.neighbours import with_neighbours
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.listing import NEAR, HopScope, hop_scope
from observatory.nights import parse_nights, window, window_of
from observatory.spec.chain import Hop, hops
from observatory.spec.fields import meant
from observatory.spec.models import Instrument
from verifier.accepted import Acceptance


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line named; empty means everything, and the window.

    Attributes
    ----------
    instruments : tuple of str
    dates : tuple of str
        As written: nights, words and ranges.
    nights : int or None
        Nights back from the present one.
    hops : tuple of str
        ``A:B`` by the names of the copies.
    """

    instruments: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    nights: int | None = None
    hops: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.dates and self.nights is not None:
            raise UsageError("-d names nights and -n counts them back from now: give one of the two")
        if self.nights is not None and self.nights < 1:
            raise UsageError(f"-n {self.nights}: a number of nights from 1 on")


def instruments_asked(workplace: Workplace, asked: Asked) -> tuple[Instrument, ...]:
    """Return the instruments asked for, by name.

    Raises
    ------
    UsageError
        One is not declared.
    """
    known = workplace.instruments
    for name in asked.instruments:
        if name not in known:
            raise UsageError(f"no instrument {name!r} is declared{meant(name, known)}")
    return tuple(known[name] for name in sorted(set(asked.instruments) or known))


def hops_asked(workplace: Workplace, asked: Asked) -> tuple[Hop, ...]:
    """Return the hops asked for: instruments by name, hops along their chains.

    Raises
    ------
    UsageError
        A hop that no asked instrument has.
    """
    found = [hop for instrument in instruments_asked(workplace, asked) for hop in hops(instrument)]
    names = {hop.name for hop in found}
    for name in asked.hops:
        if name not in names:
            raise UsageError(f"no hop {name!r}{meant(name, names)}")
    return tuple(hop for hop in found if not asked.hops or hop.name in asked.hops)


def syncable(workplace: Workplace, asked: Asked) -> list[Hop]:
    """Return the hops asked for that we fill ourselves."""
    return [hop for hop in hops_asked(workplace, asked) if hop.destination.declared.fill is None]


def level_of(hop: Hop, asked: str | None) -> str:
    """Return how deep a hop is looked at: as asked, else as its instrument says."""
    return asked or hop.instrument.verify.level


def as_verified(scope: HopScope, level: str | None) -> HopScope:
    """Return what a verify at this level asks: names alone where it is about existence."""
    return scope.names_only() if level_of(scope.hop, level) == "existence" else scope


def nights_asked(workplace: Workplace, asked: Asked, instrument: Instrument) -> tuple[dt.date, ...]:
    """Return the nights asked for without those that are still open from before."""
    present = workplace.present_night(instrument)
    if asked.dates:
        return parse_nights(asked.dates, present)
    if asked.nights is not None:
        return window(present, asked.nights)
    return window_of(instrument.window_nights, present)


def check_nights(workplace: Workplace, asked: Asked) -> None:
    """Refuse a night that is none before a run is begun: an exit status of 2 says that nothing was done.

    Raises
    ------
    UsageError
        What is asked for is no night, or is not declared.
    """
    for instrument in instruments_asked(workplace, asked):
        nights_asked(workplace, asked, instrument)


def are_to_come(workplace: Workplace, instrument: Instrument, nights: Collection[dt.date]) -> bool:
    """Say whether none of some nights has begun, by this machine's clock."""
    present = workplace.present_night(instrument)
    return bool(nights) and all(night > present for night in nights)


def scope_by_calendar(workplace: Workplace, asked: Asked, hop: Hop) -> HopScope:
    """Return what is to be asked of both ends of a hop by all that is known without the ledger."""
    return _scope_of(workplace, hop, nights_asked(workplace, asked, hop.instrument))


def _scope_of(workplace: Workplace, hop: Hop, nights: tuple[dt.date, ...]) -> HopScope:
    return with_neighbours(workplace, hop_scope(hop, nights, workplace.clock_of(hop.instrument)))


def scope_asked(workplace: Workplace, asked: Asked, hop: Hop) -> HopScope:
    """Return what to ask of both ends of a hop: the nights asked for, and without any the window.

    The window holds the last nights, every older one that was once seen and is neither proven nor accepted, on this hop
    or on one that was renamed since, the nights beside it where names tell nights, those that came to the hop's source
    when they were older, and where nobody could look for longer than the window is, every night since.
    """
    nights = nights_asked(workplace, asked, hop.instrument)
    if not asked.dates and asked.nights is None:
        found = (_outstanding, _left_behind, _brought_late)
        older = {night for of_kind in found for night in of_kind(workplace, hop, nights[0])}
        nights = tuple(sorted({*older, *_unseen(workplace, hop), *nights}))
    return _scope_of(workplace, hop, nights)


def _outstanding(workplace: Workplace, hop: Hop, before: dt.date) -> tuple[dt.date, ...]:
    present = workplace.present_night(hop.instrument)
    still_open = workplace.ledger.outstanding(hop.instrument.instrument, hop.key, before, present)
    return (*still_open, *_beside(workplace, hop, still_open))


def _beside(workplace: Workplace, hop: Hop, nights: Collection[dt.date]) -> Iterator[dt.date]:
    """Yield the nights known on either side of some where names tell nights.

    The rollover may have been changed since, or the zone: what an open night lacked is of the one beside it then, which
    was proven without it.
    """
    if nights and hop.instrument.night_in_name is not None:
        beside = {night + step for night in nights for step in (-NEAR, NEAR)}
        yield from (one.night for one in workplace.ledger.hop_nights(hop.instrument.instrument, hop.key, beside))


def _left_behind(workplace: Workplace, hop: Hop, before: dt.date) -> tuple[dt.date, ...]:
    name, present = hop.instrument.instrument, workplace.present_night(hop.instrument)
    return workplace.ledger.left_behind(name, hop.key, _declared(hop), before, present)


def _declared(hop: Hop) -> tuple[str, ...]:
    return tuple(one.key for one in hops(hop.instrument))


def _brought_late(workplace: Workplace, hop: Hop, before: dt.date) -> tuple[dt.date, ...]:
    feeders = [one.key for one in hops(hop.instrument) if one.destination == hop.source]
    if not feeders:
        return ()
    present = workplace.present_night(hop.instrument)
    return workplace.ledger.brought_late(hop.instrument.instrument, hop.key, feeders, before, present)


def is_whole_look(workplace: Workplace, hop: Hop, nights: Collection[dt.date]) -> bool:
    """Say whether some nights hold all that nobody could look at for too long: else a later look must still do so."""
    return not set(_unseen(workplace, hop)).difference(nights)


def _unseen(workplace: Workplace, hop: Hop) -> tuple[dt.date, ...]:
    """Return the nights before the window that were not over, or just over, when both ends were looked at last.

    Of a hop that bears a new name: when one was that the instrument has no more. Where nobody ever could, those of the
    window in which it was first tried, too.
    """
    before = window_of(hop.instrument.window_nights, workplace.present_night(hop.instrument))[0]
    first = min(_since(workplace, hop), default=before)
    return tuple(first + dt.timedelta(days=number) for number in range((before - first).days))


def _since(workplace: Workplace, hop: Hop) -> Iterator[dt.date]:
    """Yield the nights from which on a hop is to be looked at; none where nobody asked about it yet."""
    ledger, name, clock = workplace.ledger, hop.instrument.instrument, workplace.clock_of(hop.instrument)
    looked = ledger.last_look(name, hop.key)
    asked = ledger.first_asked(name, hop.key) if looked is None else None
    before = ledger.last_look_elsewhere(name, _declared(hop)) if looked is None else looked
    if before is not None:
        yield clock.night_of(before) - dt.timedelta(days=1)
    if asked is not None:
        yield window_of(hop.instrument.window_nights, clock.night_of(asked))[0]


@dataclass(frozen=True, slots=True)
class Absence:
    """A span of nights on which an instrument is off the telescope, ends included."""

    first: dt.date
    last: dt.date
    reason: str


def absences(workplace: Workplace, instrument: Instrument) -> Iterator[Absence]:
    """Yield the spans declared in YAML and those given by ``away``."""
    present = workplace.present_night(instrument)
    for span in instrument.away:
        first, last = (parse_nights([text], present)[0] for text in (span.from_, span.until))
        yield Absence(first, last, span.reason)
    for away in workplace.ledger.aways(instrument.instrument):
        yield Absence(away.first_night, away.last_night, away.reason)


def away_now(workplace: Workplace, instrument: Instrument) -> str | None:
    """Return why nothing is to be expected of an instrument in the present night, None where it is."""
    present = workplace.present_night(instrument)
    for absence in absences(workplace, instrument):
        if absence.first <= present <= absence.last:
            return f"away until {absence.last:%Y%m%d}: {absence.reason}"
    return None


def all_away(workplace: Workplace, instrument: Instrument, nights: Collection[dt.date]) -> str | None:
    """Return the reason where every night asked for lies in a span of absence."""
    spans = list(absences(workplace, instrument))
    reasons = [_reason_on(night, spans) for night in nights]
    if not reasons or not all(reasons):
        return None
    return f"away on all {len(reasons)} nights: {reasons[-1]}"


def _reason_on(night: dt.date, spans: Sequence[Absence]) -> str | None:
    return next((span.reason for span in spans if span.first <= night <= span.last), None)


def acceptances(workplace: Workplace, hop: Hop) -> tuple[Acceptance, ...]:
    """Return what people have accepted of an instrument, as the verifier takes it."""
    active = workplace.ledger.acceptances(hop.instrument.instrument, workplace.present_night(hop.instrument))
    return tuple(Acceptance(one.night, one.reason, frozenset(one.frames), frozenset(one.files)) for one in active)
