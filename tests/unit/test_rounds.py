"""Rounds of sessions on a host in memory: what is sent again, after how long, and when it is given up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from observatory.endpoints.contract import Facts, HostAccess, Promise
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed
from observatory.spec.models import TransferOptions
from syncer.transfer.contract import Batch, Item, NotArrived, Progress
from syncer.transfer.meter import Meter
from syncer.transfer.rounds import LAST_FILES_S, RETRY_DELAYS_S, Ending, Pace, Remedy, Rounds, SessionEnd, refusal
from syncer.transfer.sessions import Job
from tests.worlds import OLD_S

HERE, THERE = b"/data/sha", b"/archive/sha"
ONE, TWO, THREE = (Item(name, name, 3, OLD_S) for name in (b"a.fits", b"b.fits", b"c.fits"))
NOON = dt.datetime(2016, 9, 7, 12)

Plan = Callable[["World", Job], SessionEnd]
"""What one session does, and how it ends."""


def ends(remedy: Remedy = Remedy.RETRY, *carried: Item, reasons: Mapping[bytes, str] | None = None, **how: Any) -> Plan:
    """Return a session that carries some files and ends badly."""

    def session(world: World, job: Job) -> SessionEnd:
        world.deliver(carried)
        return SessionEnd(job, Ending("broke", remedy), "the line was cut", True, False, reasons=reasons or {}, **how)

    return session


def well(reasons: Mapping[bytes, str] | None = None) -> Plan:
    """Return a session that carries everything but for some files that it names."""

    def session(world: World, job: Job) -> SessionEnd:
        world.deliver([item for item in job.items if item.target not in (reasons or {})])
        return SessionEnd(job, Ending("ended", Remedy.NOTHING), "", True, True, reasons=reasons or {})

    return session


class Closed(MemoryEndpoint):
    """A host on which some files cannot be looked at until they are written again."""

    closed: frozenset[bytes] | set[bytes] = frozenset()

    def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
        """Look, or say why not."""
        for promise in promises:
            if promise.path in self.closed:
                yield Facts(promise.path, reason="Input/output error")
            else:
                yield from super().differing(root, [promise])


class World:
    """Both hosts in memory, and sessions that do what a test plans; one session a round."""

    def __init__(self, *plans: Plan, items: Sequence[Item] = (ONE, TWO, THREE), **options: Any) -> None:
        self.source, self.destination = MemoryEndpoint("sha"), Closed("archive")
        for item in items:
            self.source.put(HERE + b"/" + item.path, b"new", OLD_S)
        self.destination.put_folder(THERE)
        access = HostAccess("here", "here", is_local=True)
        self.told: list[Progress] = []
        self.batch = Batch(self.source, access, HERE, self.destination, access, THERE, items, "20160907T120000Z")
        settings = TransferOptions.model_validate(options)
        self.batch = replace(self.batch, progress=self.told.append, options=settings, now=lambda: NOON)
        self.plans = list(plans)
        self.sent: list[list[Item]] = []
        self.paces: list[Pace] = []
        self.slept: list[float] = []
        self.checked = 0
        self.apart = False

    def deliver(self, items: Sequence[Item]) -> None:
        """Place files at the destination as promised."""
        for item in items:
            self.destination.put(THERE + b"/" + item.target, b"new", OLD_S)

    def _send(self, job: Job, pace: Pace) -> SessionEnd:
        self.sent.append(list(job.items))
        self.paces.append(pace)
        return self.plans.pop(0)(self, job)

    def _divide(self, items: Sequence[Item], sessions: int) -> list[Job]:
        return [Job(b"", b"", (item,)) for item in items] if self.apart else _as_one(items, sessions)

    def _check(self, ended: Sequence[SessionEnd]) -> None:
        self.checked += 1

    def carry(self, sessions: int = 4, **refused: NotArrived) -> dict[bytes, NotArrived]:
        """Carry the batch; return why what failed did."""
        known = {one.item.target: one for one in refused.values()}
        rounds = Rounds(self.batch, known, Meter(self.batch), self._send, self._divide, self.slept.append)
        rounds.carry(sessions, self._check)
        assert self.plans == []
        return {
            target: failure for target, failure in rounds.failures.items() if THERE + b"/" + target not in self.there
        }

    @property
    def there(self) -> set[bytes]:
        """What lies at the destination."""
        return set(self.destination.things)

    @property
    def done(self) -> tuple[int, int]:
        """How many files and bytes the listener was told of last."""
        return self.told[-1].done_files, self.told[-1].done_bytes


def _as_one(items: Sequence[Item], sessions: int) -> list[Job]:
    return [Job(b"", b"", tuple(items))]


def test_what_arrived_in_one_round_is_done_and_what_was_named_is_not_tried_again() -> None:
    """Nobody waits for anything."""
    world = World(well({TWO.target: "is a folder there"}))
    assert world.carry() == {TWO.target: NotArrived(TWO, "is a folder there")}
    assert (world.done, world.slept) == ((2, 6), [])


def test_what_was_refused_before_is_not_even_sent() -> None:
    """Its reason stands."""
    known = NotArrived(ONE, "its folder could not be made")
    world = World(well())
    assert world.carry(known=known) == {ONE.target: known}
    assert world.sent == [[TWO, THREE]]


def test_after_a_cut_only_what_is_not_there_is_sent_again() -> None:
    """After a short wait, as something arrived; nothing was checked once it had."""
    world = World(ends(Remedy.RETRY, ONE), ends(Remedy.RETRY), well())
    assert world.carry() == {}
    assert world.sent == [[ONE, TWO, THREE], [TWO, THREE], [TWO, THREE]]
    assert (world.slept, world.done, world.checked) == ([RETRY_DELAYS_S[0]] * 2, (3, 9), 1)


def test_where_nothing_arrives_it_is_given_up_after_the_last_wait() -> None:
    """Each wait once, longer and longer; the reason says that the next run may try."""
    world = World(*[ends()] * 4)
    assert world.carry() == {item.target: NotArrived(item, "the line was cut", True) for item in (ONE, TWO, THREE)}
    assert (world.slept, world.checked, world.done) == (list(RETRY_DELAYS_S), 4, (0, 0))


def test_something_that_arrives_begins_the_patience_anew() -> None:
    """Three rounds in vain before it, and three after."""
    world = World(*[ends()] * 3, ends(Remedy.RETRY, ONE), *[ends()] * 4)
    assert set(world.carry()) == {TWO.target, THREE.target}
    assert world.slept == [*RETRY_DELAYS_S, RETRY_DELAYS_S[0], *RETRY_DELAYS_S]


def test_what_no_retry_helps_ends_it_at_once() -> None:
    """And what stopped a session without a name for it too."""
    for remedy in (Remedy.NOTHING, Remedy.GO_ON):
        world = World(ends(remedy))
        failures = world.carry()
        assert set(failures) == {ONE.target, TWO.target, THREE.target}
        assert (world.slept, any(one.may_retry for one in failures.values())) == ([], False)


def test_one_file_that_stops_a_session_does_not_stop_the_others() -> None:
    """They go on without a wait; the one that is named is not tried again."""
    world = World(ends(Remedy.GO_ON, reasons={ONE.target: "vanished"}), well())
    assert world.carry() == {ONE.target: NotArrived(ONE, "vanished")}
    assert (world.sent[1], world.slept) == ([TWO, THREE], [])


def test_a_session_ended_for_another_rate_goes_on_as_often_as_it_takes() -> None:
    """It was nobody's fault: only the last one is checked, no patience used; its far program is waited for."""
    world = World(*[ends(Remedy.AT_ONCE)] * 6, well())
    assert world.carry() == {}
    assert (world.slept, world.checked) == ([LAST_FILES_S] * 6, 1)


