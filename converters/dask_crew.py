"""The crew that works on a Dask cluster: ``workers: tcp://scheduler:8786``.

The one door to dask.distributed. Its workers see the copy's root under the same path, and have nightferry installed;
a worker that dies on the way costs its task another attempt elsewhere, and nothing else.
"""

from __future__ import annotations

import socket
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from converters.base import Done
from converters.crew import Job, LocalCrew, do_far
from converters.nightstep import NightStep
from converters.outcome import fault_words
from converters.workspace import TaskLeash
from observatory.closing import Closing
from observatory.errors import SchedulerSilent, UsageError

_CONNECT_S = 10.0
_LOOK_EVERY_S = 0.1
_BEGUN = "begun"


class DaskCrew(Closing):
    """Hands jobs to the workers of a cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://host:port``.

    Raises
    ------
    UsageError
        When entered: dask.distributed is not installed here.
    SchedulerSilent
        When entered: nobody answers there.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._client: Any = None
        self._here = LocalCrew()

    def do(self, job: Job, leash: TaskLeash, memory: object) -> Done:
        """Do a job on a worker; what needs the ledger stays here."""
        if isinstance(job.step, NightStep) and job.step.needs_memory:
            return self._here.do(job, leash, memory)
        # not pure: a task that is asked for again is to be done again
        future = self._client.submit(_attempt, job, key=f"{job.step.label}-{uuid.uuid4().hex}", pure=False)
        try:
            return _await(future, job, leash)
        finally:
            future.release()

    def __enter__(self) -> Self:
        try:
            import distributed
        except ImportError as error:
            words = "workers: tcp://...: dask.distributed is not installed here; install nightferry[dask]"
            raise UsageError(words) from error
        knock(self.address)
        client: Any = distributed.Client  # parts of it publish types, this one does not
        try:
            self._client = client(self.address, timeout=_CONNECT_S, set_as_default=False)
        except OSError as error:  # a time-out is one too
            raise SchedulerSilent(self.address, str(error) or type(error).__name__) from error
        return self

    def close(self) -> None:
        """Let go of the cluster."""
        if self._client is not None:
            self._client.close()


def knock(address: str) -> None:
    """Try whether anybody listens where a scheduler should: its client would go on trying where nobody does.

    Raises
    ------
    SchedulerSilent
    """
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise SchedulerSilent(address, error.strerror or str(error)) from error


def _attempt(job: Job) -> Done:
    """Do a job on a worker, with outputs of this attempt alone: what a dead worker left may still be writing its own.

    A program that names its products itself writes them where it will; those cannot be kept apart.
    """
    (job.folder / _BEGUN).touch()
    apart = job.folder / f"attempt-{uuid.uuid4().hex}"
    if not isinstance(job.step, NightStep) and job.step.writes_beside:
        return do_far(job)
    own = [apart / str(number) / place.name for number, place in enumerate(job.outputs)]
    for place in own:
        place.parent.mkdir(parents=True)
    done = do_far(replace(job, outputs=own))
    for place, wanted in zip(own, job.outputs, strict=True):
        if done.failure is None and place.is_file() and not place.is_symlink():
            place.replace(wanted)
    return done


def _await(future: Any, job: Job, leash: TaskLeash) -> Done:
    watch = _Watch(job.folder / _BEGUN)
    while not future.done():
        time.sleep(_LOOK_EVERY_S)
        if leash.is_pulled:
            return _give_up(future, leash, "the run was ended")
        if watch.seconds() > job.timeout_s:
            return _give_up(future, leash, f"it took longer than {job.timeout_s:g} s and was given up")
    try:
        done = future.result()
    except Exception as error:  # noqa: BLE001 - the boundary of a job: whatever a worker raised, or that it died too often
        return Done(fault_words(error))
    return done if isinstance(done, Done) else Done(f"a worker answered {type(done).__name__}; is it of this version?")


def _give_up(future: Any, leash: TaskLeash, reason: str) -> Done:
    leash.far.pull()
    future.cancel()
    return Done(reason)


class _Watch:
    """How long a task has been worked at: not while it waits for its turn, and anew with each attempt."""

    def __init__(self, begun: Path) -> None:
        self._begun = begun
        self._seen: int | None = None
        self._since_s = time.monotonic()

    def seconds(self) -> float:
        """Return how long the present attempt has taken."""
        try:
            stamp: int | None = self._begun.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = None
        if stamp != self._seen or stamp is None:
            self._seen, self._since_s = stamp, time.monotonic()
        return time.monotonic() - self._since_s
