"""The pipe engine: two Python programs of ours at the ends of one ssh connection, and files one after another between.

Several sessions at a time. The programs are ends/; how a batch is divided and what is sent again is rounds.py's, and
what counts as arrived confirm.py's. The largest files are rsync's, and so is what a line that is cut again and again
does not let through: rsync keeps what an interrupted session had.
"""

from __future__ import annotations

import functools
import os
import posixpath
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from observatory.asking import End
from observatory.endpoints.contract import Completed, HostAccess, Look
from observatory.endpoints.farside import ALONE, packed_program
from observatory.endpoints.script import command, wrapped
from observatory.errors import CouldNotTell
from syncer.transfer.ahead import Ahead
from syncer.transfer.confirm import CHANGED, VANISHED
from syncer.transfer.contract import Batch, CarryResult, Engine, Item
from syncer.transfer.courier import Courier, Session
from syncer.transfer.ends import order, program, receiver, sender, unnamed
from syncer.transfer.folders import REPLACED, TMP
from syncer.transfer.merging import in_parts, merge
from syncer.transfer.meter import Meter, part_of
from syncer.transfer.relayed import Half, relay
from syncer.transfer.rounds import Ending, Pace, Remedy, SessionEnd, last_line, refusal
from syncer.transfer.route import RemoteShell, Route, round_trip_of, route_of, shell_words
from syncer.transfer.sessions import LARGE_BYTES, Job, divide

SILENCE_S = 300.0
"""As with rsync: a disk that wakes or a tape that rewinds takes a minute or two."""
MOST_BYTES = 64 << 20
"""Larger files are left to rsync, which goes on where an interrupted session stopped."""

ENDINGS = {
    order.BROKEN: Ending("the connection broke off, or the program at the far end was ended", Remedy.RETRY),
    order.FULL: Ending("there was no room", Remedy.NOTHING),
    order.SILENT: Ending("nothing came for too long", Remedy.RETRY),
    126: Ending("the ssh command or python3 cannot be run", Remedy.NOTHING),
    127: Ending("the ssh command or python3 was not found", Remedy.NOTHING),
    255: Ending("ssh did not connect, or lost its connection", Remedy.RETRY),
}
NOTHING_YET = b"p 0 0"
FAR_S = 0.02
"""From this round trip on a dozen of them, which a new ssh session takes, are a wait."""
RELAYED_BYTES = 32 << 20
"""One connection carries so much in the time that it takes to make another, or little longer."""


class CannotPipe(CouldNotTell):
    """The two programs never spoke with one another, and no retry helps; nothing was moved."""

    def __init__(self, source: str, destination: str, why: str) -> None:
        super().__init__(f"the pipe from {source} to {destination} could not be laid: {why}")


@functools.cache
def _text() -> bytes:
    return packed_program({module.__name__: module for module in (order, sender, unnamed, receiver, program)})


@dataclass(frozen=True, slots=True)
class PipeEngine:
    """Moves files with programs of our own.

    Attributes
    ----------
    remote_shell : callable
        Builds the ssh command for a host.
    for_large : Engine
        Carries files of more than `most_bytes`.
    most_bytes : int
        Larger files are left to `for_large`.
    relayed_bytes : int
    far_s : float
        Batches of no more go through here where the round trip is so long.
    silence_s : float
        After so long without a byte a session is given up.
    sleep : callable
    ahead : Ahead
        Programs that were begun before their files were known.
    """

    remote_shell: RemoteShell
    for_large: Engine
    most_bytes: int = MOST_BYTES
    relayed_bytes: int = RELAYED_BYTES
    far_s: float = FAR_S
    silence_s: float = SILENCE_S
    sleep: Callable[[float], None] = time.sleep
    ahead: Ahead = field(default_factory=Ahead)
    name: str = "pipe"

    def carry(self, batch: Batch) -> CarryResult:
        """Move the batch's files.

        Raises
        ------
        NotFromThere
            Both hosts are remote and the destination cannot reach the source; nothing was moved.
        CannotPipe
        CouldNotTell
            A host cannot be reached.
        """
        large = [item for item in batch.items if item.size_bytes > self.most_bytes]
        return in_parts(batch, self._carry, large, self.for_large.carry)

    def begin(self, batch: Batch) -> None:
        """Have the two programs start, and log in, that will carry at least a batch's files; from here alone."""
        route = route_of(batch.source_access, batch.destination_access)
        if route.near.is_local and route.far is not None:
            self.ahead.begin(_argv(route, shell_words(route, batch, self.remote_shell)))

    def _carry(self, batch: Batch) -> CarryResult:
        courier = _Courier(self, batch)
        result = courier.carry()
        left = [one.item for one in result.failed if one.may_retry and one.reason != CHANGED]
        if not courier.was_cut or all(item.size_bytes < LARGE_BYTES for item in left):
            return result
        return self._gone_on(batch, result, left)

    def _gone_on(self, batch: Batch, result: CarryResult, left: Sequence[Item]) -> CarryResult:
        """Have the usual engine carry the rest over a line that never holds for as long as a file takes.

        rsync keeps what it had of it, so that some time it arrives; small ones that stood behind it come too.
        """
        apart = {item.target for item in left}
        rest = [item for item in batch.items if item.target not in apart]
        try:
            more = self.for_large.carry(batch.with_items(left).with_progress(part_of(batch, after=rest)))
        except CouldNotTell:  # nobody answers any more: what had arrived stands, and why the others did not
            return result
        kept = tuple(one for one in result.failed if one.item.target not in apart)
        words = f"the line did not hold for as long as a file takes; {more.engine} carried on"
        remarks = (words, *more.remarks) if more.arrived else more.remarks
        return merge(batch, replace(result, failed=kept), replace(more, remarks=remarks))

    def goes_through_here(self, batch: Batch) -> bool:
        """Say whether a batch is so small, and an end so far, that no session of its own is worth its making.

        Raises
        ------
        CouldNotTell
            The far host cannot be reached.
        """
        route, options = route_of(batch.source_access, batch.destination_access), batch.options
        if batch.total_bytes > self.relayed_bytes or route.far is None or route.by_own_keys:
            return False
        return options.sessions is None and options.cipher is None and round_trip_of(route, batch) >= self.far_s


