"""Carries out an instrument's steps over some nights of a copy that lies on this machine.

The oldest night first. Taking one through its steps is night.py's, when it may begin gate.py's, in which order its
steps may follow one another order.py's, doing a task or skipping it work.py's; what a step does is its own.
"""

from __future__ import annotations

import datetime as dt
import itertools
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from converters.base import Facts, NightFolder
from converters.crew import Crew, LocalCrew
from converters.folders import Trouble, check_root, night_folders
from converters.night import NightRun, Shared, StepProgress
from converters.nightstep import AnyStep, NightStep
from converters.outcome import ConvertOutcome, ConvertRow, RowResult
from converters.remembered import NightMemory, StepMemory
from converters.work import Bench, Reached
from converters.workspace import Halter, close_work, sweep, work_below
from observatory.errors import RootNotProven, UsageError
from observatory.listing import Scope
from observatory.spec.chain import Place
from observatory.spec.models import Instrument, StepSection


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How steps are carried out.

    Attributes
    ----------
    force : bool
        Do again what succeeded before.
    steps : frozenset of str
        Labels of the steps to take; empty: all.
    dry_run : bool
        Say what would be done; inputs are read and nothing is written.
    workers : int or str
        How many tasks work at a time on this machine (what they made is hashed and brought to disk beside that); or a
        Dask scheduler's address, ``tcp://host:8786``.
    settle_s : float or None
        Inputs younger than this are left for the next run; None: as the instrument says.
    present : date or None
        The night that it is now: night steps do not begin it.
    tasks_far : int
        How many tasks are handed to a cluster at a time.
    freed : frozenset of bytes
        Paths below the root of what was freed there on purpose: a night step would make less of a night that lacks
        some of its files, so such a night stays as it is.
    reached : callable
        See `converters.work.Reached`: what these files are to others, no step takes away.
    """

    force: bool = False
    steps: frozenset[str] = frozenset()
    dry_run: bool = False
    workers: int | str = 1
    settle_s: float | None = None
    present: dt.date | None = None
    tasks_far: int = 64
    freed: frozenset[bytes] = frozenset()
    reached: Reached = field(default=lambda paths: {})


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def convert(
    instrument: Instrument,
    scope: Scope,
    steps: Sequence[StepSection],
    memory: StepMemory,
    options: ConvertOptions | None = None,
    now: Callable[[], dt.datetime] = _utc_now,
    progress: Callable[[ConvertRow], None] = lambda row: None,
    watch: Callable[[StepProgress], None] = lambda progress: None,
) -> ConvertOutcome:
    """Carry out some steps, in their order, over the nights of a scope; the caller holds the instrument's lock.

    Repeating is safe: what is done is skipped. One failing input stops neither the others nor later steps of single
    inputs; a night step that is not complete stops what comes after it in its night, and no other night.

    Parameters
    ----------
    scope : Scope
        Of a copy on this machine, from `observatory.listing.scope_of`.
    steps : sequence of StepSection
        Those that work on this copy: all of them, whichever `options` choose.
    memory : StepMemory
        The ledger.
    now : callable
        The clock, with a zone.
    progress : callable
        Told of each row as it ends, from the calling thread.
    watch : callable
        Told how far each step is, from the calling thread.

    Raises
    ------
    UsageError
        A section that is no step, or a name in `options.steps` that no step has.
    RecordsUnavailable
        From `memory`. What is done stays, and is done again by the next run.
    SchedulerSilent
        The cluster of `options.workers` does not answer; nothing was done.
    """
    options = options or ConvertOptions()
    able = _able(steps, options.steps)
    rows: list[ConvertRow] = []
    counted: dict[tuple[dt.date, str], Facts] = {}
    spent: dict[tuple[dt.date, str], float] = {}

    def told(row: ConvertRow) -> None:
        rows.append(row)
        progress(row)

    reason = None
    try:
        with _crew(options.workers, able) as crew, ThreadPoolExecutor(_at_hand(options)) as pool:
            bench = _bench(instrument, scope, crew, options, now)
            given = (options.steps, bench, options.present, options.freed)
            _over_all_nights(Shared(scope, able, *given, pool, counted, spent, told, watch), memory)
    except RootNotProven as error:
        reason = str(error)
    told_of = (instrument.instrument, scope.place.name, scope.nights)
    return ConvertOutcome(*told_of, tuple(rows), reason, options.dry_run, counted=counted, spent=spent)


def copy_name(instrument: Instrument, place: Place) -> str:
    """Return what the ledger calls a copy: the variants of an instrument share names of copies, not roots."""
    return f"{place.name}@{place.root}" if instrument.variants else place.name


def _able(steps: Sequence[StepSection], labels: frozenset[str]) -> list[AnyStep]:
    unknown = labels - {step.label for step in steps}
    if unknown:
        told = ", ".join(step.label for step in steps) or "none"
        raise UsageError(f"no step {', '.join(sorted(unknown))} here (there are: {told})")
    able: list[AnyStep] = []
    for step in steps:
        if not isinstance(step, AnyStep):
            raise UsageError(f"step {step.label!r}: there is no converter {step.step!r}")
        able.append(step)
    return able


def _crew(workers: int | str, steps: Sequence[AnyStep]) -> Crew:
    if isinstance(workers, int):
        return LocalCrew(steps)
    from converters.dask_crew import DaskCrew  # few sites have a cluster

    return DaskCrew(workers)


def _bench(
    instrument: Instrument, scope: Scope, crew: Crew, options: ConvertOptions, now: Callable[[], dt.datetime]
) -> Bench:
    root = Path(scope.place.root)
    return Bench(
        instrument=instrument,
        copy=copy_name(instrument, scope.place),
        root=root,
        work=work_below(root, instrument.instrument, socket.gethostname()),
        crew=crew,
        halter=Halter(),
        slots=threading.Semaphore(_at_once(options)),
        now=now,
        settle_s=instrument.settle_s if options.settle_s is None else options.settle_s,
        force=options.force,
        dry_run=options.dry_run,
        reached=options.reached,
    )


def _at_once(options: ConvertOptions) -> int:
    """Return how many tasks work at a time."""
    return max(1, options.workers) if isinstance(options.workers, int) else options.tasks_far


def _at_hand(options: ConvertOptions) -> int:
    """Return how many tasks are at hand: half as many again on this machine, which are hashed and brought to disk.

    With one worker there is one: what happens one after the other then can be followed.
    """
    at_once = _at_once(options)
    return at_once + (at_once + 1) // 2 if isinstance(options.workers, int) and at_once > 1 else at_once


def _over_all_nights(run: Shared, memory: StepMemory) -> None:
    bench = run.bench
    found = list(night_folders(run.scope))
    check_root(run.scope, any(isinstance(one, NightFolder) for one in found))
    if not bench.dry_run:
        _begin(run.scope, bench)
    try:
        for night, folders in itertools.groupby(found, key=lambda one: one.night):
            _over_night(run, memory, night, list(folders))
    except BaseException:
        bench.halter.pull()
        run.pool.shutdown(wait=True, cancel_futures=True)
        raise
    if not bench.dry_run:
        close_work(bench.work)


def _over_night(run: Shared, memory: StepMemory, night: dt.date, folders: Sequence[NightFolder | Trouble]) -> None:
    bench = run.bench
    known = NightMemory(memory, bench.instrument.instrument, bench.copy, night, bench.root)
    is_whole, taken = True, list[NightRun]()
    try:
        for one in folders:
            if isinstance(one, Trouble):
                run.told(ConvertRow("", night, one.folder, RowResult.UNREADABLE, one.reason))
                is_whole = False
            else:
                taken.append(NightRun(run, known, one))
                is_whole &= _carry_out(run, known, taken[-1])
        if not bench.dry_run:
            _note_processed(run, memory, night, is_whole, taken)
            if any(one.has_made for one in taken):
                of_steps = {(night, step.label): known.counted(step.label) for step in run.steps}
                run.counted.update({key: facts for key, facts in of_steps.items() if facts is not None})
    finally:
        if not bench.dry_run:
            known.keep_hashes()


def _carry_out(run: Shared, known: NightMemory, first: NightRun) -> bool:
    """Take a folder through the steps, and once more where that leaves something to do; say whether all is complete.

    Of an input that has changed, what was made of it together with others is outdated as a whole: files that one step
    numbered, say. It is set aside when that step is planned, and then the steps before it have to make theirs again.
    """
    is_whole = first.carry_out()
    is_joint = any(isinstance(step, NightStep) for step in run.steps)
    if run.bench.dry_run or not (is_whole and is_joint and first.has_made and _takes_all(run)) or first.is_through():
        return is_whole
    telling = replace(run, bench=replace(run.bench, force=False), told=lambda row: _tell_what_changed(run, row))
    again = NightRun(telling, known, first.folder)
    if not again.carry_out():
        return False
    if not again.is_through():
        words = "taken twice, its steps would still make something: `convert --dry-run` says what"
        run.told(ConvertRow("", first.folder.night, first.folder.subject, RowResult.FAILED, words))
        return False
    return True


def _tell_what_changed(run: Shared, row: ConvertRow) -> None:
    if row.result is not RowResult.SKIPPED:
        run.told(row)


def _takes_all(run: Shared) -> bool:
    return not run.labels or run.labels >= {step.label for step in run.steps}


def _note_processed(run: Shared, memory: StepMemory, night: dt.date, is_whole: bool, taken: Sequence[NightRun]) -> None:
    labels = {step.label for step in run.steps}
    is_over = run.present is None or night < run.present
    if is_whole and is_over and not _takes_all(run):
        if not any(one.has_made for one in taken):
            return  # nobody has asked what the other steps would say
        is_whole = all(one.is_through() for one in taken)  # what was made again may be what the others know already
    done = labels if is_whole and is_over else set()
    memory.night_processed(run.bench.instrument.instrument, run.bench.copy, night, done, run.bench.now())


def _begin(scope: Scope, bench: Bench) -> None:
    try:
        sweep(bench.work)
    except OSError as error:
        reason = f"cannot be worked in: {error.filename}: {error.strerror}"
        raise RootNotProven(scope.place.host, scope.place.root, reason) from error
