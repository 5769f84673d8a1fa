"""Rounds of sessions: a batch divided among several, how each ended, and what of it is sent again.

Shared by the engines that start programs. What a session is, and what its end means, each engine knows; whether a
file arrived is confirm.py's question.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from observatory.asking import End
from observatory.errors import CouldNotTell
from observatory.spec.models import TransferOptions
from syncer.transfer.abreast import abreast
from syncer.transfer.confirm import Evidence, confirm
from syncer.transfer.contract import Arrived, Batch, Item, NotArrived
from syncer.transfer.folders import WHOLE_HOST, sweep
from syncer.transfer.meter import Meter
from syncer.transfer.rate import rate_at, rate_holds_s
from syncer.transfer.sessions import Job

RETRY_DELAYS_S = (2.0, 8.0, 30.0)
"""Waits before trying again after nothing arrived; a reboot of a switch is over within them."""

LAST_FILES_S = 1.0
"""The far program of a session that we ended notices it by then: it must not finish a file beside the next session."""

_REFUSALS = (
    (
        re.compile(rb"Host key verification failed"),
        "its host key is not in the known_hosts of the host that asks, or is another",
    ),
    (re.compile(rb"Could not resolve hostname"), "the host that asks does not know that name"),
    (
        re.compile(rb"Permissions 0\d+ for '([^\n]+)' are too open.*Permission denied \((?!13\))", re.DOTALL),
        "login refused: others may read the private key, so ssh does not use it: `chmod 600 {}` on the host that asks",
    ),
    (
        re.compile(rb"Permission denied \((?!13\))"),
        "login refused: the public key of the host that asks is not in the authorized_keys there",
    ),
    (
        re.compile(rb"Unknown cipher type|no matching cipher found"),
        "ssh and the host have no cipher in common: see `transfer.cipher`, and `ssh -Q cipher` for those there are",
    ),
)
"""What ssh says where it did not begin, the cause before what follows from it; (13) is a file's."""


class Remedy(enum.Enum):
    """What to do with the files of a session that ended in some way and did not arrive."""

    NOTHING = "nothing"
    """Each file's own reason stands; trying again would meet the same."""
    RETRY = "retry"
    """The line, the host or the time was to blame: later it may work."""
    GO_ON = "go on"
    """One file stopped the whole session; the others have not been tried."""
    AT_ONCE = "at once"
    """We ended it ourselves, as another rate holds now: what it had not carried yet is sent at that one."""


@dataclass(frozen=True, slots=True)
class Ending:
    """An exit status in words, and what it calls for."""

    words: str
    remedy: Remedy


def refusal(stderr: bytes) -> str | None:
    """Return why ssh did not begin, which holds for every further try; None where it says no such thing."""
    for sign, words in _REFUSALS:
        if said := sign.search(stderr):
            return words.format(*(shlex.quote(part.decode("utf-8", "backslashreplace")) for part in said.groups()))
    return None


