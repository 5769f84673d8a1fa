"""The rsync engine: exact names over OpenSSH, several sessions at a time, each ending understood by file.

The command line is rsync_command.py's, the meaning of what rsync says rsync_words.py's, and what counts as
arrived confirm.py's. Files whose last name changes on the way cannot be listed for rsync; they are handed to
the engine that moves bytes itself.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from observatory.endpoints.contract import HostAccess, Look
from observatory.errors import CouldNotTell
from observatory.spec.models import TransferOptions
from syncer.transfer.confirm import Evidence, confirm, settle
from syncer.transfer.contract import Arrived, Batch, CarryResult, Engine, Item, NotArrived
from syncer.transfer.feed import Feed, most_on_the_way
from syncer.transfer.folders import WHOLE_HOST, make_ready, sweep
from syncer.transfer.group import folders_not_there
from syncer.transfer.meter import Meter, part_of
from syncer.transfer.rate import rate_at
from syncer.transfer.rsync_command import KNOWS_INFO, arguments, each_name, own_keys_command, route_of
from syncer.transfer.rsync_words import (
    NOT_STARTED,
    Ending,
    Remedy,
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
RETRY_DELAYS_S = (2.0, 8.0, 30.0)
"""Waits before trying again after nothing arrived; a reboot of a switch is over within them."""
RUN_LIMIT_S = 7 * 86400.0
"""No session is ended for being long: rsync itself gives up when nothing comes (``--timeout``)."""

LAST_WORDS_BYTES = 500
"""Of its progress only the last line counts, and rsync tells it with every file."""

LISTEN_S = 0.01
"""It is heard no more often: for each file alone 100,000 files cost us a second. A pipe holds a thousand lines."""

RemoteShell = Callable[[HostAccess, TransferOptions], Sequence[str]]
"""Builds the ssh command by which this machine reaches a host, without the host's name."""


