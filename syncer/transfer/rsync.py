"""The rsync engine: exact names over OpenSSH, several sessions at a time, each ending understood by file.

The command line is rsync_command.py's, the meaning of what rsync says rsync_words.py's, and what counts as
arrived confirm.py's. Files whose last name changes on the way cannot be listed for rsync; they are handed to
the engine that moves bytes itself.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import Completed, HostAccess, Look
from observatory.errors import CouldNotTell
from syncer.transfer.confirm import Evidence, settle
from syncer.transfer.contract import Batch, CarryResult, Engine, NotArrived
from syncer.transfer.feed import Feed, most_on_the_way
from syncer.transfer.folders import WHOLE_HOST, make_ready
from syncer.transfer.group import folders_not_there
from syncer.transfer.merging import in_parts
from syncer.transfer.meter import Meter
from syncer.transfer.rounds import Ending, Remedy, Rounds, SessionEnd
from syncer.transfer.route import NotFromThere, RemoteShell, round_trip_of, route_of, shell_words
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
from syncer.transfer.sessions import Job, folders_of, sessions_for, split

OLDEST = (3, 0)
"""Before 3.0 rsync could not protect its arguments and read the whole list before the first file."""
RUN_LIMIT_S = 7 * 86400.0
"""No session is ended for being long: rsync itself gives up when nothing comes (``--timeout``)."""

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
        For files whose last name changes on the way.
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
        renamed = [item for item in batch.items if folders_of(item) is None]
        return in_parts(batch, self._carry_listed, renamed, self.renamer.carry)

    def _carry_listed(self, batch: Batch) -> CarryResult:
        if not batch.items:
            return CarryResult(self.name, (), ())
        new_folders = folders_not_there(batch)
        sender = _Sender(self, batch, make_ready(batch))
        sender.carry()
        result = settle(self.name, batch, Evidence(sender.rounds.failures, new_folders=new_folders))
        sender.rounds.meter.settle([arrived.item for arrived in result.arrived])
        return result


class _Sender:
    """The sessions of one batch."""

    def __init__(self, engine: RsyncEngine, batch: Batch, refused: dict[bytes, NotArrived]) -> None:
        self.engine, self.batch = engine, batch
        self.rounds = Rounds(batch, refused, self._session, split, engine.sleep)
        self.route = route_of(batch.source_access, batch.destination_access)
        self._runner: Look = batch.source if self.route.runs_at_source else batch.destination
        self._most_on_the_way: int | None = None

    def carry(self) -> None:
        """Send everything that was not refused."""
        if any(item.target not in self.rounds.failures for item in self.batch.items):
            self.rounds.carry(self._sessions(), self._raise_if_not_from_there)

    def _sessions(self) -> int:
        """As declared, else by the round trip."""
        round_trip_s = round_trip_of(self.route, self.batch)
        if self.route.far is not None and not self.route.runs_at_source and self.engine.version >= KNOWS_INFO:
            self._most_on_the_way = most_on_the_way(round_trip_s)
        return self.batch.options.sessions or sessions_for(round_trip_s)

    def _session(self, job: Job, rate_bytes_per_s: int | None) -> SessionEnd:
        shell = shell_words(self.route, self.batch, self.engine.remote_shell)
        argv = arguments(self.batch, job, self.route, shell, rate_bytes_per_s, version=self.engine.version)
        feed = Feed(each_name(job), self._most_on_the_way)
        listener = _Listener(self.rounds.meter, feed)
        try:
            completed = self._runner.run(argv, feed.blocks(), RUN_LIMIT_S, listener.hear)
        except CouldNotTell as error:
            ending = Ending(str(error), Remedy.NOTHING if error.is_permanent else Remedy.RETRY)
            return SessionEnd(job, ending, ending.words, started=listener.heard, is_good=False)
        return self._ended(job, completed, listener.heard)

    def _ended(self, job: Job, completed: Completed, heard: bool) -> SessionEnd:
        ending, said = ending_of(completed.status, completed.stderr), last_words(completed.stderr)
        is_good = completed.status == 0
        known = {} if is_good else _names_by_which_rsync_may_call(self.batch, job)
        reasons = {} if is_good else complaints(completed.stderr, known)
        return SessionEnd(
            job,
            ending,
            words=f"{ending.words} ({said})" if said else ending.words,
            started=heard or completed.status not in NOT_STARTED,
            is_good=is_good,
            is_full=not is_good and is_full(completed.stderr),
            reasons={target: reason for target, reason in reasons.items() if not is_full(reason.encode())},
        )

    def _raise_if_not_from_there(self, ends: Sequence[SessionEnd]) -> None:
        if self.route.by_own_keys and not any(end.started for end in ends):
            raise NotFromThere("rsync", self.batch.destination.name, self.batch.source.name, ends[0].words)


class _Listener:
    """Hears one session's standard output, which comes in pieces that end anywhere."""

    def __init__(self, meter: Meter, feed: Feed) -> None:
        self._meter, self._feed, self._rest = meter, feed, b""
        self.heard = False

    def hear(self, output: bytes) -> None:
        """Take the next piece; the last line of it is kept until it is whole."""
        self._rest += output
        whole, mark, self._rest = self._rest.rpartition(b"\r")
        whole = whole[-LAST_WORDS_BYTES:]
        if mark and (listed := listed_in(whole)) is not None:
            self._feed.hear(listed)
        done = progress_in(whole) if mark else None
        if done is not None:
            self.heard = self.heard or done != (0, 0)
            self._meter.set(self, *done)
            time.sleep(LISTEN_S)


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