def last_line(stderr: bytes) -> str:
    """Return the last line of standard error that holds something."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1].decode("utf-8", "backslashreplace") if lines else ""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How one session ended.

    Attributes
    ----------
    job : Job
    ending : Ending
    words : str
        What to say of a file that did not arrive and that nobody named.
    started : bool
        The two programs spoke with one another.
    is_good : bool
        Everything arrived but for the files in `reasons`.
    is_full : bool
        The destination's disk or quota ran out.
    reasons : mapping of target to sentence
        Of the files that were named.
    """

    job: Job
    ending: Ending
    words: str
    started: bool
    is_good: bool
    is_full: bool = False
    reasons: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a session may be, and until when.

    Attributes
    ----------
    options : TransferOptions
    sessions : int
        So many share the rate.
    hop_rate_bytes_per_s : int or None
        Of all of them, when their round began.
    unseen_rounds : int
        So many went before of which nobody could see all that arrived.
    """

    options: TransferOptions
    sessions: int
    hop_rate_bytes_per_s: int | None
    unseen_rounds: int = 0

    @property
    def rate_bytes_per_s(self) -> int | None:
        """One session's share; None without a limit."""
        return None if self.hop_rate_bytes_per_s is None else max(1, self.hop_rate_bytes_per_s // self.sessions)

    def holds_s(self, now: dt.datetime) -> float | None:
        """Return for how many seconds from a local time on it still holds; None: for ever."""
        if rate_at(self.options, now) != self.hop_rate_bytes_per_s:
            return 0.0
        return rate_holds_s(self.options, now)


Send = Callable[[Job, Pace], SessionEnd]
"""Carries one job, no faster and no longer than its pace allows."""
Divide = Callable[[Sequence[Item], int], list[Job]]
"""Makes jobs for some sessions."""


class Rounds:
    """One batch under way: what failed so far and why.

    Parameters
    ----------
    batch : Batch
    refused : mapping of target to NotArrived
        What is not even tried.
    meter : Meter
        Told how far the batch is.
    send : Send
    divide : Divide
    sleep : callable
    break_off : callable
        Called where we are interrupted: ends the sessions that are under way.
    ends : sequence of End
        Let go where that is not enough.
    """

    def __init__(
        self,
        batch: Batch,
        refused: Mapping[bytes, NotArrived],
        meter: Meter,
        send: Send,
        divide: Divide,
        sleep: Callable[[float], None],
        break_off: Callable[[], None] = lambda: None,
        ends: Sequence[End] = (),
    ) -> None:
        self.batch = batch
        self.failures: dict[bytes, NotArrived] = dict(refused)
        self._meter, self._send, self._divide, self._sleep = meter, send, divide, sleep
        self._break_off, self._ends = break_off, ends
        self._done: list[Item] = []
        self._unseen_rounds = 0

    def carry(self, sessions: int, check: Callable[[Sequence[SessionEnd]], None] = lambda ends: None) -> None:
        """Send rounds of sessions until all arrived or no retry can help.

        `check` is handed the ends of a round as long as nothing arrived; it may raise.
        """
        pending, fruitless = [item for item in self.batch.items if item.target not in self.failures], 0
        while pending:
            ends = self._round(pending, sessions)
            was_cut = any(end.ending.remedy is Remedy.AT_ONCE for end in ends)
            if was_cut:
                self._sleep(LAST_FILES_S)
            elif not self._done:
                check(ends)
            again, must_wait = self._digest(ends)
            fruitless = fruitless + 1 if len(again) == len(pending) and not was_cut else 0
            if not again or fruitless > len(RETRY_DELAYS_S):
                return
            if must_wait:
                self._sleep(RETRY_DELAYS_S[max(fruitless - 1, 0)])
            pending = again

    def _round(self, items: Sequence[Item], sessions: int) -> list[SessionEnd]:
        jobs = self._divide(items, sessions)
        options, at_once = self.batch.options, min(sessions, len(jobs))
        pace = Pace(options, at_once, rate_at(options, self.batch.now()), self._unseen_rounds)
        return abreast(lambda job: self._send(job, pace), jobs, at_once, "session", self._break_off, self._ends)

    def _digest(self, ends: Sequence[SessionEnd]) -> tuple[list[Item], bool]:
        """Note why files failed; return what to send again, and whether to wait before."""
        again: list[Item] = []
        for end in ends:
            if end.is_good:
                self._digest_good(end)
            else:
                again += self._digest_bad(end)
        self._meter.settle(self._done)
        return again, any(end.ending.remedy is Remedy.RETRY for end in ends)

    def _digest_good(self, end: SessionEnd) -> None:
        if not end.reasons:
            self._done += end.job.items
            return
        for item in end.job.items:
            if item.target in end.reasons:
                self.failures[item.target] = NotArrived(item, end.reasons[item.target])
            else:
                self._done.append(item)

    def _digest_bad(self, end: SessionEnd) -> list[Item]:
        words = f"no space left on {self.batch.destination.name}" if end.is_full else end.words
        may_retry = end.ending.remedy in (Remedy.RETRY, Remedy.AT_ONCE) and not end.is_full
        for item in end.job.items:
            self.failures[item.target] = NotArrived(item, end.reasons.get(item.target, words), may_retry)
        if end.is_full:
            self._make_room()
        if end.is_full or end.ending.remedy is Remedy.NOTHING:
            return []
        if end.ending.remedy is Remedy.GO_ON and not end.reasons:
            return []
        return self._not_there([item for item in end.job.items if item.target not in end.reasons])

    def _make_room(self) -> None:
        """What is kept of a file that did not fit would fill the disk for all others."""
        with contextlib.suppress(CouldNotTell, OSError):
            sweep(self.batch.destination, self.batch.destination_root)

    def _not_there(self, items: Sequence[Item]) -> list[Item]:
        """Where it cannot be looked at now, everything is sent again."""
        try:
            verdicts = confirm(self.batch.with_items(items), Evidence())
        except WHOLE_HOST:
            self._unseen_rounds += 1
            return list(items)
        self._unseen_rounds += any(isinstance(one, NotArrived) and not one.was_seen for one in verdicts)
        self._done += [verdict.item for verdict in verdicts if isinstance(verdict, Arrived)]
        return [verdict.item for verdict in verdicts if not isinstance(verdict, Arrived)]
