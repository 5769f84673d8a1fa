"""Gives rsync the names of a session's files no faster than it has them looked up.

The receiving rsync compares each entry of the list that comes back with the names it has passed on and that have not
come back yet: the more of them are on the way, the longer each comparison takes. What rsync says is rsync_words.py's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

LEAST_ON_THE_WAY = 400
"""Names; rsync tells its count by hundreds. Without a bound 100,000 names cost it 2 s of processor time on a quiet
machine and 20 s and more on a busy one (rsync 3.5, 2026-11-21)."""
NAMES_PER_S = 100_000
"""More than rsync looks up (70,000 of 35 bytes): as many as fit into a round trip are on the way besides."""
STEP = 100
WAIT_S = 0.25
"""After so long without news more is given all the same: of files that are gone no news comes."""


def most_on_the_way(round_trip_s: float) -> int:
    """Return how many names may be on the way on a line of this round trip."""
    return LEAST_ON_THE_WAY + round(NAMES_PER_S * round_trip_s)


class Feed:
    """The names of one session, given bit by bit.

    Parameters
    ----------
    names : sequence of bytes
        Each with its closing NUL.
    most : int or None
        How many may be given and not yet heard of; None: all.
    wait_s : float
        How long news is waited for; each time in vain twice as many may be on the way from then on.
    """

    def __init__(self, names: Sequence[bytes], most: int | None, wait_s: float = WAIT_S) -> None:
        self._names, self._most, self._wait_s = names, most, wait_s
        self._heard = 0
        self._news = threading.Condition()

    def hear(self, count: int) -> None:
        """Take in how many names rsync has looked up by now."""
        with self._news:
            self._heard = max(self._heard, count)
            self._news.notify()

    def blocks(self) -> Iterator[bytes]:
        """Yield the names in their order; waits in between."""
        most = len(self._names) if self._most is None else self._most
        step = STEP if self._most is not None else max(len(self._names), 1)
        for start in range(0, len(self._names), step):
            if not self._is_taken_in(start + step - most):
                most *= 2
            yield b"".join(self._names[start : start + step])

    def _is_taken_in(self, count: int) -> bool:
        with self._news:
            return self._news.wait_for(lambda: self._heard >= count, self._wait_s)
