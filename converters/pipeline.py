"""Carries out an instrument's steps over some nights of a copy that lies on this machine.

Step by step within a night, several inputs at a time. Whether a task is to be done, and doing it, is
work.py's; what a step does is its own.
"""

from __future__ import annotations

import datetime as dt
import itertools
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from converters.base import NightFolder, Step, Task
from converters.folders import Trouble, check_root, night_folder, night_folders
from converters.outcome import ConvertOutcome, ConvertRow, RowResult
from converters.work import Bench, StepMemory, do_task
from converters.workspace import Halter, close_work, sweep, work_below
from observatory.errors import RootNotProven, UsageError
from observatory.listing import Scope
from observatory.names import show
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
    workers : int
        How many tasks work at a time.
    settle_s : float or None
        Inputs younger than this are left for the next run; None: as the instrument says.
    """

    force: bool = False
    steps: frozenset[str] = frozenset()
    dry_run: bool = False
    workers: int = 1
    settle_s: float | None = None


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
) -> ConvertOutcome:
    """Carry out some steps, in their order, over the nights of a scope; the caller holds the instrument's lock.

    Repeating is safe: what is done is skipped. One failing input stops neither the others nor later steps.

    Parameters
    ----------
    scope : Scope
        Of a copy on this machine, from `observatory.listing.scope_of`.
    steps : sequence of StepSection
        Those that work on this copy.
    memory : StepMemory
        The ledger.
    now : callable
        The clock, with a zone.
    progress : callable
        Told of each row as it ends, from the calling thread.

    Raises
    ------
    UsageError
        A section that is no step, or a name in `options.steps` that no step has.
    RecordsUnavailable
        From `memory`. What is done stays, and is done again by the next run.
    """
    options = options or ConvertOptions()
    chosen = _chosen(steps, options.steps)
    rows: list[ConvertRow] = []

    def told(row: ConvertRow) -> None:
        rows.append(row)
        progress(row)

    reason = None
    try:
        _over_all_nights(scope, chosen, _bench(instrument, scope, memory, options, now), options.workers, told)
    except RootNotProven as error:
        reason = str(error)
    return ConvertOutcome(instrument.instrument, scope.place.name, scope.nights, tuple(rows), reason, options.dry_run)


def _chosen(steps: Sequence[StepSection], labels: frozenset[str]) -> list[Step]:
    unknown = labels - {step.label for step in steps}
    if unknown:
        told = ", ".join(step.label for step in steps) or "none"
        raise UsageError(f"no step {', '.join(sorted(unknown))} here (there are: {told})")
    chosen: list[Step] = []
    for step in steps:
        if not isinstance(step, Step):
            raise UsageError(f"step {step.label!r}: there is no converter {step.step!r}")
        if not labels or step.label in labels:
            chosen.append(step)
    return chosen


def _bench(
    instrument: Instrument, scope: Scope, memory: StepMemory, options: ConvertOptions, now: Callable[[], dt.datetime]
) -> Bench:
    place = scope.place
    return Bench(
        instrument=instrument.instrument,
        # the variants of an instrument share the names of their copies, not their roots
        copy=f"{place.name}@{place.root}" if instrument.variants else place.name,
        work=work_below(Path(place.root), instrument.instrument, socket.gethostname()),
        memory=memory,
        halter=Halter(),
        now=now,
        settle_s=instrument.settle_s if options.settle_s is None else options.settle_s,
        force=options.force,
        dry_run=options.dry_run,
    )


def _over_all_nights(
    scope: Scope, steps: Sequence[Step], bench: Bench, workers: int, told: Callable[[ConvertRow], None]
) -> None:
    found = list(night_folders(scope))
    check_root(scope, any(isinstance(one, NightFolder) for one in found))
    if not bench.dry_run:
        _begin(scope, bench)
    names = (f"task-{number}" for number in itertools.count())
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        try:
            for one in found:
                if isinstance(one, Trouble):
                    told(ConvertRow("", one.night, one.folder, RowResult.UNREADABLE, one.reason))
                else:
                    _over_night(scope, one, steps, bench, pool, names, told)
        except BaseException:
            bench.halter.pull()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if not bench.dry_run:
        close_work(bench.work)


def _begin(scope: Scope, bench: Bench) -> None:
    try:
        sweep(bench.work)
    except OSError as error:
        reason = f"cannot be worked in: {error.filename}: {error.strerror}"
        raise RootNotProven(scope.place.host, scope.place.root, reason) from error


def _over_night(
    scope: Scope,
    folder: NightFolder,
    steps: Sequence[Step],
    bench: Bench,
    pool: ThreadPoolExecutor,
    names: Iterator[str],
    told: Callable[[ConvertRow], None],
) -> None:
    for number, step in enumerate(steps):
        if number:
            try:
                folder = night_folder(scope, folder)  # the step before may have made what this one takes
            except OSError as error:
                told(ConvertRow(step.label, folder.night, folder.folder, RowResult.UNREADABLE, str(error)))
                continue
        tasks = list(step.tasks(folder))
        refusals = _refusals(tasks)
        futures = [pool.submit(do_task, bench, step, task, next(names), refusals.get(task.subject)) for task in tasks]
        for future in futures:
            told(future.result())


def _refusals(tasks: Sequence[Task]) -> dict[bytes, str]:
    """Return why some tasks must not be done: two of them would write the same file."""
    written = Counter(path for task in tasks for path in set(task.outputs))
    return {
        task.subject: f"two inputs would both make {show(path)}"
        for task in tasks
        for path in task.outputs
        if written[path] > 1
    }
