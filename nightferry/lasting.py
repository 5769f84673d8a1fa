"""How long each hop of a nightly run took: they go one after the other, and the report waits for all of them.

A hop that took most of the time is said by name; that it did is no fault of its files.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from observatory.spec.chain import Hop
from reports.model import Note
from reports.words import seconds_text

SLOW_S = 900.0
"""So much later nobody minds a report."""

_Key = tuple[str, str]


class Durations:
    """The seconds of each hop, by what was done with it.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began_s = clock, clock()
        self._spent_s: defaultdict[_Key, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))

    @contextmanager
    def of(self, hop: Hop, doing: str) -> Iterator[None]:
        """Count what is done within for a hop, however it ends."""
        began_s = self._clock()
        try:
            yield
        finally:
            self._spent_s[hop.instrument.instrument, hop.key][doing] += self._clock() - began_s

    def notes(self) -> list[Note]:
        """Return a note on the one hop that took more than half of the time, where that was long, and it had others."""
        whole_s = self._clock() - self._began_s
        return [
            Note(_sentence(key, sum(spent_s.values()), whole_s, spent_s), key[0])
            for key, spent_s in self._spent_s.items()
            if len(self._spent_s) > 1 and sum(spent_s.values()) > max(SLOW_S, whole_s / 2)
        ]


def _sentence(key: _Key, hop_s: float, whole_s: float, spent_s: dict[str, float]) -> str:
    parts = ", ".join(f"{doing} {seconds_text(seconds)}" for doing, seconds in spent_s.items())
    return (
        f"{key[1]} took {seconds_text(hop_s)} of the run's {seconds_text(whole_s)} ({parts}); hops go one after the"
        " other, and this report waited for it"
    )
