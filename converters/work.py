"""Does one task: decides whether anything is to be done, does it, checks what came of it, and remembers.

Which tasks there are, and in which order, is pipeline.py's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalogue.records import Product, StepRecord, StepResult
from converters.base import Done, Step, Task
from converters.outcome import ConvertRow, RowResult
from converters.workspace import Halter, TaskLeash, Workspace, sha256_of, stats_of, sync, workspace
from observatory.errors import NightferryError
from observatory.names import show

log = logging.getLogger("nightferry")


class StepMemory(Protocol):
    """What is asked of the ledger."""

    def step_record(self, instrument: str, copy: str, step: str, subject: bytes) -> StepRecord | None:
        """Return what was last noted of a step on a subject."""
        ...

    def record_step(self, record: StepRecord) -> None:
        """Note how far a step came with a subject, in place of what was noted before."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What all tasks of a run share.

    Attributes
    ----------
    instrument, copy : str
        What the ledger knows them by.
    work : Path
        The folder in which each task gets one of its own.
    memory : StepMemory
    halter : Halter
    now : callable
    settle_s : float
    force, dry_run : bool
    """

    instrument: str
    copy: str
    work: Path
    memory: StepMemory
    halter: Halter
    now: Callable[[], dt.datetime]
    settle_s: float
    force: bool
    dry_run: bool


class _Failed(Exception):
    """One task failed; the reason is its text."""


def do_task(bench: Bench, step: Step, task: Task, name: str, refusal: str | None = None) -> ConvertRow:
    """Do one task, or skip it; every fault of it ends in its row.

    Parameters
    ----------
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
    row = ConvertRow(step.label, task.folder.night, task.subject, RowResult.FAILED, refusal)
    if refusal is not None:
        return row
    try:
        result, reason, products = _Attempt(bench, step, task, name).carry_out()
    except NightferryError:
        raise
    except Exception as error:  # a task is a job: its failure, whatever it is, stops no other
        log.error("step failed", exc_info=True, extra={"step": step.label, "subject": show(task.subject)})
        result, reason, products = RowResult.FAILED, f"{type(error).__name__}: {error}", ()
    seconds = time.monotonic() - started_s
    return ConvertRow(step.label, task.folder.night, task.subject, result, reason, products, seconds)


_Result = tuple[RowResult, str | None, tuple[bytes, ...]]


