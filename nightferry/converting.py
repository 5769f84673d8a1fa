"""The steps of ``convert`` where this machine can take them: on the copies that lie here.

What a step does and when it is skipped is the converters'.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from converters.outcome import ConvertOutcome, ConvertRow, RowResult
from converters.pipeline import ConvertOptions, convert
from nightferry.selection import Asked, nights_asked
from nightferry.workplace import Workplace
from observatory.listing import scope_of
from observatory.names import show
from observatory.spec.chain import Hop, Place, places
from observatory.spec.models import Instrument, StepSection
from reports.model import Note, StepRow


@dataclass(frozen=True, slots=True)
class ConvertWishes:
    """What the person or the schedule wants of the steps."""

    force: bool = False
    steps: frozenset[str] = frozenset()
    dry_run: bool = False
    workers: int | None = None
    progress: Callable[[ConvertRow], None] = field(default=lambda row: None)


@dataclass
class Converted:
    """What became of some steps: rows for the report, and the outcomes that ``after`` asks."""

    outcomes: list[ConvertOutcome] = field(default_factory=list)
    by_root: dict[str, ConvertOutcome] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    problems: list[Note] = field(default_factory=list)

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
            skipped=results.count(RowResult.SKIPPED),
            seconds=sum(row.seconds for row in rows),
            reasons=list(_reasons(rows)),
        )


def _reasons(rows: Sequence[ConvertRow]) -> Iterator[str]:
    """Yield each reason once with the file it is about: a step that fails on a whole night says so in one line."""
    subjects: dict[str, list[bytes]] = {}
    for row in rows:
        if row.reason and row.result is not RowResult.IN_PROGRESS:
            subjects.setdefault(row.reason, []).append(row.subject)
    for reason, paths in subjects.items():
        others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"{show(paths[0])}{others}: {reason}"


def copy_of(instrument: Instrument, step: StepSection) -> str:
    """Return the name of the copy that a step works on: the one it names, else the chain's last."""
    return step.copy_ or instrument.copies[-1].label


def steps_on(instrument: Instrument, place: Place) -> list[StepSection]:
    """Return the steps that work on a copy, in their order."""
    steps = instrument.convert.steps if instrument.convert else ()
    return [step for step in steps if copy_of(instrument, step) == place.name]


def convert_place(
    workplace: Workplace, asked: Asked, instrument: Instrument, place: Place, wishes: ConvertWishes, into: Converted
) -> None:
    """Take the steps of one copy, if it lies here; say so if it does not."""
    steps = [step for step in steps_on(instrument, place) if not wishes.steps or step.label in wishes.steps]
    if not steps:
        return
    if not workplace.access(place.host).is_local:
        words = f"the steps on {place.name} are taken on {workplace.access(place.host).address}, not here"
        into.notes.append(Note(words, instrument.instrument))
        return
    workers = wishes.workers or (instrument.convert.workers if instrument.convert else 1)
    if isinstance(workers, str):
        into.problems.append(
            Note(f"workers: {workers}: this version knows local processes only", instrument.instrument)
        )
        return
    nights = _nights(workplace, asked, instrument)
    scope = scope_of(instrument, place, instrument.cameras, nights, workplace.clock_of(instrument))
    options = ConvertOptions(wishes.force, wishes.steps, wishes.dry_run, workers)
    outcome = convert(instrument, scope, steps, workplace.ledger, options, workplace.now, wishes.progress)
    into.outcomes.append(outcome)
    if not wishes.steps and not wishes.dry_run:
        into.by_root[place.root] = outcome
    if outcome.unknown_reason is not None:
        into.problems.append(Note(outcome.unknown_reason, instrument.instrument))


def _nights(workplace: Workplace, asked: Asked, instrument: Instrument) -> tuple[dt.date, ...]:
    """Return the nights asked for, less the present one: a night is converted when it is over."""
    present = workplace.present_night(instrument)
    nights = nights_asked(workplace, asked, instrument)
    return nights if asked.dates else tuple(night for night in nights if night < present)


def convert_all(
    workplace: Workplace, asked: Asked, instruments: Sequence[Instrument], wishes: ConvertWishes
) -> Converted:
    """Take every step of some instruments, copy by copy along the chain."""
    into = Converted()
    for instrument in instruments:
        for place in places(instrument):
            convert_place(workplace, asked, instrument, place, wishes, into)
    return into


def complete_nights(
    workplace: Workplace, hop: Hop, step: str, nights: Collection[dt.date], fresh: Converted
) -> frozenset[dt.date]:
    """Return those of some nights on which a step on a hop's source is complete: only these may travel (``after``).

    Seen by this very run, else looked at anew where the copy lies here, else as the ledger has it.
    """
    place = hop.source
    seen = fresh.by_root.get(place.root)
    if seen is not None:
        return seen.complete_nights(step) & frozenset(nights)
    if workplace.access(place.host).is_local:
        return _look(workplace, hop, step, nights).complete_nights(step)
    return frozenset(_remembered(workplace, hop, step)) & frozenset(nights)


def _look(workplace: Workplace, hop: Hop, step: str, nights: Collection[dt.date]) -> ConvertOutcome:
    instrument, clock = hop.instrument, workplace.clock_of(hop.instrument)
    scope = scope_of(instrument, hop.source, instrument.cameras, tuple(sorted(nights)), clock)
    options = ConvertOptions(steps=frozenset({step}), dry_run=True)
    return convert(instrument, scope, steps_on(instrument, hop.source), workplace.ledger, options, workplace.now)


def _remembered(workplace: Workplace, hop: Hop, step: str) -> Iterator[dt.date]:
    for row in workplace.ledger.status(hop.instrument.instrument):
        counts = [count for count in row.steps if (count.copy, count.step) == (hop.source.name, step)]
        if counts and not any(count.not_done for count in counts):
            yield row.night
