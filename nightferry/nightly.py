"""The nightly run: hops and steps in their order, then the catalogue, then verify, then one report.

For each instrument along its chain: the steps on a copy come before the hops that leave it. One instrument's
failure is its own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nightferry.declared import notes_of_declared
from nightferry.drives import notes_of_drives
from nightferry.groundless import notes_of_groundless
from nightferry.holdings.cataloguing import Filled, FillWishes, fill_instrument, section_of
from nightferry.hop_sync import SyncWishes
from nightferry.hop_verify import VerifyWishes
from nightferry.lasting import Durations
from nightferry.products.converting import Converted, ConvertWishes, convert_place
from nightferry.runs import Run
from nightferry.selection import Asked, instruments_asked, scope_asked, syncable
from nightferry.syncing import sync_one, with_what_would_come
from nightferry.unsafe import notes_of_unsafe
from nightferry.vanished import notes_of, notes_of_gone
from nightferry.verifying import verify
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.errors import CouldNotTell, LockHeld, NightferryError
from observatory.listing import HopScope
from observatory.nights import night_text
from observatory.spec.chain import Hop, places
from observatory.spec.models import Instrument
from reports.model import Note, Report
from syncer.outcome import HopOutcome

log = logging.getLogger("nightferry")


@dataclass(frozen=True, slots=True)
class NightlyWishes:
    """What the person or the schedule wants of a nightly run."""

    sync: SyncWishes = field(default_factory=SyncWishes)
    verify: VerifyWishes = field(default_factory=VerifyWishes)
    convert: ConvertWishes = field(default_factory=ConvertWishes)


@dataclass
class _Night:
    """What a nightly run has gathered so far."""

    outcomes: list[HopOutcome] = field(default_factory=list)
    converted: Converted = field(default_factory=Converted)
    problems: list[Note] = field(default_factory=list)
    durations: Durations = field(default_factory=Durations)


def nightly(workplace: Workplace, run: Run, asked: Asked, wishes: NightlyWishes, notes: Sequence[Note] = ()) -> Report:
    """Do one nightly run over the instruments asked for, whose locks the caller holds, and report it."""
    if run.keeps_records:
        log.info("run begun", extra={"run": run.id})
    gathered = _Night()
    for instrument in instruments_asked(workplace, asked):
        try:
            _carry(workplace, run, asked, wishes, instrument, gathered)
        except (CouldNotTell, LockHeld) as error:
            _failed(gathered, instrument, error)
    filled = Filled() if wishes.sync.dry_run else _catalogue(workplace, asked, gathered)
    verdicts = [] if wishes.sync.dry_run else verify(workplace, run, asked, wishes.verify, gathered.durations)
    return Report(
        site=workplace.specification.site.site,
        kind="run",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        verdicts=verdicts,
        outcomes=with_what_would_come(gathered.outcomes) if wishes.sync.dry_run else gathered.outcomes,
        steps=[*gathered.converted.step_rows(), *filled.step_rows()],
        notes=[
            *notes,
            *notes_of(workplace, asked, gathered.outcomes),
            *notes_of_gone(workplace, asked, verdicts),
            *notes_of_unsafe(workplace, asked, verdicts),
            *notes_of_groundless(workplace, asked, verdicts),
            *notes_of_drives(workplace, asked, verdicts),
            *notes_of_declared(workplace, asked, keeps_records=run.keeps_records),
            *gathered.converted.notes,
            *filled.notes,
            *gathered.durations.notes(),
        ],
        problems=[*gathered.problems, *gathered.converted.problems, *filled.problems],
        is_idle=gathered.converted.is_idle or filled.is_idle,
    )


def _failed(gathered: _Night, instrument: Instrument, error: NightferryError) -> None:
    log.error("failed", extra={"instrument": instrument.instrument, "reason": str(error)})
    gathered.problems.append(Note(str(error), instrument.instrument))


def _catalogue(workplace: Workplace, asked: Asked, gathered: _Night) -> Filled:
    """Catalogue what arrived, of the instruments whose file says how."""
    filled = Filled()
    for instrument in instruments_asked(workplace, asked):
        if section_of(instrument) is not None:
            try:
                fill_instrument(workplace, asked, instrument, FillWishes(), filled)
            except CouldNotTell as error:
                _failed(gathered, instrument, error)
    return filled


def _carry(
    workplace: Workplace, run: Run, asked: Asked, wishes: NightlyWishes, instrument: Instrument, gathered: _Night
) -> None:
    hops = [hop for hop in syncable(workplace, asked) if hop.instrument is instrument]
    for place in places(instrument):
        if not asked.hops or any(hop.destination == place for hop in hops):
            convert_place(workplace, asked, instrument, place, wishes.convert, gathered.converted)
        for hop in hops:
            if hop.source == place:
                _sync_hop(workplace, run, asked, wishes, hop, gathered)


def _sync_hop(workplace: Workplace, run: Run, asked: Asked, wishes: NightlyWishes, hop: Hop, gathered: _Night) -> None:
    scope = scope_asked(workplace, asked, hop)
    with gathered.durations.of(hop, "sync"):
        outcome = sync_one(workplace, run, hop, scope, wishes.sync, gathered.converted)
    gathered.outcomes.append(_with_what_waits(outcome, scope) if wishes.sync.dry_run else outcome)


def _with_what_waits(outcome: HopOutcome, scope: HopScope) -> HopOutcome:
    """Say of a hop of a dry run which nights wait for a step: the run would take it, and the dry run does not."""
    step, waiting = scope.hop.destination.declared.after, sorted(set(scope.nights) - set(outcome.nights))
    if step is None or not waiting:
        return outcome
    nights = counted(len(waiting), "night waits", "nights wait")
    words = f"{nights} for {step} and would travel after it, in none of these counts: from {night_text(waiting[0])}"
    return replace(outcome, remarks=(*outcome.remarks, words))
