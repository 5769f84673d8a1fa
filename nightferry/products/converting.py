"""The steps of ``convert`` where this machine can take them: on the copies that lie here.

What a step does and when it is skipped is the converters'.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from converters.base import Facts
from converters.night import StepProgress
from converters.outcome import ConvertOutcome, ConvertRow, RowResult
from converters.pipeline import ConvertOptions, convert, copy_name
from converters.remembered import size_and_mtime
from nightferry.neighbours import old_aside_before
from nightferry.products.pending import pending_nights, steps_of, unfinished_nights
from nightferry.retention.holders import freed_on
from nightferry.retention.reached import named_by_datastores
from nightferry.selection import Asked, nights_asked, scope_asked
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell
from observatory.listing import scope_of
from observatory.names import show
from observatory.spec.chain import Hop, Place, hops, places, set_aside_days
from observatory.spec.models import Instrument
from reports.model import FrameCount, Note, StepRow
from syncer.transfer.folders import free_old_replaced


@dataclass(frozen=True, slots=True)
class ConvertWishes:
    """What the person or the schedule wants of the steps.

    Attributes
    ----------
    force, dry_run : bool
    steps : frozenset of str
        Only these.
    workers : int or None
        So many at a time on this machine; None: as the instrument says.
    from_step : str or None
        Only this one and those after it.
    pending : bool
        Every night that is not through its steps, of any age, instead of the window.
    progress, watch : callable
        Told of each row, and how far each step is.
    """

    force: bool = False
    steps: frozenset[str] = frozenset()
    dry_run: bool = False
    workers: int | None = None
    from_step: str | None = None
    pending: bool = False
    progress: Callable[[ConvertRow], None] = field(default=lambda row: None)
    watch: Callable[[StepProgress], None] = field(default=lambda progress: None)

    def chosen(self, instrument: Instrument) -> frozenset[str]:
        """Return the labels of an instrument's steps that are wanted; all of them where none was named."""
        labels = [step.label for step in instrument.convert.steps] if instrument.convert else []
        if self.from_step is not None:
            labels = labels[labels.index(self.from_step) :] if self.from_step in labels else []
        return frozenset(label for label in labels if not self.steps or label in self.steps)

    @property
    def is_all(self) -> bool:
        """Whether no step was named."""
        return not self.steps and self.from_step is None


@dataclass
class Converted:
    """What became of some steps: rows for the report, and the outcomes that ``after`` asks.

    `by_place`: those of all steps of a copy, by instrument, host and root; roots are called alike on many hosts.
    """

    outcomes: list[ConvertOutcome] = field(default_factory=list)
    by_place: dict[tuple[str, str, str], ConvertOutcome] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    problems: list[Note] = field(default_factory=list)

    @property
    def is_idle(self) -> bool:
        """Whether copies were looked at, and none of their nights had anything for a step."""
        return bool(self.outcomes) and not self.problems and not any(outcome.rows for outcome in self.outcomes)

    def step_rows(self) -> list[StepRow]:
        """Return one row per instrument, night and step that had something to say."""
        return [row for outcome in self.outcomes for row in _step_rows(outcome)]


def _step_rows(outcome: ConvertOutcome) -> Iterator[StepRow]:
    groups: dict[tuple[dt.date, str], list[ConvertRow]] = {}
    for row in outcome.rows:
        groups.setdefault((row.night, row.step or "all steps"), []).append(row)
    for (night, step), rows in groups.items():
        results = [row.result for row in rows]
        yield StepRow(
            outcome.instrument,
            night,
            step,
            done=results.count(RowResult.DONE),
            failed=results.count(RowResult.FAILED) + results.count(RowResult.UNREADABLE),
            unread=results.count(RowResult.UNREADABLE),
            skipped=results.count(RowResult.SKIPPED),
            seconds=outcome.spent.get((night, step), 0.0),
            reasons=list(_reasons(rows)),
            held=results.count(RowResult.HELD),
            waiting=results.count(RowResult.WAITING) + results.count(RowResult.IN_PROGRESS),
            frames=_frames(rows, outcome.counted.get((night, step))),
        )


