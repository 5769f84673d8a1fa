"""One hop of a run: what the ledger knows of it goes in, what became of it goes back.

Moving is syncer/sync.py's; which hops, and in which order, syncing.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from catalogue.records import MovedFile, NightRecord
from nightferry.early import HopListings, Listing
from nightferry.expectations import expectations, is_origin, pending_loss, unexcused, unfinished
from nightferry.neighbours import old_aside_before
from nightferry.retention.carried import note_carried
from nightferry.runs import Run, hop_record, named_ends, onward_of, see_roots
from nightferry.selection import acceptances, all_away
from nightferry.unseen import note_source
from nightferry.vanished import Before, brought_again, forget_before
from nightferry.waiting import record_waiting
from nightferry.workplace import Workplace
from observatory.accounts import account
from observatory.errors import LockHeld
from observatory.listing import ANY_NIGHT, HopScope
from observatory.nights import STAMP_FORMAT
from observatory.spec.chain import Hop, Place, is_joined
from observatory.truth import State
from syncer.outcome import Failure, HopOutcome
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Arrived, Progress
from verifier.accepted import is_accepted

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

    def accepts_root(self, place: Place) -> bool:
        """Say whether a root is taken for a new one."""
        return (place.host, place.root) in self.new_roots

    def accepts_loss(self, place: Place) -> bool:
        """Say whether what a source lost may be so."""
        return (place.host, place.root) in self.accepted_losses


@dataclass(frozen=True, slots=True)
class HopSync:
    """One hop under way.

    Attributes
    ----------
    workplace : Workplace
    run : Run
    scope : HopScope
        The nights that may travel.
    wishes : SyncWishes
    before : Before
        What was known of them when it began.
    listings : HopListings
        Its ends, which may be under way.
    """

    workplace: Workplace
    run: Run
    scope: HopScope
    wishes: SyncWishes
    before: Before
    listings: HopListings

    @property
    def hop(self) -> Hop:
        """The hop."""
        return self.scope.hop

    @property
    def _key(self) -> tuple[str, str]:
        """By what the ledger knows it."""
        return self.hop.instrument.instrument, self.hop.key

    def sync(self) -> HopOutcome:
        """Carry what the hop lacks; another run that works there is an outcome too."""
        try:
            source = self._end(self.hop.source, self.listings.source)
            destination = self._end(self.hop.destination, self.listings.destination)
            outcome = sync_hop(self.scope, source, destination, self._options())
        except LockHeld as error:
            outcome = replace(nothing_done(self.workplace, self.hop, self.scope.nights), lock_reason=str(error))
        outcome = self._away_if_nothing(self._without_accepted(outcome))
        return replace(outcome, brought_again=brought_again(self.workplace, self.scope, self.before, outcome))

    def _end(self, place: Place, listing: Listing) -> End:
        return End(self.workplace.endpoint(place.host), self.workplace.access(place.host), listing.survey)

    def _away_if_nothing(self, outcome: HopOutcome) -> HopOutcome:
        """Say of nights away that hold nothing that they are away; what they hold all the same is carried like any.

        Of a source that could not be looked at, why its absence is no excuse.
        """
        if outcome.source_files:
            return outcome
        if outcome.unknown_reason is not None:
            why = unexcused(self.workplace, self.hop, self.scope.nights, outcome.unknown_reason)
            return replace(outcome, unknown_reason=why)
        away = None
        if outcome.state is State.OK and is_origin(self.hop.instrument, self.hop.source):
            away = all_away(self.workplace, self.hop.instrument, self.scope.nights)
        return outcome if away is None else replace(outcome, away_reason=away)

    def _without_accepted(self, outcome: HopOutcome) -> HopOutcome:
        """Take out what a person has said is known."""
        known = acceptances(self.workplace, self.hop)

        def others(failures: Sequence[Failure]) -> tuple[Failure, ...]:
            return tuple(one for one in failures if not is_accepted(known, self.scope, one.path))

        return replace(outcome, kept=others(outcome.kept), failed=others(outcome.failed), stuck=others(outcome.stuck))

    # ---- what goes in

    def _options(self) -> SyncOptions:
        workplace, hop, nights, wishes = self.workplace, self.hop, self.scope.nights, self.wishes
        self._note_words()
        until = wishes.until
        return SyncOptions(
            stamp=self.run.started_utc.strftime(STAMP_FORMAT),
            hash_all=wishes.hash_all,
            dry_run=wishes.dry_run,
            accept_new_root=self._accept_new_root,
            is_joined=is_joined(hop),
            should_stop=lambda: until is not None and workplace.now() >= until,
            stops_by_time=until is not None,
            previous_counts=workplace.ledger.last_counts(*self._key, (*nights, ANY_NIGHT)),
            unfinished=unfinished(workplace, self.scope),
            loss_accepted=wishes.accepts_loss(hop.source),
            waiting_since_s=workplace.ledger.waiting_since(*self._key),
            pending_loss=pending_loss(workplace, hop.source),
            expected=expectations(workplace, hop, nights, wishes.new_roots),
            source_to_be=wishes.accepts_root(hop.source) and not is_origin(hop.instrument, hop.source),
            on_begun=self._begun,
            on_arrived=self._arrived,
            settled=self._products(),
            progress=lambda progress: wishes.progress(hop, progress),
            now=workplace.local_now,
            old_before=old_aside_before(workplace, hop.destination),
        )

    def _note_words(self) -> None:
        """Note what a person says of the source, before it is looked at."""
        place, ledger, at_utc = self.hop.source, self.workplace.ledger, self.workplace.now()
        if self.wishes.accepts_root(place) and self.run.keeps_records:
            ledger.vouch_root(place.host, place.root, identity="", at_utc=at_utc)
        if self.wishes.accepts_loss(place) and self.run.keeps_records:
            ledger.accept_loss(place.host, place.root, by=account(), at_utc=at_utc)

    def _accept_new_root(self, host: str, root: str) -> bool:
        return (host, root.rstrip("/")) in self.wishes.new_roots or self.wishes.confirm_root(host, root)

    def _products(self) -> dict[bytes, tuple[int, float]]:
        if self.hop.instrument.convert is None:
            return {}
        from nightferry.products.converting import products_of  # loaded only where there are steps

        return products_of(self.workplace, self.hop.instrument, self.hop.source, self.scope.nights)

    # ---- what goes back

    def _begun(self, outcome: HopOutcome) -> None:
        ledger, now = self.workplace.ledger, self.workplace.now()
        lacking = {night: one for night, one in self._night_records(outcome).items() if one.open_files}
        ledger.record_nights(self.run.id, *self._key, lacking, now)
        waiting = {*ledger.waiting_since(*self._key), *outcome.in_progress}  # of which some never stay
        ledger.record_waiting(*self._key, waiting, now)

    def _arrived(self, arrived: Sequence[Arrived]) -> None:
        files = [MovedFile(one.item.path, one.size_bytes, one.mtime_s, one.sha256) for one in arrived]
        self.workplace.ledger.record_moved(self.run.id, *self._key, files, self.workplace.now())
        note_carried(self.workplace, self.scope, [file.path for file in files])

    def record(self, outcome: HopOutcome, is_whole: bool) -> None:
        """Remember what became of the hop; `is_whole`: all of its nights were looked at that are due."""
        ledger, at = self.workplace.ledger, self.workplace.now()
        if is_whole:  # else the nights of an outage would be forgotten
            self._record_hop(outcome)
        nights = self._night_records(outcome)
        see_roots(self.workplace, self.run, self.hop, outcome)
        ledger.record_nights(self.run.id, *self._key, nights, at, onward=onward_of(self.hop))
        if outcome.per_night or outcome.state is State.OK:  # else nobody looked, and since when files wait stays known
            seen = outcome.per_night if outcome.state in (State.OK, State.DIFFERENT) else None
            record_waiting(self.workplace, self.run, self.scope, outcome.in_progress, seen)
        if outcome.loss is not None:
            ledger.record_loss(self.hop.source.host, self.hop.source.root, *outcome.loss, at)
        if outcome.source_alone:
            note_source(self.workplace, self.run, self.scope)
        if self.wishes.accepts_loss(self.hop.source) and outcome.state is not State.UNKNOWN:
            empty = [night for night in (*self.scope.nights, ANY_NIGHT) if night not in outcome.per_night]
            forget_lost(self.workplace, self.run, self.scope, empty)

    def _record_hop(self, outcome: HopOutcome) -> None:
        self.workplace.ledger.record_hop(
            self.run.id,
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

    def _night_records(self, outcome: HopOutcome) -> dict[dt.date, NightRecord]:
        """Return what is remembered of a hop's nights.

        Where a part could not be read, or a loss is not accepted, a smaller count must not become what was last seen;
        nor one below the least that is known of a night: whether the destination has what the source has no more, only
        a verify sees.
        """
        known = self.workplace.ledger.last_counts(*self._key, outcome.per_night)
        if outcome.state is not State.UNKNOWN:
            least = {} if self.wishes.accepts_loss(self.hop.source) else self.before.least
            known = {night: min(files, least.get(night, 0)) for night, files in known.items()}
        return {
            night: NightRecord(
                max(moves.source_files, known.get(night, 0)),
                moves.open_files,
                moved_files=moves.moved_files,
                moved_bytes=moves.moved_bytes,
            )
            for night, moves in outcome.per_night.items()
        }


def nothing_done(workplace: Workplace, hop: Hop, nights: Sequence[dt.date]) -> HopOutcome:
    """Return the outcome of a hop at which nothing was done."""
    return HopOutcome(**named_ends(workplace, hop), nights=nights)


def forget_lost(workplace: Workplace, run: Run, scope: HopScope, nights: Sequence[dt.date]) -> None:
    """Expect no files any more in nights that hold none, as a person said: the next run is not to miss them again."""
    name = scope.hop.instrument.instrument
    known = workplace.ledger.last_counts(name, scope.hop.key, nights)
    gone = {night: NightRecord(source_files=0) for night, files in known.items() if files}
    workplace.ledger.record_nights(run.id, name, scope.hop.key, gone, workplace.now())
    forget_before(workplace, run, scope)
