"""One batch carried by sessions of a program: the way that every engine takes that starts programs.

Folders, rounds, the look afterwards and the progress are the same for all; how a session is started and what its end
means each engine says of itself. How often something is sent again is rounds.py's.
"""

from __future__ import annotations

import abc
import functools
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import ClassVar

from observatory.asking import End
from observatory.endpoints.contract import Completed, Look
from observatory.errors import CouldNotTell
from syncer.transfer.abreast import BrokenOff
from syncer.transfer.carried import Refused, carried
from syncer.transfer.confirm import Evidence
from syncer.transfer.contract import Batch, CarryResult
from syncer.transfer.meter import Meter
from syncer.transfer.rounds import Divide, Ending, Pace, Remedy, Rounds, SessionEnd
from syncer.transfer.route import NotFromThere, RemoteShell, round_trip_of, route_of, shell_words
from syncer.transfer.sessions import AT_THE_DOOR, Job, sessions_for

RUN_LIMIT_S = 7 * 86400.0
"""No session is ended for being long: the programs themselves give up when nothing comes."""
RATE_CHANGED = Ending("another rate holds at this hour; the next run goes on", Remedy.AT_ONCE)


class Session(abc.ABC):
    """One run of a program: how it is started, who hears what it tells, and what its end means.

    Attributes
    ----------
    argv : sequence of bytes
    stdin : iterable of bytes
        Blocks.
    heard : bool
        The two ends spoke with one another.
    place : ExitStack
        What it holds until then, or to its end.
    broken_off : Event
        Set where it is to end; it is seen with the next piece of output, and both programs tell every second.
    """

    def __init__(self, argv: Sequence[bytes], stdin: Iterable[bytes]) -> None:
        self.argv, self.stdin, self.heard = argv, stdin, False
        self.place, self.broken_off = ExitStack(), threading.Event()

    def is_heard(self) -> None:
        """Note that the two ends speak with one another."""
        self.heard = True
        self.place.close()

    def run(self, runner: Look, limit_s: float) -> Completed:
        """Run it to its end, or for so many seconds.

        Raises
        ------
        CouldNotTell
            Also when the time is over.
        BrokenOff
        """
        return runner.run(self.argv, self.stdin, limit_s, self.listen)

    def listen(self, output: bytes) -> None:
        """Hear the next piece; what is raised here ends the program."""
        if self.broken_off.is_set():
            raise BrokenOff
        self.hear(output)

    @abc.abstractmethod
    def hear(self, output: bytes) -> None:
        """Take the next piece of standard output; pieces end anywhere."""

    @abc.abstractmethod
    def ended(self, completed: Completed) -> SessionEnd:
        """Return what the end means for the files."""


class Courier(abc.ABC):
    """The sessions of one batch.

    Parameters
    ----------
    name : str
        Of the engine.
    batch : Batch
    remote_shell : callable
        Builds the ssh command for a host.
    divide : callable
        Makes the jobs of a round.
    sleep : callable

    Attributes
    ----------
    program : str
        What both ends need.
    """

    program: ClassVar[str]

    def __init__(
        self, name: str, batch: Batch, remote_shell: RemoteShell, divide: Divide, sleep: Callable[[float], None]
    ) -> None:
        self.name, self.batch = name, batch
        self.route = route_of(batch.source_access, batch.destination_access)
        self._remote_shell, self._divide, self._sleep = remote_shell, divide, sleep
        self._runner: Look = batch.source if self.route.runs_at_source else batch.destination
        self._door, self._broken_off = threading.Semaphore(AT_THE_DOOR), threading.Event()

    def carry(self) -> CarryResult:
        """Send everything that is not refused, and look afresh at what arrived.

        Raises
        ------
        NotFromThere
            Both hosts are remote and the destination cannot reach the source; nothing was moved.
        CouldNotTell
            A host cannot be reached.
        """
        return carried(self.name, self.batch, self._send_all)

    def _send_all(self, meter: Meter, refused: Refused) -> Evidence:
        send = functools.partial(self._send, meter)
        rounds = Rounds(self.batch, refused, meter, send, self._divide, self._sleep, self._broken_off.set, self.ends)
        if any(item.target not in rounds.failures for item in self.batch.items):
            rounds.carry(self.sessions(), self.check)
        return Evidence(rounds.failures)

    @property
    def ends(self) -> Sequence[End]:
        """What is let go where a session that hangs does not hear that it shall end."""
        return self.batch.ends

    @functools.cached_property
    def round_trip_s(self) -> float:
        """The seconds of a question and its answer between the two ends."""
        return round_trip_of(self.route, self.batch)

    def sessions(self) -> int:
        """Return how many sessions run at a time: as declared, else by the line; on one host one."""
        if self.batch.options.sessions or self.route.far is None:
            return self.batch.options.sessions or 1
        return sessions_for(self.round_trip_s, self.batch.total_bytes, os.cpu_count() or 1)

    @property
    def shell(self) -> Sequence[str]:
        """The ssh command of the near end, without the host's name; empty where the far one is here."""
        return shell_words(self.route, self.batch, self._remote_shell)

    @abc.abstractmethod
    def session(self, job: Job, pace: Pace, meter: Meter) -> Session:
        """Return the session that carries a job."""

    def check(self, ends: Sequence[SessionEnd]) -> None:
        """Raise what the ends of a round say of all further ones; asked as long as nothing arrived."""
        if self.route.by_own_keys and not any(end.started for end in ends):
            raise NotFromThere(self.program, self.batch.destination.name, self.batch.source.name, ends[0].words)

    def _send(self, meter: Meter, job: Job, pace: Pace) -> SessionEnd:
        session = self.session(job, pace, meter)
        session.broken_off = self._broken_off
        session.place.enter_context(self._door)
        with session.place:
            return self._run(session, job, pace.holds_s(self.batch.now()))

    def _run(self, session: Session, job: Job, holds_s: float | None) -> SessionEnd:
        """Run a session for as long as its rate holds."""
        if holds_s == 0.0:
            return SessionEnd(job, RATE_CHANGED, RATE_CHANGED.words, started=False, is_good=False)
        began_s = time.monotonic()
        try:
            completed = session.run(self._runner, RUN_LIMIT_S if holds_s is None else min(holds_s, RUN_LIMIT_S))
        except CouldNotTell as error:
            ending = Ending(str(error), Remedy.NOTHING if error.is_permanent else Remedy.RETRY)
            if holds_s is not None and time.monotonic() - began_s >= holds_s:
                ending = RATE_CHANGED
            return SessionEnd(job, ending, ending.words, started=session.heard, is_good=False)
        return session.ended(completed)