def _frames(rows: Sequence[ConvertRow], of_night: Facts | None) -> FrameCount | None:
    """Return what a step counted of the night: what was made of it earlier too, or frames would seem lost."""
    counted = [row.facts for row in rows if row.facts is not None]
    if not counted and not of_night:
        return None
    facts = of_night or sum(counted, Facts())
    return FrameCount(facts.frames_in, facts.frames_out, facts.listed, facts.dubious, facts.kinds)


def _reasons(rows: Sequence[ConvertRow]) -> Iterator[str]:
    """Yield each reason once with the file it is about: a step that fails on a whole night says so in one line."""
    subjects: dict[str, list[bytes]] = {}
    for row in rows:
        if row.reason and (row.result is not RowResult.IN_PROGRESS or not row.step):
            subjects.setdefault(row.reason, []).append(row.subject)
    for reason, paths in subjects.items():
        others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"{show(paths[0])}{others}: {reason}"


def convert_place(
    workplace: Workplace, asked: Asked, instrument: Instrument, place: Place, wishes: ConvertWishes, into: Converted
) -> None:
    """Take the steps of one copy, if it lies here; say so if it does not."""
    steps = steps_of(instrument, place)
    chosen = wishes.chosen(instrument) & {step.label for step in steps}
    if not chosen:
        return
    if not workplace.access(place.host).is_local:
        words = f"the steps on {place.name} are taken on {workplace.access(place.host).address}, not here"
        into.notes.append(Note(words, instrument.instrument))
        return
    try:
        workplace.require_awake(place)
    except CouldNotTell as error:
        into.problems.append(Note(str(error), instrument.instrument))
        return
    workers = wishes.workers or (instrument.convert.workers if instrument.convert else 1)
    nights = _nights(workplace, asked, instrument, place, wishes.pending)
    scope = scope_of(instrument, place, instrument.cameras, nights, workplace.clock_of(instrument))
    labels = frozenset() if wishes.is_all else chosen
    known = _known(workplace, instrument, place, nights)
    options = replace(known, force=wishes.force, steps=labels, dry_run=wishes.dry_run, workers=workers)
    outcome = convert(instrument, scope, steps, workplace.ledger, options, workplace.now, wishes.progress, wishes.watch)
    into.outcomes.append(outcome)
    if not wishes.dry_run and outcome.unknown_reason is None:
        _clear_old(workplace, instrument, place, into)
    if wishes.is_all and not wishes.dry_run:
        into.by_place[_key(instrument, place)] = outcome
    if outcome.unknown_reason is not None:
        into.problems.append(Note(outcome.unknown_reason, instrument.instrument))


def _known(workplace: Workplace, instrument: Instrument, place: Place, nights: Sequence[dt.date]) -> ConvertOptions:
    """Return what the site knows, and steps must, of some nights on a copy."""
    return ConvertOptions(
        present=workplace.present_night(instrument),
        freed=freed_on(workplace, instrument, place, nights),
        reached=functools.partial(named_by_datastores, workplace, place),
    )


def _clear_old(workplace: Workplace, instrument: Instrument, place: Place, into: Converted) -> None:
    """Remove what was set aside long ago; where that fails it is said, and the nights go on their way all the same."""
    days = set_aside_days(instrument, place)
    try:
        endpoint, root = workplace.endpoint(place.host), os.fsencode(place.root)
        free_old_replaced(endpoint, root, workplace.now(), days, old_aside_before(workplace, place))
    except CouldNotTell as error:
        words = f"what was set aside on {place.name} long ago could not be cleared away: {error}"
        into.problems.append(Note(words, instrument.instrument))


def _nights(
    workplace: Workplace, asked: Asked, instrument: Instrument, place: Place, is_pending: bool
) -> tuple[dt.date, ...]:
    """Return the nights asked for, less the present one: a night is converted when it is over.

    Where none are, they are the window's, those that came late, and those that are not through their steps.
    """
    present = workplace.present_night(instrument)
    if is_pending:
        return pending_nights(workplace, instrument, place, present)
    nights = nights_asked(workplace, asked, instrument)
    if asked.dates:
        return nights
    older = () if asked.nights is not None else _older(workplace, asked, instrument, place, nights[0])
    return (*older, *(night for night in nights if night < present))


