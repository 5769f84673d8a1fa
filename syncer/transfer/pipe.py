"""The pipe engine: two Python programs of ours at the ends of one ssh connection, and files one after another between.

Several sessions at a time. The programs are ends/; how a batch is divided and what is sent again is rounds.py's, and
what counts as arrived confirm.py's. Large files, of which an interrupted session keeps what it had, are rsync's.
"""

from __future__ import annotations

import functools
import os
import posixpath
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import Completed, Look
from observatory.endpoints.farside import packed_program
from observatory.endpoints.script import command, wrapped
from observatory.errors import CouldNotTell
from syncer.transfer.confirm import CHANGED, VANISHED, Evidence, settle
from syncer.transfer.contract import Batch, CarryResult, Engine, Item, NotArrived
from syncer.transfer.ends import order, program, receiver, sender
from syncer.transfer.folders import REPLACED, TMP, make_ready
from syncer.transfer.group import folders_not_there
from syncer.transfer.merging import in_parts
from syncer.transfer.meter import Meter
from syncer.transfer.rounds import Ending, Remedy, Rounds, SessionEnd, last_line, no_retry_helps
from syncer.transfer.route import NotFromThere, RemoteShell, round_trip_of, route_of, shell_words
from syncer.transfer.sessions import Job, divide, sessions_for

RUN_LIMIT_S = 7 * 86400.0
"""No session is ended for being long: the near end itself gives up when nothing moves."""
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


class CannotPipe(CouldNotTell):
    """The two programs never spoke with one another, and no retry helps; nothing was moved."""

    def __init__(self, source: str, destination: str, why: str) -> None:
        super().__init__(f"the pipe from {source} to {destination} could not be laid: {why}")


@functools.cache
def _text() -> bytes:
    return packed_program({module.__name__: module for module in (order, sender, receiver, program)})


@dataclass(frozen=True, slots=True)
class PipeEngine:
    """Moves files with programs of our own.

    Attributes
    ----------
    remote_shell : callable
        Builds the ssh command for a host.
    for_large : Engine
        Carries files of more than `most_bytes`.
    silence_s : float
        After so long without a byte a session is given up.
    sleep : callable
    """

    remote_shell: RemoteShell
    for_large: Engine
    most_bytes: int = MOST_BYTES
    silence_s: float = SILENCE_S
    sleep: Callable[[float], None] = time.sleep
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

    def _carry(self, batch: Batch) -> CarryResult:
        if not batch.items:
            return CarryResult(self.name, (), ())
        new_folders = folders_not_there(batch)
        courier = _Courier(self, batch, make_ready(batch))
        courier.carry()
        result = settle(self.name, batch, Evidence(courier.rounds.failures, new_folders=new_folders))
        courier.rounds.meter.settle([arrived.item for arrived in result.arrived])
        return result


