"""The jobs that commands, schedule and nightly run share: sync and verify some hops, and remember it.

Each hop's failure is its own. What a job says of a hop it also writes into the ledger; converters'
steps are nightly.py's, delivering reports delivery.py's.
"""

from __future__ import annotations

import datetime as dt
import getpass
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from catalogue.records import HopRecord, MovedFile, NightRecord, NightState
from nightferry.selection import Asked, all_away, away_now, hops_asked, scope_asked
from nightferry.workplace import Workplace
from observatory.listing import HopScope
from observatory.spec.chain import Hop, Place, sources_of
from observatory.truth import State, worst
from syncer.outcome import HopOutcome, Moved
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Progress
from verifier.accepted import Acceptance
from verifier.check import LEVELS, CheckOptions, check
from verifier.verdict import HopVerdict

log = logging.getLogger("nightferry")

STAMP = "%Y%m%dT%H%M%SZ"

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


@dataclass(frozen=True, slots=True)
class VerifyWishes:
    """What the person or the schedule wants of a verification; level None: each instrument's own."""

    level: str | None = None
    reverse: bool = False
    progress: Callable[[Hop, int], None] = field(default=lambda hop, files: None)


class Run:
    """One run in the ledger: begun, filled, finished; a context manager that marks a crash by leaving it open."""

    def __init__(self, workplace: Workplace, kind: str, instruments: Sequence[str], dry_run: bool = False) -> None:
        self.workplace = workplace
        self.kind = kind
        self.started_utc = workplace.now()
        self.states: list[State] = []
        self._dry_run = dry_run
        self.id = -1
        if not dry_run:
            ledger = workplace.ledger
            self.id = ledger.start_run(kind, instruments, self.started_utc, workplace.hostname, os.getpid())

    @property
    def keeps_records(self) -> bool:
        """False on a dry run, which leaves no trace."""
        return not self._dry_run

    def finish(self, state: State) -> None:
        """Note the run's state; a run that never gets here is one that crashed."""
        if self.keeps_records:
            self.workplace.ledger.finish_run(self.id, state, self.workplace.now())


def sync(workplace: Workplace, run: Run, asked: Asked, wishes: SyncWishes) -> list[HopOutcome]:
    """Sync the hops asked for, in order, and record each."""
    return [
        sync_one(workplace, run, hop, scope_asked(workplace, asked, hop), wishes) for hop in syncable(workplace, asked)
    ]


def syncable(workplace: Workplace, asked: Asked) -> list[Hop]:
    """Return the hops that we fill ourselves."""
    return [hop for hop in hops_asked(workplace, asked) if hop.destination.declared.fill is None]


def sync_one(workplace: Workplace, run: Run, hop: Hop, scope: HopScope, wishes: SyncWishes) -> HopOutcome:
    """Sync one hop and record it."""
    away = all_away(workplace, hop.instrument, scope.nights)
    if away is not None:
        return _away_outcome(scope, away, workplace)
    options = _sync_options(workplace, run, hop, scope, wishes)
    source, destination = (
        End(workplace.endpoint(place.host), workplace.access(place.host)) for place in (hop.source, hop.destination)
    )
    outcome = sync_hop(scope, source, destination, options)
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
        _record_sync(workplace, run, hop, outcome)
    return outcome


def _away_outcome(scope: HopScope, reason: str, workplace: Workplace) -> HopOutcome:
    hop = scope.hop
    return HopOutcome(
        instrument=hop.instrument.instrument,
        hop=hop.key,
        source=workplace.access(hop.source.host).address,
        destination=workplace.access(hop.destination.host).address,
        source_root=hop.source.root.rstrip("/") + "/",
        destination_root=hop.destination.root.rstrip("/") + "/",
        nights=scope.nights,
        away_reason=reason,
    )


