"""One hop of one instrument: look at both ends, plan, check, move, and look again.

Leaves deciding to plan.py, carrying to transfer/, records to its caller (through `on_arrived`).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Literal

from observatory.compare import merge
from observatory.endpoints.contract import HostAccess, Survey
from observatory.endpoints.openssh import SshOptions, command_line
from observatory.ends import NOTHING_EXPECTED, Expectations, borne_twice, excuse, is_source_alone, loss_words, mass_loss
from observatory.errors import CouldNotTell, LockHeld
from observatory.listing import HopScope
from observatory.records import Entry, RecordError
from observatory.spec.chain import set_aside_days
from observatory.spec.models import TransferOptions
from syncer.candidates import Candidates, Policy
from syncer.links import copy_links
from syncer.lock import Lease, destination_lock, worked_since
from syncer.outcome import Failure, HopOutcome
from syncer.plan import Move, Plan, decide, without_poisoned
from syncer.questions import Questions
from syncer.roots import RootToBe, mark, refuse_one_folder
from syncer.safety import moves_by_night, why_refused
from syncer.spelling import folds_form, without_misspelt
from syncer.survey import End, Trust, survey_both
from syncer.transfer.abreast import beside
from syncer.transfer.ahead import Ahead
from syncer.transfer.choose import ByNumber, choose
from syncer.transfer.contract import Arrived, Batch, CarryResult, Engine, Item, Progress, local_now, no_progress
from syncer.transfer.folders import OldBefore, free_old_replaced, sweep, unused_stamp
from syncer.transfer.meter import Together

BATCH_FILES = 100_000
BATCH_BYTES = 16 << 30
"""A batch is synced and recorded as one: so much is looked at again at most after a crash."""


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What one run wants of a hop.

    Attributes
    ----------
    stamp : str
        UTC time of the run, names the folder for what is replaced.
    hash_all : bool
        Ask for the hash of what looks the same (``--level checksum``).
    dry_run : bool
    accept_new_root : callable
        Asked with host and root where the destination shows no sign of being the root.
    is_joined : bool
        Several copies fill this destination; nothing is replaced by another's file then.
    should_stop : callable
        Asked between batches; with it a batch is a night.
    stops_by_time : bool
    previous_counts : mapping of night to files
        What the last run saw on this source, less what was freed since.
    unfinished : collection of night
        Of whose files the last run saw most on this source alone.
    pending_loss : pair of int or None
        How many files the source held and holds since a loss that nobody has accepted.
    loss_accepted : bool
        A person has said that the loss may be so.
    waiting_since_s : mapping of path to Unix seconds
        Since when files have been in progress.
    expected : pair of Expectation
        What is known of the two ends beforehand.
    on_begun : callable
        Told what the hop lacks, just before the first byte moves: a run that is killed cannot say it afterwards.
    on_arrived : callable
        Told of what arrived and was synced, batch by batch.
    progress : callable
    settled : mapping of path to (size, mtime)
        Files that were brought to their places whole and are not young, whatever their times.
    now : callable
        The site's local time, by the rules of its zone: what ``hours`` of a transfer are counted in.
    is_proven : bool
        Every file that the scope takes was read just now on the source and is what it was (`restore --from`): it takes
        the place of whatever bears its name, which is set aside whatever ``on_difference`` says.
    source_to_be : bool
        The source is a new root that the hop before this one makes: absent on a dry run, it holds nothing yet.
    old_before : callable
        Before which instant something is so many days old by all that is known: what was set aside by then is removed.
    """

    stamp: str
    hash_all: bool = False
    dry_run: bool = False
    accept_new_root: Callable[[str, str], bool] = field(default=lambda host, root: False)
    is_joined: bool = False
    should_stop: Callable[[], bool] = field(default=lambda: False)
    stops_by_time: bool = False
    previous_counts: Mapping[dt.date, int] = field(default_factory=dict)
    unfinished: Collection[dt.date] = ()
    pending_loss: tuple[int, int] | None = None
    loss_accepted: bool = False
    waiting_since_s: Mapping[bytes, float] = field(default_factory=dict)
    expected: Expectations = NOTHING_EXPECTED
    on_begun: Callable[[HopOutcome], None] = field(default=lambda outcome: None)
    on_arrived: Callable[[Sequence[Arrived]], None] = field(default=lambda arrived: None)
    progress: Callable[[Progress], None] = no_progress
    settled: Mapping[bytes, tuple[int, float]] = field(default_factory=dict)
    now: Callable[[], dt.datetime] = local_now
    is_proven: bool = False
    source_to_be: bool = False
    old_before: OldBefore = field(default=lambda days: None)


