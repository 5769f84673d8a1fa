"""Filling the catalogue from the copies that lie on this machine, in the nightly run and by hand.

Which files are read and what they say is the catalogue's; here are the places, nights and excuses.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightferry.expectations import is_origin
from nightferry.selection import Asked, all_away, away_now, instruments_asked, nights_asked, scope_asked
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.errors import CouldNotTell, RecordsUnavailable, UsageError
from observatory.names import show
from observatory.spec import chain
from observatory.spec.models import Instrument
from reports.model import Note, StepRow

if TYPE_CHECKING:
    from catalogue.holdings.filling import FillJob, FillOutcome
    from catalogue.holdings.records import Place
    from catalogue.holdings.section import CatalogueSection
    from observatory.endpoints.contract import Look

MOST_WARNINGS = 20
"""Sentences of one kind that a report repeats; how many more there are it says."""


@dataclass(frozen=True, slots=True)
class FillWishes:
    """What the person or the schedule wants of a filling."""

    again: bool = False
    dry_run: bool = False
    progress: Callable[[str, int], None] = field(default=lambda name, files: None)


@dataclass
class Filled:
    """What became of some fillings, one outcome per place."""

    outcomes: list[FillOutcome] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    problems: list[Note] = field(default_factory=list)

    def step_rows(self) -> Iterator[StepRow]:
        """Yield a row per night in which files are damaged: that is a difference, and has its reasons.

        What is damaged alike on several copies is said once, with their names.
        """
        places = Counter(outcome.instrument for outcome in self.outcomes)
        copies: defaultdict[tuple[str, dt.date], defaultdict[tuple[bytes, str], list[str]]]
        copies = defaultdict(lambda: defaultdict(list))
        for outcome in self.outcomes:
            for fault in outcome.counts.faults:
                if fault.is_damage:
                    copies[outcome.instrument, fault.night][fault.path, fault.reason].append(outcome.copy)
        for (name, night), faults in sorted(copies.items()):
            reasons = [
                f"{show(path)}{f' on {_and(there)}' if places[name] > 1 else ''}: {reason}"
                for (path, reason), there in sorted(faults.items())
            ]
            failed = sum(len(there) for there in faults.values())
            yield StepRow(name, night, "catalogue", failed=failed, reasons=reasons)

    @property
    def is_idle(self) -> bool:
        """Whether copies were looked at, and nothing is to be said of them."""
        return bool(self.outcomes) and not self.problems

    def take(self, outcome: FillOutcome) -> None:
        """Add what became of one place."""
        name = outcome.instrument
        self.outcomes.append(outcome)
        self.problems += [Note(f"catalogue: {doubt}", name) for doubt in outcome.doubts]
        unread = [fault for fault in outcome.counts.faults if not fault.is_damage]
        self.problems += _some([f"catalogue: {show(one.path)}: {one.reason}" for one in unread], name)
        self.notes += [Note(f"catalogue: {sentence(outcome)}", name)] if _has_news(outcome) else []
        self.notes += _some([f"catalogue: {warning}" for warning in outcome.counts.warnings], name)


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _some(sentences: Sequence[str], instrument: str) -> Iterator[Note]:
    yield from (Note(one, instrument) for one in sentences[:MOST_WARNINGS])
    if len(sentences) > MOST_WARNINGS:
        yield Note(f"catalogue: and {len(sentences) - MOST_WARNINGS} more of that kind", instrument)


def _has_news(outcome: FillOutcome) -> bool:
    counts = outcome.counts
    return bool(counts.new_exposures or counts.written_exposures)


def sentence(outcome: FillOutcome) -> str:
    """Return the counts of a filling as one sentence."""
    counts = outcome.counts
    return (
        f"{outcome.copy}: {counted(counts.files, 'file')} of {counted(outcome.nights, 'night')}, {counts.read} read, "
        f"{len(counts.faults)} not readable; {counted(counts.exposures, 'exposure')}, {counts.new_exposures} new, "
        f"{counts.written_exposures} now complete, {counts.waiting} waiting for data"
    )


def section_of(instrument: Instrument) -> CatalogueSection | None:
    """Return what the catalogue takes from an instrument; None: it is not catalogued."""
    if getattr(instrument, "catalogue", None) is None:  # spares most runs the making of a model
        return None
    from catalogue.holdings.section import CatalogueSection

    return instrument.section(CatalogueSection)


def catalogued(workplace: Workplace, asked: Asked) -> tuple[Instrument, ...]:
    """Return the instruments asked for that are catalogued.

    Raises
    ------
    UsageError
        One that was named is not, or there is none.
    """
    named = instruments_asked(workplace, asked)
    found = tuple(one for one in named if section_of(one) is not None)
    missing = [one.instrument for one in named if one not in found]
    if missing and (asked.instruments or not found):
        which = f"instrument {missing[0]}" if asked.instruments else "no instrument"
        verb = "does not declare" if asked.instruments else "declares"
        raise UsageError(f"{which} {verb} `catalogue:`; `catalogue: {{}}` in its file makes each file an exposure")
    return found


def local_places(workplace: Workplace, instrument: Instrument) -> Iterator[tuple[chain.Place, str]]:
    """Yield the copies of an instrument that lie on this machine, each with its variant."""
    words = [",".join(one.values()) for one in chain.variants(instrument)]
    for index, place in enumerate(chain.places(instrument)):
        if workplace.access(place.host).is_local:
            yield place, words[index // len(instrument.copies)]


def fill_instrument(
    workplace: Workplace, asked: Asked, instrument: Instrument, wishes: FillWishes, into: Filled
) -> None:
    """Fill from every copy of an instrument that lies here; the nights asked for, else the window.

    Raises
    ------
    CouldNotTell
        The database cannot be asked.
    """
    from catalogue.holdings.filling import fill_place

    for place, variant in local_places(workplace, instrument):
        if not _is_awake(workplace, instrument, place, into):
            continue
        nights = _nights(workplace, asked, instrument, place)
        job = _job(workplace, instrument, place, variant, wishes)
        outcome = fill_place(job, nights)
        if outcome.doubts and _is_excused(workplace, instrument, place, nights):
            outcome.doubts.clear()
        into.take(outcome)


def rebuild_instrument(
    workplace: Workplace, asked: Asked, instrument: Instrument, wishes: FillWishes, into: Filled
) -> int:
    """Read every file of an instrument that lies here anew; then forget what no copy is left of.

    Without nights asked for, every night that lies here or was known to. Night by night, each kept whole: whoever
    asks meanwhile gets the old or the new. Returns how many exposures were forgotten; none where there are doubts.
    """
    from catalogue.holdings.filling import fill_place, nights_on_disk

    doubts = len(into.problems)
    for place, variant in local_places(workplace, instrument):
        if not _is_awake(workplace, instrument, place, into):
            continue
        job = _job(workplace, instrument, place, variant, replace(wishes, again=True))
        is_whole = not asked.dates and asked.nights is None
        try:
            on_disk = nights_on_disk(job) if is_whole else nights_asked(workplace, asked, instrument)
        except RecordsUnavailable:
            raise
        except CouldNotTell as error:
            into.problems.append(Note(f"catalogue: {error}", instrument.instrument))
            continue
        known = workplace.catalogue.nights_held(job.place) if is_whole else ()
        into.take(fill_place(job, sorted({*on_disk, *known})))
    if len(into.problems) > doubts or wishes.dry_run:
        return 0
    workplace.catalogue.forget_places(instrument.instrument, _declared(workplace, instrument))
    return workplace.catalogue.forget_unheld(instrument.instrument)


def _is_awake(workplace: Workplace, instrument: Instrument, place: chain.Place, into: Filled) -> bool:
    """Say whether a copy can be read; that its disk hangs is a problem of its own, and stops no other copy."""
    try:
        workplace.require_awake(place)
    except CouldNotTell as error:
        into.problems.append(Note(f"catalogue: {error}", instrument.instrument))
        return False
    return True


def _declared(workplace: Workplace, instrument: Instrument) -> set[uuid.UUID]:
    """Return the ids of every place of an instrument, here or elsewhere."""
    words = [",".join(one.values()) for one in chain.variants(instrument)]
    return {
        _place(workplace, instrument, place, words[index // len(instrument.copies)]).id
        for index, place in enumerate(chain.places(instrument))
    }


def _nights(workplace: Workplace, asked: Asked, instrument: Instrument, place: chain.Place) -> tuple[dt.date, ...]:
    """Return the nights asked for and, where none are, also those that came late: still open on a hop to here."""
    nights = set(nights_asked(workplace, asked, instrument))
    if not asked.dates and asked.nights is None:
        for hop in chain.hops(instrument):
            if place in (hop.source, hop.destination):
                nights |= set(scope_asked(workplace, asked, hop).nights)
    return tuple(sorted(nights))


def _job(workplace: Workplace, instrument: Instrument, place: chain.Place, variant: str, wishes: FillWishes) -> FillJob:
    from catalogue.holdings.filling import FillJob

    section = section_of(instrument)
    if section is None:
        raise UsageError(f"instrument {instrument.instrument} does not declare `catalogue:`")
    root = workplace.ledger.root(place.host, place.root)
    return FillJob(
        book=workplace.catalogue,
        instrument=instrument,
        section=section,
        place=_place(workplace, instrument, place, variant),
        declared=place,
        endpoint=workplace.endpoint(place.host),
        elsewhere=lambda copy: _elsewhere(workplace, instrument, copy, variant),
        clock=workplace.clock_of(instrument),
        now=workplace.now,
        is_vouched=root is not None and root.is_vouched,
        again=wishes.again,
        dry_run=wishes.dry_run,
        progress=lambda files: wishes.progress(f"{instrument.instrument} {place.name}", files),
    )


def _place(workplace: Workplace, instrument: Instrument, place: chain.Place, variant: str) -> Place:
    """Return a copy as the catalogue knows it."""
    from catalogue.holdings.records import Place

    return Place(
        instrument=instrument.instrument,
        variant=variant,
        copy=place.name,
        position=[copy.label for copy in instrument.copies].index(place.name),
        is_origin=is_origin(instrument, place),
        host=place.host,
        address=workplace.access(place.host).address,
        root=place.root,
        machine=workplace.hostname,
    )


def _elsewhere(
    workplace: Workplace, instrument: Instrument, copy: str, variant: str
) -> tuple[Look, chain.Place] | None:
    """Return another copy of the same variant; asking it may still fail."""
    words = [",".join(one.values()) for one in chain.variants(instrument)]
    for index, place in enumerate(chain.places(instrument)):
        if place.name == copy and words[index // len(instrument.copies)] == variant:
            return workplace.endpoint(place.host), place
    return None


def _is_excused(workplace: Workplace, instrument: Instrument, place: chain.Place, nights: Collection[dt.date]) -> bool:
    """Say whether it is no alarm that a place is not there: a drive that comes and goes, an instrument off duty."""
    if place.declared.removable:
        return True
    return is_origin(instrument, place) and bool(
        all_away(workplace, instrument, nights) or away_now(workplace, instrument)
    )