class NotFromThere(CouldNotTell):
    """The destination cannot reach the source by itself, so the bytes have to be relayed."""

    def __init__(self, destination: str, source: str, why: str) -> None:
        super().__init__(f"{destination}: rsync there could not reach {source}: {why}")


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How one session ended."""

    job: Job
    ending: Ending
    stderr: bytes
    started: bool
    is_good: bool

    @property
    def words(self) -> str:
        """What to say of a file that did not arrive and that nobody named."""
        said = last_words(self.stderr)
        return f"{self.ending.words} ({said})" if said else self.ending.words


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
        if not renamed:
            return self._carry_listed(batch)
        listed = batch.with_items([item for item in batch.items if folders_of(item) is not None])
        first = self._carry_listed(listed.with_progress(part_of(batch, after=())))
        second = batch.with_items(renamed).with_progress(part_of(batch, after=listed.items))
        return merge(batch, first, self.renamer.carry(second))

    def _carry_listed(self, batch: Batch) -> CarryResult:
        if not batch.items:
            return CarryResult(self.name, (), ())
        new_folders = folders_not_there(batch)
        refused = make_ready(batch)
        under_way = _UnderWay(self, batch, refused)
        under_way.carry([item for item in batch.items if item.target not in refused])
        result = settle(self.name, batch, Evidence(under_way.failures, new_folders=new_folders))
        under_way.meter.settle([arrived.item for arrived in result.arrived])
        return result


def merge(batch: Batch, *results: CarryResult) -> CarryResult:
    """Join the results of parts of a batch, in the batch's order; the first one's name stands for all."""
    order = {item.target: number for number, item in enumerate(batch.items)}
    arrived = [one for result in results for one in result.arrived]
    failed = [one for result in results for one in result.failed]
    return CarryResult(
        engine=results[0].engine,
        arrived=tuple(sorted(arrived, key=lambda one: order[one.item.target])),
        failed=tuple(sorted(failed, key=lambda one: order[one.item.target])),
        remarks=tuple(remark for result in results for remark in result.remarks),
    )


class _UnderWay:
    """One batch under way: what failed so far and why. Rounds of sessions, until nothing more can be mended."""

    def __init__(self, engine: RsyncEngine, batch: Batch, refused: dict[bytes, NotArrived]) -> None:
        self.engine, self.batch = engine, batch
        self.failures: dict[bytes, NotArrived] = dict(refused)
        self.meter = Meter(batch)
        self.route = route_of(batch.source_access, batch.destination_access)
        self._runner: Look = batch.source if self.route.runs_at_source else batch.destination
        self._done: list[Item] = []
        self._most_on_the_way: int | None = None

    def carry(self, items: Sequence[Item]) -> None:
        """Send rounds of sessions until all arrived or no retry can help."""
        pending, fruitless = list(items), 0
        sessions = self._sessions() if pending else 1
        while pending:
            ends = self._round(pending, sessions)
            if not self._done:
                self._raise_if_not_from_there(ends)
            again, must_wait = self._digest(ends)
            fruitless = fruitless + 1 if len(again) == len(pending) else 0
            if not again or fruitless > len(RETRY_DELAYS_S):
                return
            if must_wait:
                self.engine.sleep(RETRY_DELAYS_S[max(fruitless - 1, 0)])
            pending = again

    def _sessions(self) -> int:
        """As declared, else by the round trip; between two remote hosts that cannot be seen from here."""
        round_trip_s = self._round_trip_s()
        if self.batch.options.sessions is not None:
            return self.batch.options.sessions
        return sessions_for(round_trip_s)

    def _round_trip_s(self) -> float:
        if self.route.far is None:
            return 0.0
        if self.route.by_own_keys:
            return 0.02
        far: Look = self.batch.destination if self.route.runs_at_source else self.batch.source
        round_trip_s = far.round_trip_s()
        if not self.route.runs_at_source and self.engine.version >= KNOWS_INFO:
            self._most_on_the_way = most_on_the_way(round_trip_s)
        return round_trip_s

    def _round(self, items: Sequence[Item], sessions: int) -> list[SessionEnd]:
        jobs = split(items, sessions)
        rate = rate_at(self.batch.options, self.batch.now())
        at_once = min(sessions, len(jobs))
        share = None if rate is None else rate // at_once
        with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="rsync") as pool:
            return list(pool.map(lambda job: self._session(job, share), jobs))

    def _session(self, job: Job, rate_bytes_per_s: int | None) -> SessionEnd:
        argv = arguments(
            self.batch, job, self.route, self._remote_shell(), rate_bytes_per_s, version=self.engine.version
        )
        feed = Feed(each_name(job), self._most_on_the_way)
        listener = _Listener(self.meter, feed)
        try:
            completed = self._runner.run(argv, feed.blocks(), RUN_LIMIT_S, listener.hear)
        except CouldNotTell as error:
            ending = Ending(str(error), Remedy.NOTHING if error.is_permanent else Remedy.RETRY)
            return SessionEnd(job, ending, b"", started=listener.heard, is_good=False)
        ending = ending_of(completed.status, completed.stderr)
        started = listener.heard or completed.status not in NOT_STARTED
        return SessionEnd(job, ending, completed.stderr, started, is_good=completed.status == 0)

    def _remote_shell(self) -> Sequence[str]:
        if self.route.far is None:
            return ()
        if self.route.by_own_keys:
            return own_keys_command(self.route.far)
        return self.engine.remote_shell(self.route.far, self.batch.options)

    def _raise_if_not_from_there(self, ends: Sequence[SessionEnd]) -> None:
        if self.route.by_own_keys and not any(end.started for end in ends):
            raise NotFromThere(self.batch.destination.name, self.batch.source.name, ends[0].words)

    def _digest(self, ends: Sequence[SessionEnd]) -> tuple[list[Item], bool]:
        """Note why files failed; return what to send again, and whether to wait before."""
        again: list[Item] = []
        for end in ends:
            if end.is_good:
                self._done += end.job.items
            else:
                again += self._digest_bad(end)
        self.meter.settle(self._done)
        return again, any(end.ending.remedy is Remedy.RETRY for end in ends)

    def _digest_bad(self, end: SessionEnd) -> list[Item]:
        reasons = complaints(end.stderr, _names_by_which_rsync_may_call(self.batch, end.job))
        full = is_full(end.stderr)
        words = f"no space left on {self.batch.destination.name}" if full else end.words
        may_retry = end.ending.remedy is Remedy.RETRY and not full
        for item in end.job.items:
            reason = reasons.get(item.target, words)
            self.failures[item.target] = NotArrived(item, words if is_full(reason.encode()) else reason, may_retry)
        if full:
            self._make_room()
        if full or end.ending.remedy is Remedy.NOTHING:
            return []
        if end.ending.remedy is Remedy.GO_ON and not reasons:
            return []
        return self._not_there([item for item in end.job.items if item.target not in reasons])

    def _make_room(self) -> None:
        """What rsync keeps of a file that did not fit would fill the disk for all others."""
        with contextlib.suppress(CouldNotTell, OSError):
            sweep(self.batch.destination, self.batch.destination_root)

    def _not_there(self, items: Sequence[Item]) -> list[Item]:
        """Where it cannot be looked at now, everything is sent again: rsync finds its own partial files."""
        try:
            verdicts = confirm(self.batch.with_items(items), Evidence())
        except WHOLE_HOST:
            return list(items)
        self._done += [verdict.item for verdict in verdicts if isinstance(verdict, Arrived)]
        return [verdict.item for verdict in verdicts if not isinstance(verdict, Arrived)]


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
