"""The worker processes of an export: archives go in, answers come back in the order in which they are ready.

A worker that dies (the system ends what takes too much memory) takes nothing with it but its own archive.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from converters.export.convert import make
from converters.export.jobs import Job, Made
from converters.export.staging import empty
from observatory.closing import Closing
from observatory.forking import forkserver, is_alive

_LOADED = ("converters.export.convert",)
"""What is heavy is loaded once for all workers."""
_AHEAD = 3
"""Archives that wait for each worker: enough that none is idle, few enough that stopping is quick."""


class Crew(Closing):
    """Makes archives, `jobs` at a time; with one job at a time in this very process.

    Parameters
    ----------
    jobs : int
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    def make_all(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Made]]:
        """Yield what became of each archive; new ones are asked for only as workers become free."""
        if self._jobs == 1:
            yield from ((job, make(job)) for job in jobs)
            return
        waiting: dict[Future[Made], Job] = {}
        while True:
            while len(waiting) < self._jobs * _AHEAD and (job := next(jobs, None)) is not None:
                waiting[self._opened().submit(make, job)] = job
            if not waiting:
                return
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for one in ready:
                if isinstance(one.exception(), BrokenProcessPool):
                    broken = list(waiting.values())
                    waiting.clear()
                    yield from self._one_by_one(broken)
                    break
                yield waiting.pop(one), one.result()

    def _one_by_one(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Made]]:
        """Make each in a process of its own: the one that ends its process is found, the others are made."""
        self.close()
        for job in jobs:
            empty(job.staging)
            with ProcessPoolExecutor(1, forkserver(_LOADED), _begin, (os.getpid(),)) as pool:
                try:
                    yield job, pool.submit(make, job).result()
                except BrokenProcessPool:
                    why = "its process was ended; the system ends what takes too much memory"
                    yield job, Made(job.archive, job.sources[0], failure=why)

    def _opened(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._jobs, forkserver(_LOADED), _begin, (os.getpid(),))
        return self._pool

    def close(self) -> None:
        """End the workers; what they have begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _begin(master: int) -> None:
    """Begin as a worker: leave interrupts to the process that asks, and end with it however it ends.

    A worker whose master was killed would wait for the next archive for ever.
    """
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(master,), daemon=True).start()


def _end_with(master: int) -> None:
    try:
        watched = os.pidfd_open(master)
        select.select([watched], [], [])
    except ProcessLookupError:
        pass
    except (AttributeError, OSError):  # no Linux, or an old one: look now and then
        while is_alive(master):
            time.sleep(1.0)
    os._exit(1)
