"""Three-valued truth: every question about a file or host is answered OK, DIFFERENT or UNKNOWN.

AWAY is the fourth state of a hop: nothing was expected, so nothing was asked.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable


class State(enum.StrEnum):
    """The state of a hop or of a whole document, as written in JSON."""

    OK = "ok"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    AWAY = "away"


_WORST_FIRST = (State.UNKNOWN, State.DIFFERENT, State.AWAY, State.OK)


def worst(states: Iterable[State]) -> State:
    """Return the worst of some states: unknown, different, away, ok. Of none at all: unknown.

    Nothing looked at is not green: a document without a single hop says nothing.
    """
    present = set(states)
    return next((state for state in _WORST_FIRST if state in present), State.UNKNOWN)


def exit_status(state: State) -> int:
    """Return the exit status that a state stands for: 0 ok or away, 1 different, 3 unknown."""
    return {State.OK: 0, State.AWAY: 0, State.DIFFERENT: 1, State.UNKNOWN: 3}[state]