def _older(
    workplace: Workplace, asked: Asked, instrument: Instrument, place: Place, before: dt.date
) -> tuple[dt.date, ...]:
    looked = [hop for hop in hops(instrument) if place in (hop.source, hop.destination)]
    seen = {night for hop in looked for night in scope_asked(workplace, asked, hop).nights}
    return unfinished_nights(workplace, instrument, place, before, seen)


def convert_all(
    workplace: Workplace, asked: Asked, instruments: Sequence[Instrument], wishes: ConvertWishes
) -> Converted:
    """Take every step of some instruments, copy by copy along the chain."""
    into = Converted()
    for instrument in instruments:
        try:
            for place in places(instrument):
                convert_place(workplace, asked, instrument, place, wishes, into)
        except CouldNotTell as error:  # e.g. no cluster: the other instruments have their own
            into.problems.append(Note(str(error), instrument.instrument))
    return into


def complete_nights(
    workplace: Workplace, hop: Hop, step: str, nights: Collection[dt.date], fresh: Converted
) -> frozenset[dt.date]:
    """Return those of some nights on which a step is complete, wherever it works: only these may travel (``after``).

    Seen by this very run, else looked at anew where that copy lies here, else as the ledger has it.
    """
    instrument, place = hop.instrument, _copy_of(hop, step)
    seen = fresh.by_place.get(_key(instrument, place))
    if seen is not None:
        return seen.complete_nights(step) & frozenset(nights)
    if workplace.access(place.host).is_local:
        return _look(workplace, instrument, place, step, nights).complete_nights(step)
    return frozenset(_remembered(workplace, instrument, place, step, nights))


def _copy_of(hop: Hop, step: str) -> Place:
    """Return the copy that a step works on, of the hop's own variant; it need not be the hop's source."""
    from nightferry.retention.evidence import chain_of  # loaded only where a hop waits for a step

    chain = chain_of(hop.instrument, hop.source)
    return next(place for place in chain if step in {one.label for one in steps_of(hop.instrument, place)})


def _key(instrument: Instrument, place: Place) -> tuple[str, str, str]:
    return instrument.instrument, place.host, place.root


def products_of(
    workplace: Workplace, instrument: Instrument, place: Place, nights: Collection[dt.date]
) -> dict[bytes, tuple[int, float]]:
    """Return size and mtime of what steps have made on a copy, by path: it was brought to its place whole."""
    if not steps_of(instrument, place):
        return {}
    name, copy = instrument.instrument, copy_name(instrument, place)
    found: dict[bytes, tuple[int, float]] = {}
    for night in nights:
        records = workplace.ledger.step_records(name, night)
        made = {one.path for record in records if record.copy == copy for one in record.products}
        stamps = workplace.ledger.known_hashes(name, copy, night) if made else {}
        found |= {path: size_and_mtime(known.stamp) for path, known in stamps.items() if path in made}
    return found


def _look(
    workplace: Workplace, instrument: Instrument, place: Place, step: str, nights: Collection[dt.date]
) -> ConvertOutcome:
    workplace.require_awake(place)
    clock = workplace.clock_of(instrument)
    scope = scope_of(instrument, place, instrument.cameras, tuple(sorted(nights)), clock)
    known = _known(workplace, instrument, place, scope.nights)
    options = replace(known, steps=frozenset({step}), dry_run=True)
    return convert(instrument, scope, steps_of(instrument, place), workplace.ledger, options, workplace.now)


def _remembered(
    workplace: Workplace, instrument: Instrument, place: Place, step: str, nights: Collection[dt.date]
) -> Iterator[dt.date]:
    copy = copy_name(instrument, place)
    for row in workplace.ledger.status(instrument.instrument, nights):
        counts = [count for count in row.steps if (count.copy, count.step) == (copy, step)]
        if counts and not any(count.not_done for count in counts):
            yield row.night
