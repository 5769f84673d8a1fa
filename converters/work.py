"""Does one task: decides whether anything is to be done, has it done, checks what came of it, and remembers.

Which tasks there are, and in which order, is pipeline.py's; who does the work itself crew.py's; how products come
to their places publishing.py's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from catalogue.records import Product, StepInput, StepRecord, StepResult
from converters.base import Done, Task
from converters.crew import Crew, Job
from converters.facts import facts_text, letter_text
from converters.nightstep import AnyStep, NightStep
from converters.outcome import ConvertRow, RowResult, fault_words
from converters.publishing import NotMade, Publisher
from converters.remembered import NightMemory
from converters.workspace import Halter, TaskLeash, Workspace, stats_of, workspace
from observatory.errors import NightferryError
from observatory.names import is_safe, show
from observatory.nights import STAMP_FORMAT
from observatory.spec.models import Instrument

log = logging.getLogger("nightferry")

Reached = Callable[[Sequence[bytes]], Mapping[bytes, str]]
"""Tells which of some files, by their paths below the root, must keep their names, and why."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all tasks of a run share.

    Attributes
    ----------
    instrument : Instrument
    copy : str
        What the ledger knows it by.
    root : Path
        Of the copy.
    work : Path
        The folder in which each task gets one of its own.
    crew : Crew
    halter : Halter
    slots : Semaphore
        Held while the work itself is done: so many at a time. What was made is hashed and brought to disk beside the
        work of others, so that no core waits for the disk.
    now : callable
    settle_s : float
    force, dry_run : bool
    reached : callable
        See `Reached`; asked just before files are taken away.
    """

    instrument: Instrument
    copy: str
    root: Path
    work: Path
    crew: Crew
    halter: Halter
    slots: threading.Semaphore
    now: Callable[[], dt.datetime]
    settle_s: float
    force: bool
    dry_run: bool
    reached: Reached

    @property
    def stamp(self) -> str:
        """The present instant, as what is put aside is filed under it."""
        return self.now().strftime(STAMP_FORMAT)

    def workspace(self, name: str) -> AbstractContextManager[Workspace]:
        """Give a folder of one's own, of this name, and take it away afterwards with all that is in it."""
        return workspace(self.root, self.work, name, self.stamp)

    def why_kept(self, paths: Iterable[bytes]) -> str | None:
        """Return why files, those of some paths below the root that lie there, must not be taken away; None: they may.

        Raises
        ------
        RecordsUnavailable
        """
        there = sorted(path for path in set(paths) if os.path.lexists(self.root / os.fsdecode(path)))
        kept = sorted(self.reached(there).items()) if there else []
        return f"it would take away {show(kept[0][0])}: {kept[0][1]}" if kept else None


def do_task(
    bench: Bench, night: NightMemory, step: AnyStep, task: Task, name: str, refusal: str | None = None
) -> ConvertRow:
    """Do one task, or skip it; every fault of it ends in its row.

    Parameters
    ----------
    night : NightMemory
        What is known of the task's night.
    name : str
        Of its folder; of no other task at the same time.
    refusal : str, optional
        Why it must not be done.

    Raises
    ------
    NightferryError
        The ledger cannot be asked or told.
    """
    started_s = time.monotonic()
    waited_s = 0.0
    if refusal is not None:
        return ConvertRow(step.label, task.folder.night, task.subject, RowResult.FAILED, refusal)
    try:
        attempt = _Attempt(bench, night, step, task, name)
        row = attempt.carry_out()
        waited_s = attempt.waited_s
    except NightferryError:
        raise
    except Exception as error:  # a task is a job: its failure, whatever it is, stops no other
        log.error("step failed", exc_info=True, extra={"step": step.label, "subject": show(task.subject)})
        row = _Result(RowResult.FAILED, fault_words(error))
    return ConvertRow(
        step.label,
        task.folder.night,
        task.subject,
        row.result,
        row.reason,
        row.products,
        time.monotonic() - started_s - waited_s,
        row.done.facts if row.done else None,
    )


@dataclass(frozen=True, slots=True)
class _Result:
    result: RowResult
    reason: str | None = None
    products: tuple[bytes, ...] = ()
    done: Done | None = None


