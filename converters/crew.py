"""Who does the work of a task: this process, one of its own on this machine, or (dask_crew.py) another machine.

A task of a night step works in a process of its own: it can be ended at its time limit, keeps its memory to
itself, and takes no other with it when it dies. What is done before and after it is work.py's.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from converters.base import Done, Task
from converters.nightstep import AnyStep, Desk, NightStep
from converters.outcome import fault_words
from converters.workspace import FarLeash, TaskLeash
from observatory.closing import Closing
from observatory.forking import forkserver
from observatory.spec.models import Instrument

_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """One task, ready to be done; it travels to other processes and machines.

    Attributes
    ----------
    step : Step or NightStep
    task : Task
    outputs : sequence of Path
        Where the products are to be written.
    timeout_s : float
    instrument, copy, now_utc
        For the desk of a night step.
    folder : Path
        The task's own; everything that it may write but its outputs goes below it.
    hashes : mapping of bytes to str
        SHA-256 of the task's inputs.
    """

    step: AnyStep
    task: Task
    outputs: Sequence[Path]
    timeout_s: float
    instrument: Instrument
    copy: str
    now_utc: dt.datetime
    folder: Path
    hashes: Mapping[bytes, str]

    def desk(self, leash: object, memory: object | None = None) -> Desk:
        """Return where a night step works, with an empty scratch folder."""
        assert isinstance(leash, (TaskLeash, FarLeash))  # noqa: S101
        scratch = self.folder / f"scratch-{os.getpid()}-{time.monotonic_ns()}"
        scratch.mkdir()
        return Desk(self.instrument, self.copy, scratch, leash, self.now_utc, memory, self.hashes)


class Crew(Protocol):
    """Does jobs; called from many threads at a time."""

    def do(self, job: Job, leash: TaskLeash, memory: object) -> Done:
        """Do a job and wait for it. A fault of the data or of a process is told, not raised."""
        ...

    def __enter__(self) -> Self:
        """Make ready."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of everything."""
        ...


class LocalCrew(Closing):
    """Works on this machine; how many jobs at a time is up to who calls."""

    def __init__(self, steps: Sequence[AnyStep] = ()) -> None:
        # loaded once where processes are forked from, instead of in each: numpy and astropy take half a second
        night_steps = [step for step in steps if isinstance(step, NightStep)]
        heavy = {name for step in night_steps for name in (*step.preload, type(step).__module__)}
        self._context = forkserver((__name__, *heavy))

    def do(self, job: Job, leash: TaskLeash, memory: object) -> Done:
        """Do a job: a program is a process by itself, a night step gets one, and what needs the ledger stays here."""
        if not isinstance(job.step, NightStep):
            return job.step.do(job.task, job.outputs, leash)
        if job.step.needs_memory:
            return job.step.make(job.task, job.outputs, job.desk(leash, memory))
        return _in_process(self._context, job, leash)

    def close(self) -> None:
        """Nothing outlives its job."""


def do_far(job: Job) -> Done:
    """Do a job in another process or on another machine."""
    leash = FarLeash(job.folder)
    if isinstance(job.step, NightStep):
        return job.step.make(job.task, job.outputs, job.desk(leash))
    return job.step.do(job.task, job.outputs, leash)


def _in_process(context: BaseContext, job: Job, leash: TaskLeash) -> Done:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = context.Process(target=_be_process, args=(theirs, job), daemon=False)  # type: ignore[attr-defined]
    process.start()
    theirs.close()
    with ours:
        try:
            return _attend(process, ours, job, leash)
        finally:
            _end(process, leash)


def _attend(process: multiprocessing.Process, ours: Connection, job: Job, leash: TaskLeash) -> Done:
    deadline = time.monotonic() + job.timeout_s
    while not wait([ours, process.sentinel], _LOOK_EVERY_S):
        if leash.is_pulled:
            return Done("the run was ended")
        if time.monotonic() > deadline:
            return Done(f"it took longer than {job.timeout_s:g} s and was ended")
    try:
        said = ours.recv()
    except EOFError:
        process.join()
        return Done(f"its process was {_how_ended(process.exitcode or 0)}")
    return said if isinstance(said, Done) else Done(str(said))


def _how_ended(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}; the system ends what takes too much memory"
    return f"ended with status {status}"


def _end(process: multiprocessing.Process, leash: TaskLeash) -> None:
    leash.far.end_started()  # itself and whatever it started; having told how it went, it has nothing left to do
    if process.is_alive():
        process.kill()
    process.join()
    process.close()


def _be_process(theirs: Connection, job: Job) -> None:
    """Be the process of one job: a group of its own, noted on disk for the run after a crash."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        FarLeash(job.folder).started(os.getpid())
        said: Done | str = do_far(job)
    except Exception as error:  # noqa: BLE001 - the boundary of a job: what it was is told where the report is made
        said = fault_words(error)
    theirs.send(said)
    theirs.close()