class _Attempt:
    """One attempt at one task."""

    def __init__(self, bench: Bench, step: Step, task: Task, name: str) -> None:
        self._bench, self._step, self._task, self._name = bench, step, task, name
        self._inputs = [task.folder.path / os.fsdecode(path) for path in task.inputs]
        self._outputs = tuple(task.folder.below_root(path) for path in task.outputs)
        self._known = bench.memory.step_record(bench.instrument, bench.copy, step.label, task.subject)
        self._started_s = time.monotonic()
        self._digest = ""

    def carry_out(self) -> _Result:
        """Decide, and do what is to be done."""
        if set(self._task.outputs) & set(self._task.inputs):
            return RowResult.FAILED, "it would write over its own input; originals are never altered", ()
        try:
            before = stats_of(self._inputs)
            if before is None:
                return RowResult.UNREADABLE, "an input vanished while we looked", ()
            if self._is_young(before):
                return RowResult.IN_PROGRESS, f"younger than {self._bench.settle_s:g} s", ()
            self._digest = self._digest_of_inputs()
        except OSError as error:
            return RowResult.UNREADABLE, f"an input could not be read: {error.strerror or error}", ()
        if not self._bench.force and self._still_holds():
            return RowResult.SKIPPED, None, self._outputs
        if self._bench.dry_run:
            return RowResult.PLANNED, "would be done", self._outputs
        return self._act(before)

    def _is_young(self, stats: Sequence[tuple[int, int, int]]) -> bool:
        now_s = self._bench.now().timestamp()
        # a time far ahead is a wrong stamp, not a file being written: it would never settle
        return any(abs(now_s - mtime_ns / 1e9) < self._bench.settle_s for _, mtime_ns, _ in stats)

    def _digest_of_inputs(self) -> str:
        digest = hashlib.sha256(self._task.arguments.encode("utf-8", "surrogateescape"))
        for path, place in zip(self._task.inputs, self._inputs, strict=True):
            digest.update(b"\0" + path + b"\0" + sha256_of(place).encode())
        return digest.hexdigest()

    def _still_holds(self) -> bool:
        known = self._known
        if known is None or known.result is not StepResult.DONE or known.digest != self._digest:
            return False
        if {product.path for product in known.products} != set(self._outputs):
            return False
        root = self._task.folder.root
        try:
            return all(sha256_of(root / os.fsdecode(one.path)) == one.sha256 for one in known.products)
        except OSError:
            return False  # gone or unreadable: it is made again

    def _act(self, before: Sequence[tuple[int, int, int]]) -> _Result:
        bench, root = self._bench, self._task.folder.root
        stamp = bench.now().strftime("%Y%m%dT%H%M%SZ")
        with workspace(root, bench.work, self._name, stamp) as space:
            places = self._prepare(space)
            try:
                done = self._step.do(self._task, places, TaskLeash(space.folder, bench.halter))
                is_altered = stats_of(self._inputs) != list(before)
                products = self._collect(done, space, places, is_altered)
            except BaseException as error:
                self._undo(space)
                self._note(StepResult.FAILED, self._kept(), str(error) or type(error).__name__)
                if isinstance(error, _Failed):
                    return RowResult.FAILED, str(error), ()
                raise
        if is_altered:
            reason = "it altered or removed its input; whatever it made is left as it is"
            self._note(StepResult.FAILED, (), reason)
            return RowResult.FAILED, reason, ()
        self._note(StepResult.DONE, products, done.warning)
        return RowResult.DONE, done.warning, self._outputs

    def _prepare(self, space: Workspace) -> list[Path]:
        """Clear the way, note that we begin, and return where the step is to leave its products."""
        if not self._step.writes_beside:
            made = space.folder / "made"
            made.mkdir()
            self._note(StepResult.STARTED, self._kept(), "begun")
            return [made / Path(os.fsdecode(path)).name for path in self._outputs]
        ours = {product.path for product in self._known.products} if self._known else set()
        try:
            for path in self._outputs:  # before the note: what that names is ours to remove, and this may not be
                space.put_aside(path, is_ours=path in ours)
        except OSError:
            space.put_back()
            raise
        self._note(StepResult.STARTED, tuple(Product(path, "") for path in self._outputs), "begun")
        return [self._task.folder.root / os.fsdecode(path) for path in self._outputs]

    def _kept(self) -> tuple[Product, ...]:
        """Return our products of an earlier success that are still in their places."""
        return self._known.products if self._known and not self._is_leftover() else ()

    def _is_leftover(self) -> bool:
        """Say whether the last attempt was killed, so that what lies there may be half made."""
        return self._known is not None and self._known.result is StepResult.STARTED and self._step.writes_beside

    def _collect(self, done: Done, space: Workspace, places: Sequence[Path], is_altered: bool) -> tuple[Product, ...]:
        """Check what the step made and bring it to its place."""
        if done.failure is not None and not is_altered:
            raise _Failed(done.failure)
        if not is_altered:
            for path, place in zip(self._outputs, places, strict=True):
                _check_product(path, place)
        products = []
        for path, place in zip(self._outputs, places, strict=True):
            if not place.is_file():
                continue  # only where the input was altered: then everything that there is stays
            products.append(Product(path, sha256_of(place)))
            self._publish(space, place, path)
        return tuple(sorted(products))

    def _publish(self, space: Workspace, place: Path, path: bytes) -> None:
        if self._step.writes_beside:
            sync(place)
            sync(place.parent)
            return
        if path not in {product.path for product in self._kept()}:
            space.put_aside(path, is_ours=False)
        space.publish(place, path)

    def _undo(self, space: Workspace) -> None:
        """Remove what was half made, and put back what was there."""
        if self._step.writes_beside:
            for path in self._outputs:
                place = self._task.folder.root / os.fsdecode(path)
                if place.is_file() or place.is_symlink():
                    place.unlink()
        space.put_back(with_ours=not self._is_leftover())

    def _note(self, result: StepResult, products: tuple[Product, ...], reason: str | None) -> None:
        bench = self._bench
        bench.memory.record_step(
            StepRecord(
                instrument=bench.instrument,
                copy=bench.copy,
                step=self._step.label,
                night=self._task.folder.night,
                subject=self._task.subject,
                digest=self._digest,
                result=result,
                at_utc=bench.now(),
                products=products,
                seconds=time.monotonic() - self._started_s,
                reason=reason,
            )
        )


def _check_product(path: bytes, place: Path) -> None:
    try:
        found = place.lstat()
    except FileNotFoundError:
        raise _Failed(f"it ended well but made no {show(path)}") from None
    if not stat.S_ISREG(found.st_mode):
        raise _Failed(f"it made {show(path)}, which is no regular file")
    if found.st_size == 0:
        raise _Failed(f"it made {show(path)}, which is empty")