class _Attempt:
    """One attempt at one task.

    Attributes
    ----------
    waited_s : float
        Seconds until it was its turn; no part of what the task took.
    """

    def __init__(self, bench: Bench, night: NightMemory, step: AnyStep, task: Task, name: str) -> None:
        self._bench, self._night, self._step, self._task, self._name = bench, night, step, task, name
        self._inputs = [task.folder.place_of(path) for path in task.inputs]
        self._paths = [task.folder.below_root(path) for path in task.inputs]
        self._consumed = frozenset(task.folder.below_root(path) for path in task.consumes)
        self._outputs = tuple(task.folder.below_root(path) for path in task.outputs)
        self._known = night.record(step.label, task.subject)
        self._is_night_step = isinstance(step, NightStep)  # of a protocol that is slow to ask
        self._writes_beside = not isinstance(step, NightStep) and step.writes_beside
        self._started_s = time.monotonic()
        self.waited_s = 0.0
        self._hashes: dict[bytes, str] = {}
        self._digest = ""

    def carry_out(self) -> _Result:
        """Decide, and do what is to be done."""
        for path in self._task.outputs:
            if (why := is_safe(path)) is not None:
                return _Result(RowResult.FAILED, f"it would make {show(path)}: {why}")
        if (set(self._task.outputs) & set(self._task.inputs)) - set(self._task.consumes):
            return _Result(RowResult.FAILED, "it would write over its own input; originals are never altered")
        try:
            before = stats_of(self._inputs)
            if before is None:
                return _Result(RowResult.UNREADABLE, "an input vanished while we looked")
            if self._is_young(before):
                return _Result(RowResult.IN_PROGRESS, f"younger than {self._bench.settle_s:g} s")
            self._hashes = {path: self._night.hashes.of(path) for path in self._paths}
        except OSError as error:
            return _Result(RowResult.UNREADABLE, f"an input could not be read: {error.strerror or error}")
        self._digest = self._digest_of(self._hashes)
        is_asked_for = self._bench.force or self._task.again
        if not is_asked_for and self._still_holds():
            return self._skip()
        originals = self._consumed_originals()
        if originals:
            return _Result(RowResult.FAILED, f"it would remove {show(originals[0])}, which no step has made")
        if (kept := self._bench.why_kept(self._consumed - set(self._outputs))) is not None:
            return _Result(RowResult.FAILED, kept)
        if self._bench.dry_run:
            return _Result(RowResult.PLANNED, "would be done", self._outputs)
        return self._act(before)

    def _is_young(self, stats: Sequence[tuple[int, int, int]]) -> bool:
        """Say whether an input may still grow; what we made ourselves does not."""
        now_s = self._bench.now().timestamp()
        # a time far ahead is a wrong stamp, not a file being written: it would never settle
        young = [
            path
            for path, (_, mtime_ns, _) in zip(self._paths, stats, strict=True)
            if abs(now_s - mtime_ns / 1e9) < self._bench.settle_s
        ]
        return any(not self._night.is_made(path, self._night.hashes.of(path)) for path in young)

    def _digest_of(self, hashes: dict[bytes, str]) -> str:
        """Return what tells these inputs, with these arguments, from others."""
        digest = hashlib.sha256(self._task.arguments.encode("utf-8", "surrogateescape"))
        for path, below_root in zip(self._task.inputs, self._paths, strict=True):
            digest.update(b"\0" + path + b"\0" + hashes[below_root].encode())
        return digest.hexdigest()

    def _still_holds(self) -> bool:
        known = self._known
        if known is None or known.result is not StepResult.DONE or known.digest != self._digest:
            return False
        made = {product.path for product in known.products}
        is_all = made >= set(self._outputs) if self._is_night_step else made == set(self._outputs)
        return is_all and self._night.stands(known.products)

    def _skip(self) -> _Result:
        assert self._known is not None  # noqa: S101  # it holds
        paths = tuple(product.path for product in self._known.products)
        left = self._consumed - set(paths)  # a run that was killed may have left them
        if (kept := self._bench.why_kept(left)) is not None:
            return _Result(RowResult.FAILED, kept)
        if not self._bench.dry_run:
            _remove(self._bench.root, left)
        return _Result(RowResult.SKIPPED, None, paths)

    def _consumed_originals(self) -> list[bytes]:
        return sorted(path for path in self._consumed if not self._night.is_made(path, self._hashes.get(path)))

    def _act(self, before: Sequence[tuple[int, int, int]]) -> _Result:
        bench = self._bench
        try:
            with bench.workspace(self._name) as space:
                publisher = Publisher(space, self._night, self._known, self._consumed, self._writes_beside)
                places, done = self._make(publisher, space.folder)
                is_altered = stats_of(self._inputs) != list(before)
                products = self._publish(publisher, places, done, is_altered)
                warning = "; ".join(filter(None, (done.warning, publisher.warning))) or None
        except NotMade as error:
            return _Result(RowResult.FAILED, str(error))
        if is_altered:
            reason = "it altered or removed its input; whatever it made is left as it is"
            self._note(StepResult.FAILED, (), reason)
            return _Result(RowResult.FAILED, reason)
        self._note_done(replace(done, warning=warning), products)
        return _Result(RowResult.DONE, warning, tuple(product.path for product in products), done)

    def _make(self, publisher: Publisher, folder: Path) -> tuple[list[Path], Done]:
        """Do the work itself when it is its turn; until then what stands in the products' places stays there."""
        asked_s = time.monotonic()
        with self._bench.slots:
            self.waited_s = time.monotonic() - asked_s
            places = publisher.prepare(self._outputs, lambda products: self._note(StepResult.STARTED, products))
            with self._undone_else(publisher):
                return places, self._work(folder, places)

    def _publish(
        self, publisher: Publisher, places: Sequence[Path], done: Done, is_altered: bool
    ) -> tuple[Product, ...]:
        with self._undone_else(publisher):
            if done.failure is not None and not is_altered:
                raise NotMade(done.failure)
            ready = publisher.check(self._named(done, places), self._told_hashes(done), is_altered)
            if not is_altered and (kept := self._bench.why_kept(publisher.obsolete(ready))) is not None:
                raise NotMade(kept)
            owned = publisher.owned_with(ready)
            if not self._writes_beside:  # else what was noted first names all that can be there
                self._note(StepResult.STARTED, owned)
            products = publisher.publish(ready)
            if not is_altered:
                publisher.clear(products)
            return products

    @contextlib.contextmanager
    def _undone_else(self, publisher: Publisher) -> Iterator[None]:
        """Undo what was begun where it does not come to its end, and note why."""
        try:
            yield
        except BaseException as error:
            publisher.undo()
            self._note(StepResult.FAILED, publisher.owned, str(error) or type(error).__name__)
            raise

    def _work(self, folder: Path, places: Sequence[Path]) -> Done:
        bench = self._bench
        timeout_s = getattr(self._step, "timeout_s", 3600.0)
        job = Job(
            self._step,
            self._task,
            places,
            timeout_s,
            bench.instrument,
            bench.copy,
            bench.now().astimezone(dt.UTC),
            folder,
            {path: self._hashes[below_root] for path, below_root in zip(self._task.inputs, self._paths, strict=True)},
        )
        return bench.crew.do(job, TaskLeash(folder, bench.halter), self._night.memory)

    def _named(self, done: Done, places: Sequence[Path]) -> dict[bytes, Path]:
        """Return every product, by its path below the root, with the place where it lies now."""
        named = dict(zip(self._outputs, places, strict=True))
        originals = set(self._paths) - self._consumed
        for path, place in done.made.items():
            below_root = self._task.folder.below_root(path)
            if (why := is_safe(path)) is not None:
                raise NotMade(f"it made {show(path)}, which is no path below the night's folder: {why}")
            if below_root in originals:
                raise NotMade("it would write over its own input; originals are never altered")
            named[below_root] = place
        return named

    def _told_hashes(self, done: Done) -> dict[bytes, str]:
        return {self._task.folder.below_root(path): sha256 for path, sha256 in done.sha256.items()}

    def _note_done(self, done: Done, products: tuple[Product, ...]) -> None:
        made = {product.path: product.sha256 for product in products}
        # a file written anew under its own name is what the next run finds: the same task must know it again
        self._digest = self._digest_of(self._hashes | {path: made[path] for path in self._consumed & made.keys()})
        self._note(StepResult.DONE, products, done.warning, done)
        _remove(self._bench.root, self._consumed - made.keys())

    def _note(
        self, result: StepResult, products: tuple[Product, ...], reason: str | None = "begun", done: Done | None = None
    ) -> None:
        taken = [StepInput(path, sha256, path in self._consumed) for path, sha256 in sorted(self._hashes.items())]
        self._night.note(
            StepRecord(
                instrument=self._bench.instrument.instrument,
                copy=self._bench.copy,
                step=self._step.label,
                night=self._task.folder.night,
                subject=self._task.subject,
                digest=self._digest,
                result=result,
                at_utc=self._bench.now(),
                products=products,
                seconds=time.monotonic() - self._started_s - self.waited_s,
                reason=reason,
                inputs=tuple(taken) if done else (),
                facts=facts_text(done.facts) if done and done.facts else None,
                hold=done.hold if done else None,
                letters=tuple(letter_text(letter) for letter in done.letters) if done else (),
                awaits=done.awaits if done else None,
            )
        )


def _remove(root: Path, paths: set[bytes] | frozenset[bytes]) -> None:
    for path in paths:
        (root / os.fsdecode(path)).unlink(missing_ok=True)
