"""The rsync engine: exact names over OpenSSH, several sessions at a time, each ending understood by file.

The command line is rsync_command.py's, the meaning of what rsync says rsync_words.py's, and what counts as
arrived confirm.py's. Files whose last name changes on the way, or that rsync would take for patterns, cannot be
listed for it; they are handed to the engine that moves bytes itself.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from observatory.endpoints.contract import Completed, HostAccess, Look
from observatory.errors import CouldNotTell
from syncer.transfer.contract import Batch, CarryResult, Engine
from syncer.transfer.courier import Courier, Session
from syncer.transfer.feed import Feed, most_on_the_way
from syncer.transfer.folders import WHOLE_HOST, stamp_after
from syncer.transfer.merging import in_parts
from syncer.transfer.meter import Meter
from syncer.transfer.rounds import Pace, SessionEnd
from syncer.transfer.route import RemoteShell
from syncer.transfer.rsync_command import KNOWS_INFO, arguments, each_name
from syncer.transfer.rsync_words import (
    NOT_STARTED,
    complaints,
    ending_of,
    is_full,
    last_words,
    listed_in,
    progress_in,
)
from syncer.transfer.sessions import Job, folders_of, split

OLDEST = (3, 0)
"""Before 3.0 rsync could not protect its arguments and read the whole list before the first file."""
LAST_WORDS_BYTES = 500
"""Of its progress only the last line counts, and rsync tells it with every file."""

LISTEN_S = 0.01
"""It is heard no more often: for each file alone 100,000 files cost us a second. A pipe holds a thousand lines."""


@dataclass(frozen=True, slots=True)
class RsyncEngine:
    """Moves files with rsync.

    Attributes
    ----------
    remote_shell : callable
        Builds the ssh command for a host.
    renamer : Engine
        For files that cannot be listed for rsync.
    version : tuple of int
        The older of the two rsyncs.
    clock_s, sleep : callables
    """

    remote_shell: RemoteShell
    renamer: Engine
    version: tuple[int, ...] = KNOWS_INFO
    clock_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    name: str = "rsync"

    def carry(self, batch: Batch) -> CarryResult:
        """Move the batch's files.

        Raises
        ------
        NotFromThere
            Both hosts are remote and the destination cannot reach the source; nothing was moved.
        CouldNotTell
            A host cannot be reached.
        """
        others = [item for item in batch.items if folders_of(item) is None or _is_taken_for_a_pattern(item.path)]
        return in_parts(batch, self._carry_listed, others, self.renamer.carry)

    def _carry_listed(self, batch: Batch) -> CarryResult:
        """Links are followed only for the files that were listed through one: by an rsync of their own."""
        return in_parts(batch, self._carry_alike, [item for item in batch.items if item.by_link], self._carry_alike)

    def _carry_alike(self, batch: Batch) -> CarryResult:
        return _Courier(self, batch).carry()


def _is_taken_for_a_pattern(path: bytes) -> bool:
    """Say whether a receiver would not know its own request again: since 3.2.5 it compares what comes by wildcards.

    Then the whole session fails, with every other file in it.
    """
    return b"\\" in path and any(sign in path for sign in (b"*", b"?", b"[", b"]"))


class _Courier(Courier):
    """The sessions of one batch."""

    program = "rsync"

    def __init__(self, engine: RsyncEngine, batch: Batch) -> None:
        super().__init__(engine.name, batch, engine.remote_shell, split, engine.sleep)
        self._version = engine.version

    def session(self, job: Job, pace: Pace, meter: Meter) -> Session:
        """Return the rsync that carries a job."""
        batch = replace(self.batch, stamp=stamp_after(self.batch.stamp, pace.unseen_rounds))
        argv = arguments(batch, job, self.route, self.shell, pace.rate_bytes_per_s, version=self._version)
        return _Session(self.batch, job, argv, Feed(each_name(job), self._most_on_the_way), meter)

    @property
    def _most_on_the_way(self) -> int | None:
        pulls = self.route.far is not None and not self.route.runs_at_source
        return most_on_the_way(self.round_trip_s) if pulls and self._version >= KNOWS_INFO else None


class _Session(Session):
    """One rsync; the last line of what it tells is kept until it is whole."""

    def __init__(self, batch: Batch, job: Job, argv: Sequence[bytes], feed: Feed, meter: Meter) -> None:
        super().__init__(argv, feed.blocks())
        self._batch, self._job, self._feed, self._meter, self._rest = batch, job, feed, meter, b""

    def hear(self, output: bytes) -> None:
        """Take the next piece."""
        self._rest += output
        whole, mark, self._rest = self._rest.rpartition(b"\r")
        whole = whole[-LAST_WORDS_BYTES:]
        if mark and (listed := listed_in(whole)) is not None:
            self._feed.hear(listed)
        done = progress_in(whole) if mark else None
        if done is not None:
            if done != (0, 0):
                self.is_heard()
            self._meter.set(self, *done)
            time.sleep(LISTEN_S)

    def ended(self, completed: Completed) -> SessionEnd:
        """Understand status and complaints, file by file."""
        ending, said = ending_of(completed.status, completed.stderr), last_words(completed.stderr)
        is_good = completed.status == 0
        known = {} if is_good else _names_by_which_rsync_may_call(self._batch, self._job)
        reasons = {} if is_good else complaints(completed.stderr, known)
        return SessionEnd(
            self._job,
            ending,
            words=f"{ending.words} ({said})" if said else ending.words,
            started=self.heard or completed.status not in NOT_STARTED,
            is_good=is_good,
            is_full=not is_good and is_full(completed.stderr),
            reasons={target: reason for target, reason in reasons.items() if not is_full(reason.encode())},
        )


def _names_by_which_rsync_may_call(batch: Batch, job: Job) -> dict[bytes, bytes]:
    known: dict[bytes, bytes] = {}
    for item in job.items:
        relative = job.name_of(item)
        source = batch.source_root.rstrip(b"/") + b"/" + item.path
        destination = batch.destination_root.rstrip(b"/") + b"/" + item.target
        for name in (source, destination, relative):
            known[name] = item.target
        temporary = b"%s/.nightferry/tmp/%s" % (batch.destination_root.rstrip(b"/"), relative.rpartition(b"/")[2])
        known.setdefault(temporary, item.target)
    return known


def rsync_version(endpoint: Look, access: HostAccess) -> tuple[int, ...] | None:
    """Return the version of the rsync that would be called on a host; None where there is none.

    Raises
    ------
    CouldNotTell
        The host cannot be reached.
    """
    program = [word.encode() for word in shlex.split(access.rsync_path or "rsync")]
    try:
        known = endpoint.capabilities.rsync_version if access.rsync_path is None else None
        if known is not None:
            return known
        completed = endpoint.run([*program, b"--version"])
    except WHOLE_HOST:
        raise
    except CouldNotTell:
        return None
    found = re.search(rb"\brsync\s+version v?(\d+)\.(\d+)(?:\.(\d+))?", completed.stdout)
    if completed.status != 0 or found is None:
        return None
    return tuple(int(number) for number in found.groups(default=b"0"))
