"""What this process reads from its own disks: in a thread of its own, so that nobody waits for a disk that stops.

A thread that asks such a disk waits until the machine is started anew, whatever it is told. What is read is the
caller's; what the silence says of a disk is hanging.py's.
"""

from __future__ import annotations

import io
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from observatory.errors import CommandFailed, ProgramSilent

STILL_S = 300.0
"""As at the far end: a disk that retries a bad sector is silent for minutes."""
TICK_S = 0.5
"""How often it is looked whether anybody still waits, and whether the work goes on."""
HANDED_AT_ONCE = 256
HANDED_EACH_S = 0.1
"""Each handing over wakes another thread: not for each of a hundred thousand files."""

Answer = TypeVar("Answer")


class Pulse:
    """Told that the work goes on, at each block and each file; tells it where nobody waits for it any more.

    Attributes
    ----------
    last_s : float
        When it was told last, by the clock that never leaps.
    is_over : bool
        Set by whoever waits no more.
    """

    def __init__(self) -> None:
        self.last_s, self.is_over = time.monotonic(), False

    def __call__(self) -> None:
        """Go on, or raise `LetGo`."""
        self.last_s = time.monotonic()
        if self.is_over:
            raise LetGo


class LetGo(Exception):
    """Nobody waits for what is being read any more."""


class PulsingFile(io.FileIO):
    """An open file that tells a pulse of each block."""

    def __init__(self, descriptor: int, pulse: Pulse) -> None:
        super().__init__(descriptor, "rb")
        self._pulse = pulse

    def readinto(self, buffer: object) -> int:
        """Fill a buffer; see `io.RawIOBase.readinto`."""
        self._pulse()
        return super().readinto(buffer)  # type: ignore[arg-type]


Work = Callable[[Pulse], Iterator[Answer]]
"""Gives answers one by one, and tells the pulse meanwhile."""


class Watch:
    """Whoever reads by himself on one machine; may be used by several threads.

    Parameters
    ----------
    host : str
        What messages call it.
    """

    def __init__(self, host: str) -> None:
        self._host, self._guard = host, threading.Lock()
        self._pulses: weakref.WeakSet[Pulse] = weakref.WeakSet()

    def answers(self, doing: str, work: Work[Answer]) -> Iterator[Answer]:
        """Give what some work answers, done in a thread of its own.

        Raises
        ------
        ProgramSilent
            It has stood still for `STILL_S`; its thread is left to itself.
        CommandFailed
            It was let go.
        """
        reading = _Reading(work)
        with self._guard:
            self._pulses.add(reading.pulse)
        try:
            while (handed := self._next(doing, reading)) is not None:
                yield from handed
        finally:
            reading.pulse.is_over = True

    def let_go(self) -> None:
        """Whoever waits for an answer waits no more."""
        with self._guard:
            for pulse in list(self._pulses):
                pulse.is_over = True

    def _next(self, doing: str, reading: _Reading[Answer]) -> list[Answer] | None:
        while True:
            try:
                return reading.handed(TICK_S)
            except queue.Empty:
                if reading.pulse.is_over:
                    raise CommandFailed(self._host, doing, "it was let go before it had answered") from None
                if time.monotonic() - reading.pulse.last_s > STILL_S:
                    raise ProgramSilent(self._host, doing, STILL_S) from None


class _Reading(Generic[Answer]):
    """Some work at work, begun when made."""

    def __init__(self, work: Work[Answer]) -> None:
        self.pulse = Pulse()
        self._ready: queue.SimpleQueue[list[Answer] | Exception | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(work,), name="reading", daemon=True).start()

    def handed(self, wait_s: float) -> list[Answer] | None:
        """Return the next answers, None after the last; queue.Empty where there are none by then."""
        handed = self._ready.get(timeout=wait_s)
        if isinstance(handed, Exception):
            raise handed
        return handed

    def _run(self, work: Work[Answer]) -> None:
        try:
            self._hand_over(work(self.pulse))
            self._ready.put(None)
        except LetGo:
            return
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._ready.put(error)

    def _hand_over(self, answers: Iterator[Answer]) -> None:
        held: list[Answer] = []
        handed_s = time.monotonic()
        for answer in answers:
            held.append(answer)
            self.pulse()
            if len(held) >= HANDED_AT_ONCE or self.pulse.last_s - handed_s >= HANDED_EACH_S:
                self._ready.put(held)
                held, handed_s = [], self.pulse.last_s
        self._ready.put(held)