def test_a_full_disk_is_swept_and_said_and_nothing_more_is_sent_there() -> None:
    """What is kept of a file that did not fit would fill it for all others."""
    world = World(ends(Remedy.RETRY, is_full=True))
    partial = THERE + b"/.nightferry/partial/a.fits"
    world.destination.put(partial, b"half")
    failures = world.carry()
    assert {one.reason for one in failures.values()} == {"no space left on archive"}
    assert not any(one.may_retry for one in failures.values())
    assert (partial in world.there, len(world.sent)) == (False, 1)


def test_what_cannot_be_looked_at_is_sent_again_and_the_next_session_is_told() -> None:
    """What it finds there may be its own."""

    def vanishes(world: World, job: Job) -> SessionEnd:
        world.destination.is_reachable = False
        return ends(Remedy.RETRY)(world, job)

    def comes_back(world: World, job: Job) -> SessionEnd:
        world.destination.is_reachable = True
        return well()(world, job)

    world = World(vanishes, comes_back)
    assert world.carry() == {}
    assert (world.sent[1], [pace.unseen_rounds for pace in world.paces]) == ([ONE, TWO, THREE], [0, 1])
    world = World(ends(Remedy.RETRY), well())
    world.carry()
    assert [pace.unseen_rounds for pace in world.paces] == [0, 0]


