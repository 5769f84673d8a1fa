"""Threads that ask hosts and disks: whoever interrupts the work they are for does not wait for one that hangs.

Leaving a pool of threads waits for what they do, and what asks a host that hangs does it for minutes. What is asked,
and of whom, is the caller's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

LET_GO_EACH_S = 0.1
"""An end that is let go just before it is asked is let go again."""


class End(Protocol):
    """What is asked; see `contract.Look.close`."""

    def close(self) -> None:
        """Let go: whoever waits for an answer waits no more."""
        ...


@contextlib.contextmanager
def asking(ends: Sequence[End], at_once: int, name: str, each_s: float = LET_GO_EACH_S) -> Iterator[ThreadPoolExecutor]:
    """Give threads that ask some ends; they are waited for, and where the block is interrupted the ends are let go.

    Parameters
    ----------
    ends : sequence of End
    at_once : int
        So many threads.
    name : str
        Of the threads.
    each_s : float
        What is under way has so long to end by itself, and then to tidy up behind itself over a new connection.
    """
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix=name) as pool:
        try:
            yield pool
        except KeyboardInterrupt:
            over = threading.Event()
            threading.Thread(target=_let_go, args=(ends, over, each_s), name="let go", daemon=True).start()
            try:
                pool.shutdown(cancel_futures=True)
            finally:
                over.set()
            raise


def _let_go(ends: Sequence[End], over: threading.Event, each_s: float) -> None:
    while not over.wait(each_s):
        for end in ends:
            end.close()
