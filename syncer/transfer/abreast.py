"""Work for many things, some at a time, and work beside other work: whoever interrupts us is not kept waiting.

What is done for each, and how it is told to end, is the caller's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from observatory.asking import End, asking

ENDS_S = 2.0
"""What is told to end has done so by then, unless it waits for a host that hangs."""

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class BrokenOff(Exception):
    """Nobody waits for what is being done any more: it is ended."""


def abreast(
    work: Callable[[Thing], Result],
    things: Sequence[Thing],
    at_once: int,
    name: str,
    break_off: Callable[[], None],
    ends: Sequence[End] = (),
) -> list[Result]:
    """Do a piece of work for each thing and return the results in order.

    Parameters
    ----------
    at_once : int
        So many at a time.
    name : str
        Of the threads.
    break_off : callable
        Called where we are interrupted: it has what is under way end, and what was not begun never is.
    ends : sequence of End
        Let go where that is not enough: what waits for a host that hangs hears no word.
    """
    with asking(ends, max(at_once, 1), name, ENDS_S) as pool:
        under_way = [pool.submit(work, thing) for thing in things]
        try:
            return [future.result() for future in under_way]
        except KeyboardInterrupt:
            break_off()
            raise


@contextlib.contextmanager
def beside(at_once: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give threads for what is done beside the block; at its end they are waited for, but not where it is interrupted.

    What is under way then ends with the connections that it asks over.
    """
    pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix=name)
    waits = True
    try:
        yield pool
    except KeyboardInterrupt:
        waits = False
        raise
    finally:
        pool.shutdown(wait=waits, cancel_futures=not waits)
