"""A word to end is heard also where it comes in the instant before the main thread begins to wait for a lock.

Python notes a signal at once, and does what it asks for between two instructions of the main thread. A wait that begins
in between goes on to its end, be that an hour away: nothing interrupts it any more. So another thread is told of each
signal too, and nudges the main one.
"""

from __future__ import annotations

import os
import signal
import threading
import time

_NUDGE = signal.SIGURG
"""Means nothing, and interrupts a wait: Python then does what was asked for before."""
_NUDGES = 5
_EACH_S = 0.1
"""A nudge may come in such an instant too."""


def listen() -> None:
    """Have every signal of this process heard by its main thread, which calls this."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.signal(_NUDGE, lambda number, frame: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_pass_on, args=(heard, threading.get_ident()), name="told", daemon=True).start()


def _pass_on(heard: int, listener: int) -> None:
    while numbers := os.read(heard, 1):
        if numbers[0] != _NUDGE:
            for _ in range(_NUDGES):
                time.sleep(_EACH_S)
                signal.pthread_kill(listener, _NUDGE)
