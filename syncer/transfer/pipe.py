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
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import Completed
from observatory.endpoints.farside import packed_program
from observatory.endpoints.script import command, wrapped
from observatory.errors import CouldNotTell
from syncer.transfer.confirm import CHANGED, VANISHED
from syncer.transfer.contract import Batch, CarryResult, Engine, Item
from syncer.transfer.courier import Courier, Session
from syncer.transfer.ends import order, program, receiver, sender
from syncer.transfer.folders import REPLACED, TMP
from syncer.transfer.merging import in_parts
from syncer.transfer.meter import Meter
from syncer.transfer.rounds import Ending, Remedy, SessionEnd, last_line, no_retry_helps
from syncer.transfer.route import RemoteShell
from syncer.transfer.sessions import Job, divide

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
        return _Courier(self, batch).carry()


class _Courier(Courier):
    """The sessions of one batch."""

    program = "python3"

    def __init__(self, engine: PipeEngine, batch: Batch) -> None:
        super().__init__(engine.name, batch, engine.remote_shell, divide, engine.sleep)
        self._silence_s = engine.silence_s

    def session(self, job: Job, rate_bytes_per_s: int | None, meter: Meter) -> Session:
        """Return the near program that carries a job."""
        packed = order.packed_order(self._order(job, rate_bytes_per_s))
        return _Session(job, self._argv(), packed, meter, self.batch.destination.name)

    def check(self, ends: Sequence[SessionEnd]) -> None:
        """Raise also where the two programs never spoke and nothing will change that."""
        super().check(ends)
        if all(not end.started and end.ending.remedy is Remedy.NOTHING for end in ends):
            raise CannotPipe(self.batch.source.name, self.batch.destination.name, ends[0].words)

    def _argv(self) -> list[bytes]:
        near = os.fsencode(sys.executable) if self.route.near.is_local else b"python3"
        return [near, b"-I", b"-c", _text(), b"near", *self._far_words()]

    def _far_words(self) -> list[bytes]:
        words = [b"python3", b"-I", b"-c", _text(), b"far"]
        if self.route.far is None:
            return words
        far = [os.fsencode(word) for word in (*self.shell, "--", self.route.far.address)]
        return [*far, wrapped(b"exec " + command(words))]

    def _order(self, job: Job, rate_bytes_per_s: int | None) -> order.Order:
        batch = self.batch
        aside = posixpath.join(REPLACED, batch.stamp.encode()) if batch.on_difference == "version" else b""
        settings = {
            "way": "push" if self.route.runs_at_source else "pull",
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
        return order.Order(
            settings,
            [item.size_bytes for item in items],
            [_mtime_ns(item) for item in items],
            [item.path for item in items],
            [item.target for item in items],
        )


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


class _Session(Session):
    """One run of the near program and what it told."""

    def __init__(self, job: Job, argv: Sequence[bytes], packed: bytes, meter: Meter, destination: str) -> None:
        super().__init__(argv, [packed])
        self._job, self._meter, self._destination, self._rest = job, meter, destination, b""
        self._is_done = False
        self._reasons: dict[bytes, str] = {}

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
        if ending.remedy is Remedy.RETRY and no_retry_helps(completed.stderr):
            ending = Ending(ending.words, Remedy.NOTHING)
        return SessionEnd(
            self._job,
            ending,
            words=f"{ending.words} ({said})" if said else ending.words,
            started=self.heard,
            is_good=completed.status == 0 and self._is_done,
            is_full=completed.status == order.FULL,
            reasons=self._reasons,
        )
