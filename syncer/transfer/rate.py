"""How fast a hop may go: the rate that holds at an hour, and a brake that keeps to it.

rsync has its own brake and is only told the rate; the brake here is for the engines that move bytes
themselves.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

from observatory.spec.models import Hours, TransferOptions


def rate_at(options: TransferOptions, now: dt.datetime) -> int | None:
    """Return how many bytes per second may travel at a local time; None without a limit.

    Where the time lies within several spans of ``hours``, the slowest holds, and never more than the
    general limit.
    """
    limits = [span.rate_bytes_per_s for span in options.hours if _is_within(span, now.time())]
    if options.rate_bytes_per_s is not None:
        limits.append(options.rate_bytes_per_s)
    return min(limits, default=None)


def _is_within(span: Hours, now: dt.time) -> bool:
    start, end = _time(span.from_), _time(span.until)
    if start <= end:
        return start <= now < end
    return now >= start or now < end


def _time(text: str) -> dt.time:
    return dt.time.fromisoformat(text)


class Brake:
    """Lets bytes through at a rate, over all threads of a hop together.

    Parameters
    ----------
    rate_bytes_per_s : callable
        Asked again for every block, as the rate may change with the hour; None: no limit.
    clock_s, sleep : callables
    """

    def __init__(
        self,
        rate_bytes_per_s: Callable[[], int | None],
        clock_s: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._rate, self._clock_s, self._sleep = rate_bytes_per_s, clock_s, sleep
        self._free_at_s = clock_s()
        self._lock = threading.Lock()

    def let_through(self, size_bytes: int) -> None:
        """Wait until a block of this size may go: a block is paid for before it leaves, the last one too."""
        rate = self._rate()
        if rate is None:
            return
        with self._lock:
            paid_at_s = max(self._free_at_s, self._clock_s()) + size_bytes / rate
            self._free_at_s = paid_at_s
        self._sleep(max(0.0, paid_at_s - self._clock_s()))