class _Courier(Courier):
    """The sessions of one batch."""

    program = "python3"

    def __init__(self, engine: PipeEngine, batch: Batch) -> None:
        super().__init__(engine.name, batch, engine.remote_shell, divide, engine.sleep)
        self._silence_s, self._is_relayed = engine.silence_s, engine.goes_through_here(batch)
        self._ahead = engine.ahead
        self._sessions: list[_Session] = []

    def session(self, job: Job, pace: Pace, meter: Meter) -> Session:
        """Return the near program that carries a job."""
        name = self.batch.destination.name
        if self._is_relayed:
            sender, receiver = (self._half(way, job, pace.rate_bytes_per_s) for way in ("pull", "push"))
            return _Relayed(job, sender, receiver, self._silence_s, meter, name)
        way = "push" if self.route.runs_at_source else "pull"
        orders = self._orders(way, job, pace.rate_bytes_per_s)
        session = _Direct(job, _argv(self.route, self.shell), orders, meter, name, self._ahead)
        self._sessions.append(session)
        return session

    @property
    def ends(self) -> Sequence[End]:
        """What is let go; also what was begun ahead."""
        return *super().ends, self._ahead

    @property
    def was_cut(self) -> bool:
        """Say whether a session had begun, and broke off by what may be over later."""
        return any(session.was_cut for session in self._sessions)

    def sessions(self) -> int:
        """Return how many sessions run at a time; through here one is enough."""
        return 1 if self._is_relayed else super().sessions()

    def _half(self, way: str, job: Job, rate_bytes_per_s: int | None) -> Half:
        """Return the end that sends (``pull``, as the receiver sees it) or the one that receives (``push``)."""
        ends = {"pull": self.batch.source, "push": self.batch.destination}
        accesses = {"pull": self.batch.source_access, "push": self.batch.destination_access}
        return Half(ends[way], _program(accesses[way], b"far"), self._order(way, job, rate_bytes_per_s))

    def check(self, ends: Sequence[SessionEnd]) -> None:
        """Raise also where the two programs never spoke and nothing will change that."""
        super().check(ends)
        if all(not end.started and end.ending.remedy is Remedy.NOTHING for end in ends):
            raise CannotPipe(self.batch.source.name, self.batch.destination.name, ends[0].words)

    def _orders(self, way: str, job: Job, rate_bytes_per_s: int | None) -> Iterator[bytes]:
        """Yield the one order; made when it is asked for, by when the programs start and log in."""
        yield self._order(way, job, rate_bytes_per_s)

    def _order(self, way: str, job: Job, rate_bytes_per_s: int | None) -> bytes:
        batch = self.batch
        aside = posixpath.join(REPLACED, batch.stamp.encode()) if batch.on_difference == "version" else b""
        settings = {
            "way": way,
            "source_root": _as_text(batch.source_root),
            "destination_root": _as_text(batch.destination_root),
            "temporary": _as_text(posixpath.join(TMP, secrets.token_hex(8).encode() + b"-")),
            "aside": _as_text(aside),
            "mode": None if batch.modes.files is None else int(batch.modes.files, 8),
            "by_link": [number for number, item in enumerate(job.items) if item.by_link],
            "silence_s": self._silence_s,
            "rate_bytes_per_s": rate_bytes_per_s,
        }
        items = job.items
        return order.packed_order(
            order.Order(
                settings,
                [item.size_bytes for item in items],
                [item.exact_mtime_ns for item in items],
                [item.path for item in items],
                [item.target for item in items],
            )
        )