def _sync_options(workplace: Workplace, run: Run, hop: Hop, scope: HopScope, wishes: SyncWishes) -> SyncOptions:
    ledger, name = workplace.ledger, hop.instrument.instrument
    source_root = (hop.source.host, hop.source.root)
    if source_root in wishes.accepted_losses and run.keeps_records:
        ledger.accept_loss(*source_root, by=getpass.getuser(), at_utc=workplace.now())

    def accept_new_root(host: str, root: str) -> bool:
        return (host, root.rstrip("/")) in wishes.new_roots or wishes.confirm_root(host, root)

    def arrived(moved: Sequence[Moved]) -> None:
        files = [MovedFile(one.path, one.size_bytes, one.mtime_s, one.sha256) for one in moved]
        ledger.record_moved(run.id, name, hop.key, files, workplace.now())

    until = wishes.until
    return SyncOptions(
        stamp=run.started_utc.strftime(STAMP),
        hash_all=wishes.hash_all,
        dry_run=wishes.dry_run,
        accept_new_root=accept_new_root,
        trusted_source=_is_vouched(workplace, source_root, wishes),
        is_joined=_is_joined(hop),
        should_stop=lambda: until is not None and workplace.now() >= until,
        stops_by_time=until is not None,
        previous_counts=ledger.last_counts(name, hop.key, scope.nights),
        loss_accepted=source_root in wishes.accepted_losses,
        waiting_since_s=ledger.waiting_since(name, hop.key),
        away_reason=away_now(workplace, hop.instrument) or removable_away(workplace, hop),
        expected_markers=expected_markers(workplace, hop),
        on_arrived=arrived,
        progress=lambda progress: wishes.progress(hop, progress),
    )


def _is_vouched(workplace: Workplace, root: tuple[str, str], wishes: SyncWishes) -> bool:
    """Say whether a source without a sign of being the root was named as new by a person, now or earlier."""
    if root in wishes.new_roots:
        workplace.ledger.vouch_root(*root, identity="", at_utc=workplace.now())
        return True
    record = workplace.ledger.root(*root)
    return record is not None and record.is_vouched


def _is_joined(hop: Hop) -> bool:
    index = [copy.label for copy in hop.instrument.copies].index(hop.destination.name)
    return len(sources_of(hop.instrument, index)) > 1


def removable_away(workplace: Workplace, hop: Hop) -> str | None:
    """Return what to say where a hop's removable drive is not there."""
    for place in (hop.source, hop.destination):
        if place.declared.removable:
            record = workplace.ledger.root(place.host, place.root)
            seen = "never seen" if record is None else f"last seen {record.last_seen_utc:%Y-%m-%d}"
            return f"the removable drive {place.name} is not there, {seen}"
    return None


def expected_markers(workplace: Workplace, hop: Hop) -> tuple[str | None, str | None]:
    """Return the ids that the markers of removable drives must show; None where any will do."""
    source, destination = (_known_marker(workplace, place) for place in (hop.source, hop.destination))
    return source, destination


def _known_marker(workplace: Workplace, place: Place) -> str | None:
    if not place.declared.removable:
        return None
    record = workplace.ledger.root(place.host, place.root)
    return (record.identity or None) if record else None


def _record_sync(workplace: Workplace, run: Run, hop: Hop, outcome: HopOutcome) -> None:
    ledger, at = workplace.ledger, workplace.now()
    ledger.record_hop(
        run.id,
        HopRecord(
            outcome.instrument,
            outcome.hop,
            outcome.source,
            outcome.destination,
            outcome.state,
            outcome.reason,
            outcome.source_root,
            outcome.destination_root,
            engine=outcome.engine,
            source_files=outcome.source_files,
            planned=outcome.planned,
            transferred=outcome.transferred,
            failed=len(outcome.failed),
            moved_bytes=outcome.moved_bytes,
            seconds=outcome.seconds,
        ),
    )
    nights = {
        night: NightRecord(
            None if outcome.loss else moves.source_files,
            moves.open_files,
            moved_files=moves.moved_files,
            moved_bytes=moves.moved_bytes,
        )
        for night, moves in outcome.per_night.items()
        if night != dt.date.min
    }
    ledger.record_nights(run.id, outcome.instrument, outcome.hop, nights, at)
    ledger.record_waiting(outcome.instrument, outcome.hop, outcome.in_progress, at)
    if outcome.loss is not None:
        ledger.record_loss(hop.source.host, hop.source.root, *outcome.loss, at)
    _see_roots(workplace, hop, outcome.markers)


