"""Takes one night's folder through an instrument's steps, one after the other, several tasks of each at a time.

Over which nights, and with whom, is pipeline.py's.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from converters.base import Facts, NightFolder, Task
from converters.folders import night_folder
from converters.gate import Moment, reason_to_wait
from converters.nightstep import AnyStep, CannotPlan, NightStep, Survey
from converters.order import Order
from converters.outcome import ConvertRow, RowResult, fault_words
from converters.publishing import clear_outdated, is_anything_left, left_consumed
from converters.remembered import NightMemory
from converters.work import Bench, do_task
from observatory.errors import NightferryError
from observatory.files import os_fault
from observatory.listing import Scope
from observatory.names import show

log = logging.getLogger("nightferry")


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far one step is in one night: tasks that have ended, of so many."""

    instrument: str
    night: dt.date
    step: str
    ended: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Shared:
    """What the nights of one run share.

    Attributes
    ----------
    scope : Scope
    steps : sequence of Step or NightStep
        All of the copy.
    labels : frozenset of str
        Those to take; empty: all.
    bench : Bench
    present : date or None
        The night that it is now.
    freed : frozenset of bytes
        Paths of what was freed on purpose.
    pool : ThreadPoolExecutor
        Each thread attends to one task.
    counted : mutable mapping of night and label to Facts
        What the steps have counted of the nights of which something was made.
    spent : mutable mapping of night and label to seconds
        How long each step has taken by the clock on the wall, however many of its tasks went on side by side.
    told : callable
        Takes rows.
    watch : callable
        Takes how far each step is.
    late : mutable mapping of label to night
        The oldest night in which a step that keeps the order of nights is not complete.
    numbers : iterator of int
        For the tasks' folders.
    """

    scope: Scope
    steps: Sequence[AnyStep]
    labels: frozenset[str]
    bench: Bench
    present: dt.date | None
    freed: frozenset[bytes]
    pool: ThreadPoolExecutor
    counted: MutableMapping[tuple[dt.date, str], Facts]
    spent: MutableMapping[tuple[dt.date, str], float]
    told: Callable[[ConvertRow], None]
    watch: Callable[[StepProgress], None]
    late: MutableMapping[str, dt.date] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)