def test_a_single_file_that_cannot_be_looked_at_makes_a_round_unseen() -> None:
    """It may stand there already; and so may what a next session finds in its place."""
    world = World(ends(Remedy.RETRY, ONE), well())
    world.destination.closed = {TWO.target}
    assert world.carry() == {}
    assert (world.sent[1], [pace.unseen_rounds for pace in world.paces]) == ([TWO, THREE], [0, 1])


def test_of_several_sessions_each_ends_by_itself() -> None:
    """One that broke off is waited for, one that was ended for another rate is checked by nobody."""
    world = World(well(), ends(Remedy.RETRY), ends(Remedy.GO_ON, reasons={THREE.target: "vanished"}), well())
    world.apart = True
    assert world.carry(sessions=1) == {THREE.target: NotArrived(THREE, "vanished")}
    assert (world.slept, world.sent[3:]) == ([RETRY_DELAYS_S[0]], [[TWO]])
    world = World(ends(Remedy.AT_ONCE), ends(Remedy.NOTHING), well(), items=(ONE, TWO))
    world.apart = True
    assert set(world.carry(sessions=1)) == {TWO.target}
    assert (world.slept, world.checked) == ([LAST_FILES_S], 1)


def test_a_first_round_may_be_refused_by_who_checks_it() -> None:
    """Another way is taken then."""

    def refuse(ended: Sequence[SessionEnd]) -> None:
        raise CommandFailed("archive", "rsync", "is not installed")

    world = World(ends(Remedy.RETRY))
    rounds = Rounds(world.batch, {}, Meter(world.batch), world._send, _as_one, world.slept.append)
    with pytest.raises(CommandFailed):
        rounds.carry(1, refuse)


def test_sessions_share_the_rate_of_their_hop_and_learn_when_it_is_another() -> None:
    """Never less than a byte a second; without a limit there is none to share."""
    limited = TransferOptions(rate_bytes_per_s=1000)
    assert Pace(limited, 3, 1000).rate_bytes_per_s == 333
    assert Pace(limited, 3, 1).rate_bytes_per_s == 1
    assert Pace(TransferOptions(), 3, None).rate_bytes_per_s is None
    assert Pace(limited, 3, 1000).holds_s(NOON) is None
    assert Pace(limited, 3, 500).holds_s(NOON) == 0.0
    world = World(well(), rate_bytes_per_s=900)
    world.carry(sessions=8)  # of one job
    assert world.paces[0].rate_bytes_per_s == 900


OPEN_KEY = b"""Permissions 0644 for '/home/data manager/.ssh/id' are too open.
This private key will be ignored.
Load key "/home/data manager/.ssh/id": bad permissions
"""


def test_a_key_that_ssh_leaves_out_is_the_reason_and_not_what_follows_from_it() -> None:
    """Nobody is sent to an authorized_keys that has held the key all along."""
    denied = b"observer@sha: Permission denied (publickey)."
    said = refusal(OPEN_KEY + denied)
    assert said is not None
    assert "`chmod 600 '/home/data manager/.ssh/id'`" in said
    assert "authorized_keys" not in said
    assert "authorized_keys" in (refusal(denied) or "")


def test_a_key_left_out_is_no_reason_where_another_one_let_us_in() -> None:
    """The line was lost later: that may be tried again."""
    assert refusal(OPEN_KEY + b"Connection to sha closed by remote host.") is None