class _Courier:
    """The sessions of one batch."""

    def __init__(self, engine: PipeEngine, batch: Batch, refused: Mapping[bytes, NotArrived]) -> None:
        self._engine, self._batch = engine, batch
        self._route = route_of(batch.source_access, batch.destination_access)
        self._runner: Look = batch.source if self._route.runs_at_source else batch.destination
        self.rounds = Rounds(batch, refused, self._session, divide, engine.sleep)

    def carry(self) -> None:
        """Send everything that was not refused."""
        if any(item.target not in self.rounds.failures for item in self._batch.items):
            sessions = self._batch.options.sessions or sessions_for(round_trip_of(self._route, self._batch))
            self.rounds.carry(sessions, self._raise_if_it_cannot_run)

    def _session(self, job: Job, rate_bytes_per_s: int | None) -> SessionEnd:
        listener = _Listener(self.rounds.meter, job, self._batch.destination.name)
        packed = order.packed_order(self._order(job, rate_bytes_per_s))
        try:
            completed = self._runner.run(self._argv(), [packed], RUN_LIMIT_S, listener.hear)
        except CouldNotTell as error:
            ending = Ending(str(error), Remedy.NOTHING if error.is_permanent else Remedy.RETRY)
            return SessionEnd(job, ending, ending.words, started=listener.heard, is_good=False)
        return _ended(job, completed, listener)

    def _argv(self) -> list[bytes]:
        near = os.fsencode(sys.executable) if self._route.near.is_local else b"python3"
        return [near, b"-I", b"-c", _text(), b"near", *self._far_words()]

    def _far_words(self) -> list[bytes]:
        words = [b"python3", b"-I", b"-c", _text(), b"far"]
        if self._route.far is None:
            return words
        shell = shell_words(self._route, self._batch, self._engine.remote_shell)
        far = [os.fsencode(word) for word in (*shell, "--", self._route.far.address)]
        return [*far, wrapped(b"exec " + command(words))]

    def _order(self, job: Job, rate_bytes_per_s: int | None) -> order.Order:
        batch = self._batch
        aside = posixpath.join(REPLACED, batch.stamp.encode()) if batch.on_difference == "version" else b""
        settings = {
            "way": "push" if self._route.runs_at_source else "pull",
            "source_root": _as_text(batch.source_root),
            "destination_root": _as_text(batch.destination_root),
            "temporary": _as_text(posixpath.join(TMP, secrets.token_hex(8).encode() + b"-")),
            "aside": _as_text(aside),
            "mode": None if batch.modes.files is None else int(batch.modes.files, 8),
            "follow": batch.symlinks == "follow-inside",
            "silence_s": self._engine.silence_s,
            "rate_bytes_per_s": rate_bytes_per_s,
        }
        items = job.items
        return order.Order(
            settings,
            [item.size_bytes for item in items],
            [_mtime_ns(item) for item in items],
            [item.path for item in items],
            [item.target for item in items],
        )

    def _raise_if_it_cannot_run(self, ends: Sequence[SessionEnd]) -> None:
        if any(end.started for end in ends):
            return
        if self._route.by_own_keys:
            raise NotFromThere("python3", self._batch.destination.name, self._batch.source.name, ends[0].words)
        if all(end.ending.remedy is Remedy.NOTHING for end in ends):
            raise CannotPipe(self._batch.source.name, self._batch.destination.name, ends[0].words)


def _as_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _mtime_ns(item: Item) -> int:
    return round(item.mtime_s * 1e6) * 1000 if item.mtime_ns is None else item.mtime_ns


def _ending_of(status: int, was_under_way: bool) -> Ending:
    """Of what is not known, only a session that had begun is worth a second try."""
    if status < 0:
        return Ending(f"it was ended by signal {-status}", Remedy.RETRY)
    unknown = Ending(f"it ended with status {status}", Remedy.RETRY if was_under_way else Remedy.NOTHING)
    return ENDINGS.get(status, unknown)


def _ended(job: Job, completed: Completed, listener: _Listener) -> SessionEnd:
    ending = _ending_of(completed.status, listener.heard)
    said = last_line(completed.stderr)
    if ending.remedy is Remedy.RETRY and no_retry_helps(completed.stderr):
        ending = Ending(ending.words, Remedy.NOTHING)
    return SessionEnd(
        job,
        ending,
        words=f"{ending.words} ({said})" if said else ending.words,
        started=listener.heard,
        is_good=completed.status == 0 and listener.is_done,
        is_full=completed.status == order.FULL,
        reasons=listener.reasons,
    )


class _Listener:
    """Hears the results of one session, which come in pieces that end anywhere."""

    def __init__(self, meter: Meter, job: Job, destination: str) -> None:
        self._meter, self._job, self._destination, self._rest = meter, job, destination, b""
        self.heard, self.is_done = False, False
        self.reasons: dict[bytes, str] = {}

    def hear(self, output: bytes) -> None:
        """Take the next piece."""
        *results, self._rest = (self._rest + output).split(b"\0")
        for result in results:
            self.heard = self.heard or result != NOTHING_YET
            self._take(result)

    def _take(self, result: bytes) -> None:
        kind, *words = result.split(b" ", 2)
        if kind == b"p":
            self._meter.set(self, int(words[0]), int(words[1]))
        elif kind == b"end":
            self.is_done = True
        elif kind in (b"s", b"d"):
            item = self._job.items[int(words[0])]
            self.reasons[item.target] = self._in_words(kind, words[1].decode("utf-8", "replace"))

    def _in_words(self, kind: bytes, reason: str) -> str:
        if kind == b"d":
            return f"could not be written on {self._destination}: {reason}"
        known = {"changed": CHANGED, os.strerror(2): VANISHED}
        return known.get(reason, f"could not be read at the source: {reason}")