class NightRun:
    """One night's folder on its way through the steps.

    Attributes
    ----------
    has_made : bool
        Something was made anew.
    """

    def __init__(self, run: Shared, known: NightMemory, folder: NightFolder) -> None:
        self._run, self._known, self._folder = run, known, folder
        self._order = Order(known, run.late)
        self.has_made = False

    @property
    def folder(self) -> NightFolder:
        """The night's folder as last seen."""
        return self._folder

    def carry_out(self) -> bool:
        """Take the chosen steps; say whether all of them are complete."""
        chosen = [step for step in self._run.steps if self._is_chosen(step)]
        if any(isinstance(step, NightStep) for step in chosen) and self._is_freed():
            self._say("", RowResult.SKIPPED, "some of its files were freed: it stays as it is")
            return True
        why = self._must_wait(chosen)
        if why is not None:
            self._say("", *why)
            self._order.all_late(self._run.steps, self._folder.night)
            return False
        is_whole = True
        for number, step in enumerate(self._run.steps):
            if number and not self._look_again(step):
                is_whole = False
                continue
            is_whole &= self._take(step) if self._is_chosen(step) else self._pass_by(step, chosen)
        return is_whole and not self._order.is_held

    def is_through(self) -> bool:
        """Look, without doing anything, whether every step is through, whether it was asked for or not."""
        order = Order(self._known, {})
        bench = replace(self._run.bench, dry_run=True, force=False)
        for step in self._run.steps:
            try:
                self._folder = night_folder(self._run.scope, self._folder)
            except OSError:
                return False
            rows = list(self._rows_of(step, bench))
            order.taken(step, rows, self._folder.night)
            if any(row.result is not RowResult.SKIPPED for row in rows):
                return False
        return not order.is_held and not is_anything_left(self._known)

    def _is_chosen(self, step: AnyStep) -> bool:
        return not self._run.labels or step.label in self._run.labels

    def _is_freed(self) -> bool:
        """Say whether something that was taken or made in this night has been freed, and is not there."""
        there = {self._folder.below_root(path) for path in self._folder.files}
        gone = self._run.freed - there
        if not gone:
            return False
        records = self._known.records()
        taken = {one.path for record in records for one in record.inputs}
        return bool(gone & (taken | {one.path for record in records for one in record.products}))

    def _must_wait(self, chosen: Sequence[AnyStep]) -> tuple[RowResult, str] | None:
        bench = self._run.bench
        now_s = bench.now().timestamp()
        moment = Moment(self._run.present, now_s, bench.settle_s, bench.instrument.settle_limit_s)
        try:
            reason = reason_to_wait(self._folder, chosen, self._run.scope.cameras, self._known, moment)
        except OSError as error:
            return RowResult.UNREADABLE, os_fault(error, show(self._folder.folder))
        except Exception as error:  # `not_ready` of a converter that may be anybody's: its night fails, no other
            log.error("gate failed", exc_info=True, extra=self._facts)
            return RowResult.FAILED, fault_words(error)
        return None if reason is None else (RowResult.IN_PROGRESS, reason)

    def _look_again(self, step: AnyStep) -> bool:
        try:
            self._folder = night_folder(self._run.scope, self._folder)  # the step before may have made what this takes
        except OSError as error:
            row = self._row(step.label, RowResult.UNREADABLE, os_fault(error, show(self._folder.folder)))
            self._run.told(row)
            return self._order.taken(step, [row], self._folder.night)
        return True

    def _take(self, step: AnyStep) -> bool:
        """Take one step of this night, or say why it must wait; return whether it is complete."""
        why = self._order.reason_to_wait(step, self._folder.night)
        rows, begun_s, key = [], time.monotonic(), (self._folder.night, step.label)
        for row in self._rows_of(step, self._run.bench) if why is None else [self._row(step.label, *why)]:
            rows.append(row)
            self.has_made |= row.result is RowResult.DONE
            self._run.told(row)
        self._run.spent[key] = self._run.spent.get(key, 0.0) + time.monotonic() - begun_s
        return self._order.taken(step, rows, self._folder.night)

    def _pass_by(self, step: AnyStep, chosen: Sequence[AnyStep]) -> bool:
        """Look, without doing anything, whether a step that was not asked for lets those after it go on."""
        after = self._run.steps[self._run.steps.index(step) :]
        if not any(isinstance(one, NightStep) for one in after if one in chosen):
            return True
        rows = list(self._rows_of(step, replace(self._run.bench, dry_run=True, force=False)))
        if self._run.bench.dry_run:
            self._order.taken(step, rows, self._folder.night)
        else:
            self._order.passed_by(step, rows, self._folder.night)
        return True

    def _rows_of(self, step: AnyStep, bench: Bench) -> Iterator[ConvertRow]:
        """Do, or in a dry run look at, every task of a step; yield their rows as they end."""
        self._known.look_again()
        tasks = self._planned(step, bench)
        if isinstance(tasks, ConvertRow):
            yield tasks
            return
        name, tell = bench.instrument.instrument, self._run.watch
        tell(StepProgress(name, self._folder.night, step.label, 0, len(tasks)))
        for number, row in enumerate(self._results(step, bench, tasks), start=1):
            tell(StepProgress(name, self._folder.night, step.label, number, len(tasks)))
            yield row

    def _planned(self, step: AnyStep, bench: Bench) -> Sequence[Task] | ConvertRow:
        """Return what there is to do; where that cannot be said the row that says why."""
        try:
            self._end_removal(step, bench)
            tasks = self._tasks(step, bench)
            self._clear_outdated(step, bench, tasks)
            return tasks
        except CannotPlan as error:
            return self._row(step.label, RowResult.FAILED, str(error))
        except OSError as error:
            return self._row(step.label, RowResult.UNREADABLE, os_fault(error, show(self._folder.folder)))
        except NightferryError:
            raise
        except Exception as error:  # a plan is a job, and its converter may be anybody's: its night fails, no other
            log.error("plan failed", exc_info=True, extra=self._facts | {"step": step.label})
            return self._row(step.label, RowResult.FAILED, fault_words(error))

    def _clear_outdated(self, step: AnyStep, bench: Bench, tasks: Sequence[Task]) -> None:
        """Put aside what the step made of things that there are no more, or by an earlier plan."""
        if not isinstance(step, NightStep) or bench.dry_run:
            return
        all_below = self._folder.below_root(b"") if getattr(step, "plans_all", False) else None
        outdated = self._known.outdated(step.label, frozenset(task.subject for task in tasks), all_below)
        if outdated:
            _refuse_kept(bench, (product.path for record in outdated for product in record.products))
            with bench.workspace(f"outdated-{step.label}") as space:
                clear_outdated(space, self._known, outdated)

    def _end_removal(self, step: AnyStep, bench: Bench) -> None:
        """Have nothing planned of what this step has consumed, and was killed before it could remove it all."""
        if not isinstance(step, NightStep) or bench.dry_run or bench.force:
            return
        left = left_consumed(self._known, step.label)
        if left:
            _refuse_kept(bench, left)
            for path in left:
                (bench.root / os.fsdecode(path)).unlink(missing_ok=True)
            self._folder = night_folder(self._run.scope, self._folder)

    def _results(self, step: AnyStep, bench: Bench, tasks: Sequence[Task]) -> Iterator[ConvertRow]:
        refusals = _refusals(tasks)
        calls = [
            (bench, self._known, step, task, f"task-{next(self._run.numbers)}", refusals.get(task.subject))
            for task in tasks
        ]
        if isinstance(step, NightStep) and step.needs_memory:
            yield from (do_task(*call) for call in calls)
            return
        futures = [self._run.pool.submit(do_task, *call) for call in calls]
        yield from (future.result() for future in futures)

    def _tasks(self, step: AnyStep, bench: Bench) -> Sequence[Task]:
        if not isinstance(step, NightStep):
            return list(step.tasks(self._folder))
        now_utc = bench.now().astimezone(dt.UTC)
        awaited = functools.partial(self._known.awaited, step.label)
        survey = Survey(bench.instrument, bench.copy, self._known.memory, bench.dry_run, now_utc, awaited)
        return step.plan(self._folder, survey)

    @property
    def _facts(self) -> dict[str, str]:
        return {"instrument": self._run.bench.instrument.instrument, "night": f"{self._folder.night:%Y%m%d}"}

    def _row(self, label: str, result: RowResult, reason: str) -> ConvertRow:
        return ConvertRow(label, self._folder.night, self._folder.subject, result, reason)

    def _say(self, label: str, result: RowResult, reason: str) -> None:
        self._run.told(self._row(label, result, reason))


def _refuse_kept(bench: Bench, paths: Iterable[bytes]) -> None:
    """Have a step fail in its night where what it has to take away first must keep its name."""
    if (kept := bench.why_kept(paths)) is not None:
        raise CannotPlan(kept)


def _refusals(tasks: Sequence[Task]) -> dict[bytes, str]:
    """Return why some tasks must not be done: two of them would write the same file."""
    written = Counter(path for task in tasks for path in set(task.outputs))
    return {
        task.subject: f"two inputs would both make {show(path)}"
        for task in tasks
        for path in task.outputs
        if written[path] > 1
    }