def sync_hop(scope: HopScope, source: End, destination: End, options: SyncOptions) -> HopOutcome:
    """Sync one hop and return what became of it; never raises for what a far end does.

    Raises
    ------
    LockHeld
        Another run works on this destination.
    """
    blank = _blank(scope, source, destination, options)
    started = time.monotonic()
    try:
        outcome = _HopRun(scope, source, destination, options).run(blank)
    except LockHeld:
        raise
    except (CouldNotTell, RecordError) as error:
        blank = replace(blank, source_alone=is_source_alone(error), seconds=time.monotonic() - started)
        excused = excuse(options.expected, error)
        return replace(blank, away_reason=excused) if excused else replace(blank, unknown_reason=str(error))
    return replace(outcome, seconds=time.monotonic() - started)


def _blank(scope: HopScope, source: End, destination: End, options: SyncOptions) -> HopOutcome:
    return HopOutcome(
        instrument=scope.hop.instrument.instrument,
        hop=scope.hop.key,
        source=source.endpoint.name,
        destination=destination.endpoint.name,
        source_root=scope.hop.source.root.rstrip("/") + "/",
        destination_root=scope.hop.destination.root.rstrip("/") + "/",
        nights=scope.nights,
        dry_run=options.dry_run,
    )


class _HopRun:
    """One hop on its way: holds what the steps share."""

    def __init__(self, scope: HopScope, source: End, destination: End, options: SyncOptions) -> None:
        self._scope, self._options = scope, options
        self._stamp = options.stamp
        self._source, self._destination = source, destination
        self._roots = (scope.source.request.root, scope.destination.request.root)
        self._questions = Questions(scope, source, destination)
        self._new_marker: str | None = None
        self._choosing: Future[Engine] | None = None
        self._begun = Ahead()

    def run(self, blank: HopOutcome) -> HopOutcome:
        with ExitStack() as stack:
            options = self._options
            trust = Trust(options.accept_new_root, not options.dry_run, options.expected, options.source_to_be)
            here, there = survey_both(self._scope, self._source, self._destination, trust, stack)
            stack.enter_context(self._begun)
            self._ahead = stack.enter_context(beside(2, "ahead"))
            lease = None
            if not options.dry_run:
                lease, there = self._lock(there, stack)
                self._new_marker = mark(self._destination.endpoint, self._roots[1], there.facts)
            looked = self._ahead.submit(self._refuse_one_folder)
            plan = self._plan(here, there)
            looked.result()
            if lease is not None:
                sweep(self._destination.endpoint, self._roots[1], keep_partial=True)
            outcome = self._described(blank, plan, here, there)
            if lease is None:
                return replace(outcome, plan=tuple(Failure(move.entry.path, move.reason) for move in plan.moves))
            return outcome if outcome.refused_reason is not None else self._act(outcome, plan, lease)

    def _refuse_one_folder(self) -> None:
        ends = (self._source.endpoint, self._roots[0], self._destination.endpoint, self._roots[1])
        refuse_one_folder(*ends, self._new_marker)
        if self._new_marker and (other := self._options.expected[1].bearer_of_new(self._new_marker)):
            raise borne_twice(self._destination.endpoint.name, self._scope.hop.destination.root, other)

    def _lock(self, there: Survey, stack: ExitStack) -> tuple[Lease, Survey]:
        """Take the destination's lock; where another run left it after our listing began, list again."""
        endpoint, root = self._destination.endpoint, self._roots[1]
        is_stale = worked_since(endpoint, root, there.facts.clock_s)
        lease = stack.enter_context(destination_lock(endpoint, root))
        if is_stale:
            there.close()
            there = endpoint.survey(self._scope.destination.request)
            stack.callback(there.close)
        return lease, there

    def _plan(self, here: Survey, there: Survey) -> Plan:
        instrument = self._scope.hop.instrument
        policy = Policy(
            instrument.settle_s,
            instrument.settle_limit_s,
            "keep" if self._options.is_joined else instrument.on_difference,
            instrument.symlinks,
            self._options.hash_all,
            self._options.settled,
            self._options.is_joined,
            self._options.is_proven,
        )
        candidates = Candidates(self._scope, policy, here.facts.clock_s)
        names_there = self._scope.in_source_names(self._scope.destination.asked_about(there))
        merge(self._choosing_ahead(self._scope.source.asked_about(here), candidates), names_there, candidates)
        answers = self._questions.answers(candidates, self._options.waiting_since_s)
        plan = without_poisoned(decide(candidates, answers), there.troubles, self._scope.target_of)
        return plan if isinstance(there, RootToBe) else self._questions.refuse_folded(plan, self._folds_form)

    def _folds_form(self) -> bool:
        """On a dry run nothing is written, and so it is not told."""
        return not self._options.dry_run and folds_form(self._destination.endpoint, self._roots[1])

    def _described(self, blank: HopOutcome, plan: Plan, here: Survey, there: Survey) -> HopOutcome:
        names = (self._source.endpoint.name, self._destination.endpoint.name)
        ends = (("source", here), ("destination", there))
        found = [Failure(trouble.path, trouble.reason, on) for on, survey in ends for trouble in survey.troubles]
        whole = next((trouble.reason for trouble in found if not trouble.path), None)
        unreadable = [trouble for trouble in found if trouble.path]
        loss = None if self._options.loss_accepted else self._loss(plan, here)
        place = self._scope.hop.source
        return replace(
            blank,
            source_files=sum(plan.counts.values()),
            planned=len(plan.moves) + len(plan.links),
            planned_bytes=plan.size_bytes,
            in_progress=plan.in_progress,
            kept=plan.kept,
            failed=plan.refused,
            stuck=plan.stuck,
            unrecognised=plan.unrecognised,
            unreadable=tuple(sorted([*unreadable, *plan.unclear])),
            unknown_reason=whole or (loss_words(names[0], place.host, place.root, loss) if loss else None),
            loss=loss,
            markers=(here.facts.marker, self._new_marker or there.facts.marker),
            refused_reason=_why_unlisted(there, names[1]) or why_refused(plan, here.facts, there.facts, names),
            per_night=moves_by_night(self._scope, plan, {}, [*plan.left_open(), *plan.wanted()]),
        )

    def _loss(self, plan: Plan, here: Survey) -> tuple[int, int] | None:
        """A loss stays one until a person has accepted it, however the counts go on from there.

        Where a part of the source could not be read its files are not seen, and not lost for that.
        """
        known = self._options.previous_counts, self._options.unfinished
        found = None if here.troubles else mass_loss(plan.counts, *known)
        return self._options.pending_loss or found

    def _act(self, outcome: HopOutcome, plan: Plan, lease: Lease) -> HopOutcome:
        if plan.moves or plan.links:
            self._options.on_begun(outcome)
        engine = self._engine() if plan.moves else None
        results: list[CarryResult] = []
        links: list[Failure] | None = None
        try:
            if engine is not None:
                self._carry(plan, engine, results, lease)
            links = copy_links(self._destination.endpoint, self._roots[1], self._scope, plan.links)
            self._tidy(results)
        except CouldNotTell as error:  # what arrived before stays said
            outcome = replace(outcome, unknown_reason=outcome.unknown_reason or str(error))
        if links is None:
            links = [Failure(path, "was not begun") for path, _ in plan.links]
        name = results[0].engine if results else engine.name if engine else None
        return self._summed(outcome, plan, results, links, name)

    def _choosing_ahead(self, listing: Iterable[bytes], candidates: Candidates) -> Iterator[bytes]:
        """Pass a listing on; as soon as it shows that something will move, how is found out beside the planning."""
        for chunk in listing:
            yield chunk
            if candidates.new and self._choosing is None and not self._options.dry_run:
                self._choosing = self._ahead.submit(self._choose, tuple(candidates.new))

    def _engine(self) -> Engine:
        return self._choose() if self._choosing is None else self._choosing.result()

    def _choose(self, known: Sequence[Entry] = ()) -> Engine:
        engine = choose(
            self._source.endpoint,
            self._destination.endpoint,
            self._source.access,
            self._destination.access,
            self._scope.hop.destination.declared.transfer,
            remote_shell,
            ahead=self._begun,
        )
        if isinstance(engine, ByNumber):
            engine.begin(self._batch([Move(entry, entry.path, False, "") for entry in known], no_progress))
        return engine

    def _carry(self, plan: Plan, engine: Engine, results: list[CarryResult], lease: Lease) -> None:
        self._stamp = unused_stamp(self._destination.endpoint, self._roots[1], self._stamp)
        done = Together(len(plan.moves), plan.size_bytes, self._options.progress)
        for moves in self._batches(plan):
            lease.require()
            if self._options.should_stop():
                break
            batch = self._batch(moves, done.listener())
            result = self._as_listed(engine.carry(batch))
            lease.prove()  # else it may lie beneath a disk that was unmounted, and is not to be entered as moved
            results.append(result)
            done.add(batch)
            self._options.on_arrived(result.arrived)

    def _as_listed(self, result: CarryResult) -> CarryResult:
        folds = self._questions.destination_folds
        return without_misspelt(result, self._destination.endpoint, self._scope.destination, folds)

    def _batches(self, plan: Plan) -> Iterator[list[Move]]:
        """Cut the plan, newest night first, into what is synced and recorded as one."""
        night_of = self._scope.source.night_of
        batch: list[Move] = []
        size = 0
        for move in plan.moves:
            ends_here = len(batch) >= BATCH_FILES or size >= BATCH_BYTES
            if batch and self._options.stops_by_time:
                ends_here = ends_here or night_of(move.entry.path) != night_of(batch[-1].entry.path)
            if batch and ends_here:
                yield batch
                batch, size = [], 0
            batch.append(move)
            size += move.entry.size_bytes
        if batch:
            yield batch

    def _batch(self, moves: Sequence[Move], progress: Callable[[Progress], None]) -> Batch:
        instrument = self._scope.hop.instrument
        is_set_aside = instrument.on_difference != "replace" or self._options.is_proven
        on_difference: Literal["version", "replace"] = "version" if is_set_aside else "replace"
        return Batch(
            source=self._source.endpoint,
            source_access=self._source.access,
            source_root=self._roots[0],
            destination=self._destination.endpoint,
            destination_access=self._destination.access,
            destination_root=self._roots[1],
            items=[
                Item(m.entry.path, m.target, m.entry.size_bytes, m.entry.mtime_s, None, m.replaces, m.entry.by_link)
                for m in moves
            ],
            stamp=self._stamp,
            on_difference=on_difference,
            modes=instrument.modes,
            symlinks=instrument.symlinks,
            options=self._scope.hop.destination.declared.transfer,
            progress=progress,
            now=self._options.now,
        )

    def _tidy(self, results: Sequence[CarryResult]) -> None:
        endpoint, root = self._destination.endpoint, self._roots[1]
        all_arrived = not any(result.failed for result in results)
        sweep(endpoint, root, keep_partial=not all_arrived)
        days = set_aside_days(self._scope.hop.instrument, self._scope.hop.destination)
        free_old_replaced(endpoint, root, dt.datetime.now(dt.UTC), days, self._options.old_before)

    def _unreadable(self, paths: Sequence[bytes]) -> frozenset[bytes]:
        """Not being able to read the source is not knowing, unlike not being able to write."""
        try:
            return self._questions.unreadable(paths) if paths else frozenset()
        except CouldNotTell:
            return frozenset(paths)

    def _summed(
        self,
        outcome: HopOutcome,
        plan: Plan,
        results: Sequence[CarryResult],
        links: Sequence[Failure],
        engine: str | None,
    ) -> HopOutcome:
        arrived = [arrived for result in results for arrived in result.arrived]
        missed = [Failure(missed.item.path, missed.reason) for result in results for missed in result.failed]
        closed = self._unreadable([failure.path for failure in missed])
        failed = [failure for failure in missed if failure.path not in closed]
        unread = [failure for failure in missed if failure.path in closed]
        sizes = {one.item.path: one.size_bytes for one in arrived}
        left = {move.entry.path for move in plan.moves} - sizes.keys()
        still_open = [*left, *(failure.path for failure in links), *plan.left_open()]
        return replace(
            outcome,
            transferred=len(arrived) + len(plan.links) - len(links),
            moved_bytes=sum(sizes.values()),
            failed=tuple(sorted([*outcome.failed, *failed, *links])),
            replaced=tuple(sorted(one.item.path for one in arrived if one.item.replaces)),
            unreadable=tuple(sorted([*outcome.unreadable, *map(_plainly, unread)])),
            postponed=len(left) - len(missed),
            remarks=tuple(dict.fromkeys(remark for result in results for remark in result.remarks)),
            per_night=moves_by_night(self._scope, plan, sizes, still_open),
            engine=results[-1].engine if results else engine,
        )


def remote_shell(access: HostAccess, options: TransferOptions) -> list[str]:
    """Return the ssh words by which rsync reaches a host."""
    return command_line(access, SshOptions(options.cipher, bool(options.compression)))


def _plainly(failure: Failure) -> Failure:
    """Return why a file could not be read in the words of a listing: what it stands under says the rest."""
    return replace(failure, reason=failure.reason.removeprefix("could not be read at the source: "))


def _why_unlisted(there: Survey, name: str) -> str | None:
    """Say that nothing may be moved where the destination's listing ended early: it may all be there already."""
    if all(trouble.path for trouble in there.troubles):
        return None
    return f"{name}: its listing is not whole; nothing was moved"
