"""Sync some hops and remember it: what the ledger knows goes in, what became of each hop goes back.

Each hop's failure is its own. Moving is syncer/sync.py's, saying it the command line's.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from catalogue.records import MovedFile, NightRecord
from nightferry.clocks import old_before
from nightferry.expectations import expectations, is_origin, pending_loss, unexcused, unfinished
from nightferry.retention.carried import note_carried
from nightferry.retention.holders import known_holder
from nightferry.runs import Run, hop_record, named_ends, onward_of, see_roots
from nightferry.selection import Asked, acceptances, all_away, hops_asked, is_whole_look, scope_asked
from nightferry.unseen import note_source
from nightferry.vanished import brought_again, forget_before, known_before
from nightferry.waiting import record_waiting
from nightferry.workplace import Workplace
from observatory.accounts import account
from observatory.errors import CouldNotTell, LockHeld
from observatory.listing import ANY_NIGHT, HopScope, hop_scope
from observatory.nights import STAMP_FORMAT
from observatory.spec.chain import Hop, hops, sources_of
from observatory.truth import State
from syncer.outcome import Failure, HopOutcome, Moved
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Progress
from verifier.accepted import is_accepted

if TYPE_CHECKING:
    from nightferry.products.converting import Converted

log = logging.getLogger("nightferry")


HopProgress = Callable[[Hop, Progress], None]


@dataclass(frozen=True, slots=True)
class SyncWishes:
    """What the person or the schedule wants of a sync.

    Attributes
    ----------
    hash_all, dry_run : bool
    new_roots : frozenset of (host, root)
        Accepted as new.
    accepted_losses : frozenset of (host, root)
    confirm_root : callable
        Asks a person about a root; says no where there is nobody.
    until : datetime or None
        No batch is begun after this instant.
    progress : callable
    """

    hash_all: bool = False
    dry_run: bool = False
    new_roots: frozenset[tuple[str, str]] = frozenset()
    accepted_losses: frozenset[tuple[str, str]] = frozenset()
    confirm_root: Callable[[str, str], bool] = field(default=lambda host, root: False)
    until: dt.datetime | None = None
    progress: HopProgress = field(default=lambda hop, progress: None)


def sync(workplace: Workplace, run: Run, asked: Asked, wishes: SyncWishes) -> list[HopOutcome]:
    """Sync the hops asked for, in order, and record each; one that breaks off does not stop the others."""
    if run.keeps_records:
        log.info("run begun", extra={"run": run.id})
    accept_unsynced(workplace, run, wishes)
    outcomes = []
    for hop in syncable(workplace, asked):
        try:
            outcomes.append(sync_one(workplace, run, hop, scope_asked(workplace, asked, hop), wishes))
        except CouldNotTell as error:
            outcomes.append(replace(_blank(workplace, hop, ()), unknown_reason=str(error)))
    return outcomes


def syncable(workplace: Workplace, asked: Asked) -> list[Hop]:
    """Return the hops that we fill ourselves."""
    return [hop for hop in hops_asked(workplace, asked) if hop.destination.declared.fill is None]


def sync_one(
    workplace: Workplace,
    run: Run,
    hop: Hop,
    scope: HopScope,
    wishes: SyncWishes,
    fresh: Converted | None = None,
) -> HopOutcome:
    """Sync one hop and record it; where it waits for a step, only the nights of which that is complete.

    Parameters
    ----------
    fresh : Converted, optional
        What this very run has converted before.
    """
    is_whole = is_whole_look(workplace, hop, scope.nights)
    step = hop.destination.declared.after
    if step is not None:
        from nightferry.products.converting import Converted, complete_nights  # loaded only where there are steps

        ready = complete_nights(workplace, hop, step, scope.nights, fresh or Converted())
        scope = hop_scope(hop, tuple(sorted(ready)), workplace.clock_of(hop.instrument))
    if run.keeps_records:
        _settle_aside(workplace, hop)
    before = known_before(workplace, scope, workplace.now())
    options = _sync_options(workplace, run, hop, scope, wishes, before.least)
    source, destination = (
        End(workplace.endpoint(place.host), workplace.access(place.host)) for place in (hop.source, hop.destination)
    )
    try:
        outcome = _without_accepted(workplace, scope, sync_hop(scope, source, destination, options))
    except LockHeld as error:
        outcome = replace(_blank(workplace, hop, scope.nights), lock_reason=str(error))
    outcome = _away_if_nothing(workplace, hop, scope, outcome)
    outcome = replace(outcome, brought_again=brought_again(workplace, scope, before, outcome))
    log.info(
        "synced",
        extra={
            "instrument": outcome.instrument,
            "hop": outcome.hop,
            "state": outcome.state.value,
            "transferred": outcome.transferred,
            "planned": outcome.planned,
        },
    )
    if run.keeps_records:
        _record_sync(workplace, run, hop, scope, outcome, is_whole, wishes, before.least)
        if outcome.source_alone:
            note_source(workplace, run, scope)
        if (hop.source.host, hop.source.root) in wishes.accepted_losses and outcome.state is not State.UNKNOWN:
            empty = [night for night in (*scope.nights, ANY_NIGHT) if night not in outcome.per_night]
            forget_counts(workplace, run, hop, empty)
            forget_before(workplace, run, scope)
    return outcome


def _settle_aside(workplace: Workplace, hop: Hop) -> None:
    """Let what a prune that died had set aside on the destination come back, before it would be carried again."""
    place = hop.destination
    holder = known_holder(workplace, hop.instrument, place)
    if holder is not None and workplace.ledger.open_freeings(holder):
        from nightferry.retention.aside import settle_if_free  # loaded only where a prune died

        settle_if_free(workplace, hop.instrument, place)


def forget_counts(workplace: Workplace, run: Run, hop: Hop, nights: Sequence[dt.date]) -> None:
    """Expect no files any more in nights that hold none, as a person said: the next run is not to miss them again."""
    name = hop.instrument.instrument
    known = workplace.ledger.last_counts(name, hop.key, nights)
    gone = {night: NightRecord(source_files=0) for night, files in known.items() if files}
    workplace.ledger.record_nights(run.id, name, hop.key, gone, workplace.now())


def accept_unsynced(workplace: Workplace, run: Run, wishes: SyncWishes) -> int:
    """Accept the losses of sources that others copy from (`fill: external`), which no sync comes by; count them.

    What is there is counted afresh by the next verify.
    """
    found = [
        hop
        for instrument in workplace.instruments.values()
        for hop in hops(instrument)
        if hop.destination.declared.fill is not None and (hop.source.host, hop.source.root) in wishes.accepted_losses
    ]
    for hop in found if run.keeps_records else ():
        workplace.ledger.accept_loss(hop.source.host, hop.source.root, by=account(), at_utc=workplace.now())
        seen = workplace.ledger.hop_nights(hop.instrument.instrument, hop.key)
        forget_counts(workplace, run, hop, [night.night for night in seen])
        forget_before(workplace, run, scope_asked(workplace, Asked(), hop))
    return len(found)


def _away_if_nothing(workplace: Workplace, hop: Hop, scope: HopScope, outcome: HopOutcome) -> HopOutcome:
    """Say of nights away that hold nothing that they are away; what they hold all the same is carried like any.

    Of a source that could not be looked at, why its absence is no excuse.
    """
    away = all_away(workplace, hop.instrument, scope.nights) if is_origin(hop.instrument, hop.source) else None
    if away is not None and outcome.state is State.OK and not outcome.source_files:
        return replace(outcome, away_reason=away)
    if outcome.unknown_reason is not None and not outcome.source_files:
        return replace(outcome, unknown_reason=unexcused(workplace, hop, scope.nights, outcome.unknown_reason))
    return outcome


def _without_accepted(workplace: Workplace, scope: HopScope, outcome: HopOutcome) -> HopOutcome:
    """Take out what a person has said is known."""
    known = acceptances(workplace, scope.hop)

    def others(failures: Sequence[Failure]) -> tuple[Failure, ...]:
        return tuple(one for one in failures if not is_accepted(known, scope, one.path))

    return replace(outcome, kept=others(outcome.kept), failed=others(outcome.failed), stuck=others(outcome.stuck))


def _blank(workplace: Workplace, hop: Hop, nights: Sequence[dt.date]) -> HopOutcome:
    """Return the outcome of a hop at which nothing was done."""
    return HopOutcome(**named_ends(workplace, hop), nights=nights)


def _sync_options(
    workplace: Workplace, run: Run, hop: Hop, scope: HopScope, wishes: SyncWishes, least: Mapping[dt.date, int]
) -> SyncOptions:
    ledger, name = workplace.ledger, hop.instrument.instrument
    source_root = (hop.source.host, hop.source.root)
    if source_root in wishes.new_roots and run.keeps_records:
        ledger.vouch_root(*source_root, identity="", at_utc=workplace.now())
    if source_root in wishes.accepted_losses and run.keeps_records:
        ledger.accept_loss(*source_root, by=account(), at_utc=workplace.now())

    def accept_new_root(host: str, root: str) -> bool:
        return (host, root.rstrip("/")) in wishes.new_roots or wishes.confirm_root(host, root)

    def begun(outcome: HopOutcome) -> None:
        records = _night_records(workplace, hop, outcome, wishes, least)
        lacking = {night: one for night, one in records.items() if one.open_files}
        ledger.record_nights(run.id, name, hop.key, lacking, workplace.now())
        waiting = {*ledger.waiting_since(name, hop.key), *outcome.in_progress}  # of which some never stay
        ledger.record_waiting(name, hop.key, waiting, workplace.now())

    def arrived(moved: Sequence[Moved]) -> None:
        files = [MovedFile(one.path, one.size_bytes, one.mtime_s, one.sha256) for one in moved]
        ledger.record_moved(run.id, name, hop.key, files, workplace.now())
        note_carried(workplace, scope, [one.path for one in moved])

    until = wishes.until
    return SyncOptions(
        stamp=run.started_utc.strftime(STAMP_FORMAT),
        hash_all=wishes.hash_all,
        dry_run=wishes.dry_run,
        accept_new_root=accept_new_root,
        is_joined=_is_joined(hop),
        should_stop=lambda: until is not None and workplace.now() >= until,
        stops_by_time=until is not None,
        previous_counts=ledger.last_counts(name, hop.key, (*scope.nights, ANY_NIGHT)),
        unfinished=unfinished(workplace, scope),
        loss_accepted=source_root in wishes.accepted_losses,
        waiting_since_s=ledger.waiting_since(name, hop.key),
        pending_loss=pending_loss(workplace, hop.source),
        expected=expectations(workplace, hop, scope.nights, wishes.new_roots),
        source_to_be=source_root in wishes.new_roots and not is_origin(hop.instrument, hop.source),
        on_begun=begun,
        on_arrived=arrived,
        settled=_products(workplace, hop, scope),
        progress=lambda progress: wishes.progress(hop, progress),
        now=workplace.local_now,
        old_before=old_before(workplace),
    )


def _products(workplace: Workplace, hop: Hop, scope: HopScope) -> dict[bytes, tuple[int, float]]:
    if hop.instrument.convert is None:
        return {}
    from nightferry.products.converting import products_of  # loaded only where there are steps

    return products_of(workplace, hop.instrument, hop.source, scope.nights)


def _is_joined(hop: Hop) -> bool:
    index = [copy.label for copy in hop.instrument.copies].index(hop.destination.name)
    return len(sources_of(hop.instrument, index)) > 1


def _record_sync(
    workplace: Workplace,
    run: Run,
    hop: Hop,
    scope: HopScope,
    outcome: HopOutcome,
    is_whole: bool,
    wishes: SyncWishes,
    least: Mapping[dt.date, int],
) -> None:
    ledger, at = workplace.ledger, workplace.now()
    if is_whole:  # else the nights of an outage would be forgotten
        ledger.record_hop(
            run.id,
            replace(
                hop_record(outcome),
                engine=outcome.engine,
                planned=outcome.planned,
                transferred=outcome.transferred,
                failed=len(outcome.failed),
                moved_bytes=outcome.moved_bytes,
                seconds=outcome.seconds,
            ),
        )
    nights = _night_records(workplace, hop, outcome, wishes, least)
    see_roots(workplace, run, hop, outcome)
    ledger.record_nights(run.id, outcome.instrument, outcome.hop, nights, at, onward=onward_of(hop))
    if outcome.per_night or outcome.state is State.OK:  # else nobody looked, and since when files wait stays known
        seen = outcome.per_night if outcome.state in (State.OK, State.DIFFERENT) else None
        record_waiting(workplace, run, scope, outcome.in_progress, seen)
    if outcome.loss is not None:
        ledger.record_loss(hop.source.host, hop.source.root, *outcome.loss, at)


def _night_records(
    workplace: Workplace, hop: Hop, outcome: HopOutcome, wishes: SyncWishes, least: Mapping[dt.date, int]
) -> dict[dt.date, NightRecord]:
    """Return what is remembered of a hop's nights.

    Where a part could not be read, or a loss is not accepted, a smaller count must not become what was last seen; nor
    one below the least that is known of a night: whether the destination has what the source has no more, only a
    verify sees.
    """
    known = workplace.ledger.last_counts(outcome.instrument, outcome.hop, outcome.per_night)
    if outcome.state is not State.UNKNOWN:
        is_accepted = (hop.source.host, hop.source.root) in wishes.accepted_losses
        known = {} if is_accepted else {night: min(files, least.get(night, 0)) for night, files in known.items()}
    return {
        night: NightRecord(
            max(moves.source_files, known.get(night, 0)),
            moves.open_files,
            moved_files=moves.moved_files,
            moved_bytes=moves.moved_bytes,
        )
        for night, moves in outcome.per_night.items()
    }