def _argv(route: Route, shell: Sequence[str]) -> list[bytes]:
    return [*_program(route.near, b"near"), *_far_words(route, shell)]


def _far_words(route: Route, shell: Sequence[str]) -> list[bytes]:
    if route.far is None:
        return _program(None, b"far")
    far = [os.fsencode(word) for word in (*shell, "--", route.far.address)]
    return [*far, wrapped(b"exec " + command(_program(None, b"far")))]


def _program(access: HostAccess | None, role: bytes) -> list[bytes]:
    """Return the command line of an end: on this machine by our own interpreter, elsewhere by the one there."""
    python = os.fsencode(sys.executable) if access is not None and access.is_local else b"python3"
    return [python, *ALONE, _text(), role]


def _as_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _ending_of(status: int, was_under_way: bool) -> Ending:
    """Of what is not known, only a session that had begun is worth a second try."""
    if status < 0:
        return Ending(f"it was ended by signal {-status}", Remedy.RETRY)
    unknown = Ending(f"it ended with status {status}", Remedy.RETRY if was_under_way else Remedy.NOTHING)
    return ENDINGS.get(status, unknown)


class _Session(Session):
    """One run of the near program and what it told."""

    def __init__(
        self, job: Job, argv: Sequence[bytes], orders: Iterable[bytes], meter: Meter, destination: str
    ) -> None:
        super().__init__(argv, orders)
        self._job, self._meter, self._destination, self._rest = job, meter, destination, b""
        self._is_done, self.was_cut = False, False
        self._reasons: dict[bytes, str] = {}

    def hear(self, output: bytes) -> None:
        """Take the next piece."""
        *results, self._rest = (self._rest + output).split(b"\0")
        for result in results:
            if result != NOTHING_YET:
                self.is_heard()
            self._take(result)

    def _take(self, result: bytes) -> None:
        kind, *words = result.split(b" ", 2)
        if kind == b"p":
            self._meter.set(self, int(words[0]), int(words[1]))
        elif kind == b"end":
            self._is_done = True
        elif kind in (b"s", b"d"):
            item = self._job.items[int(words[0])]
            self._reasons[item.target] = self._in_words(kind, words[1].decode("utf-8", "replace"))

    def _in_words(self, kind: bytes, reason: str) -> str:
        if kind == b"d":
            return f"could not be written on {self._destination}: {reason}"
        known = {"changed": CHANGED, os.strerror(2): VANISHED}
        return known.get(reason, f"could not be read at the source: {reason}")

    def ended(self, completed: Completed) -> SessionEnd:
        """Understand the status; the files that failed were named by then."""
        ending = _ending_of(completed.status, self.heard)
        said = last_line(completed.stderr)
        if ending.remedy is Remedy.RETRY and refusal(completed.stderr) is not None:
            ending = Ending(ending.words, Remedy.NOTHING)
        self.was_cut = self.heard and ending.remedy is Remedy.RETRY
        return SessionEnd(
            self._job,
            ending,
            words=f"{ending.words} ({said})" if said else ending.words,
            started=self.heard,
            is_good=completed.status == 0 and self._is_done,
            is_full=completed.status == order.FULL,
            reasons=self._reasons,
        )


class _Direct(_Session):
    """A near program that starts the far one; it may have been begun ahead."""

    def __init__(
        self,
        job: Job,
        argv: Sequence[bytes],
        orders: Iterable[bytes],
        meter: Meter,
        destination: str,
        ahead: Ahead,
    ) -> None:
        super().__init__(job, argv, orders, meter, destination)
        self._ahead = ahead

    def run(self, runner: Look, limit_s: float) -> Completed:
        """Run it to its end, or for so many seconds; see `Session.run`."""
        return self._ahead.run(runner, self.argv, self.stdin, limit_s, self.listen)


class _Relayed(_Session):
    """Two far programs, and this process between them: progress is what passes."""

    def __init__(
        self, job: Job, sender: Half, receiver: Half, silence_s: float, meter: Meter, destination: str
    ) -> None:
        super().__init__(job, (), (), meter, destination)
        self._sender, self._receiver, self._silence_s, self._passed_bytes = sender, receiver, silence_s, 0

    def run(self, runner: Look, limit_s: float) -> Completed:
        """Run both; `runner` is one of the two."""
        size_bytes = sum(item.size_bytes for item in self._job.items)
        return relay(self._sender, self._receiver, size_bytes, self._silence_s, limit_s, self._pass, self.listen)

    def _pass(self, size_bytes: int) -> None:
        self.is_heard()
        self._passed_bytes += size_bytes
        self._meter.set(self, self._passed_bytes, 0)
