"""How fast a hop may go: the rate that holds at an hour, until when it does, and a brake that keeps to it.

rsync and the pipe have their own brakes and are only told the rate; the brake here is for the engine that moves bytes
itself. What becomes of a session when the rate changes is rounds.py's.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

from observatory.spec.models import Hours, TransferOptions

MINUTES_AHEAD = 49 * 60
"""What does not change in two days, of which one may be an hour shorter or longer, never does."""


def rate_at(options: TransferOptions, now: dt.datetime) -> int | None:
    """Return how many bytes per second may travel at a local time; None without a limit.

    Where the time lies within several spans of ``hours``, the slowest holds, and never more than the
    general limit.
    """
    limits = [span.rate_bytes_per_s for span in options.hours if _is_within(span, now.time())]
    if options.rate_bytes_per_s is not None:
        limits.append(options.rate_bytes_per_s)
    return min(limits, default=None)


def rate_holds_s(options: TransferOptions, now: dt.datetime) -> float | None:
    """Return for how many seconds after a local time the rate of that time holds; None where it never changes.

    Every minute is asked: summer time, midnight and spans that overlap then need no rules of their own. `now` should
    know its zone by its rules (`zoneinfo`), not by an offset alone, or the beginning of summer time is not seen.
    """
    if not options.hours:
        return None
    rate, zone = rate_at(options, now), now.tzinfo
    start = now if zone is None else now.astimezone(dt.UTC)
    minute = start.replace(second=0, microsecond=0)
    for _ in range(MINUTES_AHEAD):
        minute += dt.timedelta(minutes=1)
        if rate_at(options, minute if zone is None else minute.astimezone(zone)) != rate:
            return (minute - start).total_seconds()
    return None


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
        sleep: Callable[[float], object],
    ) -> None:
        self._rate, self._clock_s, self._sleep = rate_bytes_per_s, clock_s, sleep
        self._free_at_s = clock_s()
        self._lock = threading.Lock()

    def let_through(self, size_bytes: int) -> None:
        """Wait until a block of this size may go: a block is paid for before it leaves, the last one too.

        One waits at a time, and the others for it: each by the rate of the hour in which its turn comes.
        """
        with self._lock:
            rate = self._rate()
            if rate is not None:
                self._free_at_s = max(self._free_at_s, self._clock_s()) + size_bytes / rate
                self._sleep(max(0.0, self._free_at_s - self._clock_s()))