def _see_roots(workplace: Workplace, hop: Hop, markers: Sequence[str | None]) -> None:
    """Remember when each root was last there, and as which: removable drives are told apart by it."""
    for place, marker in zip((hop.source, hop.destination), markers, strict=False):
        if marker is not None:
            workplace.ledger.record_root_seen(place.host, place.root, workplace.now(), marker)


def verify(workplace: Workplace, run: Run, asked: Asked, wishes: VerifyWishes) -> list[HopVerdict]:
    """Verify the hops asked for, in order, and remember what was proven."""
    return [
        verify_one(workplace, run, hop, scope_asked(workplace, asked, hop), wishes)
        for hop in hops_asked(workplace, asked)
    ]


def verify_one(workplace: Workplace, run: Run, hop: Hop, scope: HopScope, wishes: VerifyWishes) -> HopVerdict:
    """Verify one hop and remember what was proven."""
    declared = hop.instrument.verify.level
    away = all_away(workplace, hop.instrument, scope.nights)
    options = CheckOptions(
        level=wishes.level or declared,
        reverse=wishes.reverse,
        accepted=acceptances(workplace, hop),
        away_reason=away or away_now(workplace, hop.instrument) or removable_away(workplace, hop),
        progress=lambda files: wishes.progress(hop, files),
        expected_markers=expected_markers(workplace, hop),
    )
    source, destination = workplace.endpoint(hop.source.host), workplace.endpoint(hop.destination.host)
    verdict = check(scope, source, destination, options)
    if away is not None and verdict.state is State.OK and not verdict.source_files:
        verdict = replace(verdict, away_reason=away)
    log.info(
        "verified",
        extra={
            "instrument": verdict.instrument,
            "hop": verdict.hop,
            "state": verdict.state.value,
            "compared": verdict.compared,
            "missing": len(verdict.missing),
        },
    )
    if run.keeps_records:
        _record_verdict(workplace, run, hop, verdict, LEVELS.index(verdict.level) >= LEVELS.index(declared))
    return verdict


def acceptances(workplace: Workplace, hop: Hop) -> tuple[Acceptance, ...]:
    """Return what people have accepted of an instrument, as the verifier takes it."""
    active = workplace.ledger.acceptances(hop.instrument.instrument, workplace.present_night(hop.instrument))
    return tuple(Acceptance(one.night, one.reason, frozenset(one.frames), frozenset(one.files)) for one in active)


def _record_verdict(workplace: Workplace, run: Run, hop: Hop, verdict: HopVerdict, is_deep_enough: bool) -> None:
    ledger, at = workplace.ledger, workplace.now()
    ledger.record_hop(
        run.id,
        HopRecord(
            verdict.instrument,
            verdict.hop,
            verdict.source,
            verdict.destination,
            verdict.state,
            verdict.reason,
            verdict.source_root,
            verdict.destination_root,
            level=verdict.level,
            source_files=verdict.source_files,
            compared=verdict.compared,
            not_comparable=verdict.not_comparable,
        ),
    )
    may_prove = is_deep_enough and verdict.state in (State.OK, State.DIFFERENT)
    nights = {}
    for night, count in verdict.per_night.items():
        if night == dt.date.min or (not count.source_files and not count.open_files):
            continue
        is_proven = may_prove and not count.open_files
        nights[night] = NightRecord(
            count.source_files,
            count.open_files if verdict.state is not State.UNKNOWN else None,
            NightState.PROVEN if is_proven else None,
            verdict.level if is_proven else None,
        )
    ledger.record_nights(run.id, verdict.instrument, verdict.hop, nights, at)
    _see_roots(workplace, hop, verdict.markers)


def state_of(states: Sequence[State]) -> State:
    """Return the state of a run over some hops; of none at all it is ok that nothing was to be done."""
    return worst(states) if states else State.OK
