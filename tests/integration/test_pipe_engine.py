"""The pipe beside rsync: when it is taken, what takes its place, and what a lost connection leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.spec.models import TransferOptions
from syncer.transfer import choose as choosing
from syncer.transfer.choose import ByNumber, choose, remote_shell_of
from syncer.transfer.pipe import CannotPipe, PipeEngine
from tests.hosts import Host
from tests.transfers import RELAYED, Pair, make_pair, meanwhile, programs_that_name, wait_until


@pytest.fixture
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A pull from a real sshd."""
    with make_pair("far", "local", "pipe", tmp_path, request) as made:
        yield made


def few_and_many(pair: Pair, few: int, many: int) -> tuple[str, str]:
    """Return which engines carry a small and a large batch where nothing was declared."""
    ends = (pair.source.endpoint, pair.destination.endpoint, pair.source.access, pair.destination.access)
    engine = choose(*ends, TransferOptions())
    sizes = []
    for count in (few, many):
        items = [pair.write(b"n%d/%d" % (count, number), b"x") for number in range(count)]
        result = engine.carry(pair.batch(items, options=TransferOptions()))
        assert len(result.arrived) == count
        sizes.append(result.engine)
    return sizes[0], sizes[1]


def test_many_files_are_piped_and_a_few_are_rsyncs(pair: Pair) -> None:
    """Below the limit everyone's old friend; above it what is quicker."""
    assert few_and_many(pair, choosing.MANY_FILES - 1, choosing.MANY_FILES) == ("rsync", "pipe")


@pytest.mark.parametrize("seconds", [13_569_465_600, -2_000_000_000])
def test_a_file_of_another_century_arrives_with_its_time(pair: Pair, seconds: int) -> None:
    """A camera's clock without a battery: 64 bits of nanoseconds end in 2262, ext4 and XFS hold later times."""
    at_ns = seconds * 10**9 + 123_456_789
    items = [pair.write(b"n/a", mtime_ns=at_ns), pair.write(b"n/large", bytes(2**20 + 1), mtime_ns=at_ns)]
    items.append(pair.write(b"n/b"))
    result = pair.carry(items)
    assert [one.item for one in result.arrived] == items
    assert [pair.facts(one.path).st_mtime_ns for one in items[:2]] == [at_ns, at_ns]


@pytest.mark.parametrize("declared", [{"compression": True}, {"engine": "rsync"}])
def test_what_only_rsync_does_stays_with_rsync(pair: Pair, declared: dict[str, object]) -> None:
    """Compressing, and what was asked for by name."""
    ends = (pair.source.endpoint, pair.destination.endpoint, pair.source.access, pair.destination.access)
    assert not isinstance(choose(*ends, TransferOptions.model_validate(declared)), ByNumber)


def test_where_no_pipe_can_be_laid_the_usual_engine_takes_its_place(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program at the far end cannot be started: the files arrive all the same, and it is said."""
    monkeypatch.setattr(choosing, "MANY_FILES", 2)

    def broken(access: HostAccess, options: TransferOptions) -> list[str]:
        return ["false"]

    rsync = pair.chosen(pair.batch([], options=TransferOptions()))
    assert isinstance(rsync, PipeEngine)
    engine = ByNumber(rsync.for_large, PipeEngine(broken, rsync.for_large, sleep=pair.waits.append))
    result = engine.carry(pair.batch([pair.write(b"n/a", b"1"), pair.write(b"n/b", b"2")]))
    assert (result.engine, len(result.arrived)) == ("rsync", 2)
    assert "could not be laid" in result.remarks[0]
    assert pair.waits == []


def test_large_files_are_rsyncs_which_can_go_on_where_it_stopped(pair: Pair) -> None:
    """Each way carries its own, and the result is one, in the batch's order."""
    items = [pair.write(b"n/%d" % size, os.urandom(size)) for size in (10, 3_000, 20)]
    chosen = pair.chosen(pair.batch(items))
    assert isinstance(chosen, PipeEngine)
    engine = PipeEngine(remote_shell_of, chosen.for_large, most_bytes=100, sleep=pair.waits.append)
    result = engine.carry(pair.batch(items))
    assert [one.item for one in result.arrived] == items
    assert pair.read(b"n/3000") == (pair.source.root / "n/3000").read_bytes()


@pytest.fixture(params=["pipe", RELAYED])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """The same, by a session of its own or through the connection that is open already."""
    with make_pair("far", "local", request.param, tmp_path, request) as made:
        yield made


@pytest.mark.parametrize("who", ["near", "far"])
def test_a_half_that_is_killed_is_started_again(either: Pair, who: str) -> None:
    """What had arrived is not sent again, the rest is, and nothing half is left."""
    items = [either.write(b"n/%03d" % number, os.urandom(400_000)) for number in range(30)]

    def kill() -> None:
        assert wait_until(lambda: len(either.arrived()) > 3)
        for process in working_in(either.destination.root if who == "near" else either.source.root):
            os.kill(process, signal.SIGKILL)

    with meanwhile(kill):
        result = either.carry(items, options=TransferOptions(rate_bytes_per_s=6_000_000))
    assert len(result.arrived) == 30
    assert either.waits == [2.0]
    assert all(either.read(item.path) == (either.source.root / os.fsdecode(item.path)).read_bytes() for item in items)


def working_in(root: Path) -> list[int]:
    """Return the programs that work in a root which only this test has."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):  # no process, or one that ended meanwhile
            found += [int(entry.name)] * ((entry / "cwd").readlink() == root)
    return found


def test_a_connection_that_falls_silent_is_given_up(pair: Pair, three_hosts: tuple[Host, ...]) -> None:
    """The far half stops for good: the near one ends by itself, and says why."""
    assert programs_that_name(pair.source.root, b"near") == []
    began_s = time.monotonic()
    item = pair.write(b"n/a", b"x")
    engine = pair.chosen(pair.batch([item]))
    assert isinstance(engine, PipeEngine)
    hush = ["sh", "-c", "exec 2>&-; sleep 60", "sh"]
    silent = PipeEngine(lambda access, options: hush, engine.for_large, silence_s=2.0, sleep=pair.waits.append)
    result = silent.carry(pair.batch([item]))
    assert "nothing came for too long" in result.failed[0].reason
    assert pair.waits == [2.0, 8.0, 30.0]
    assert time.monotonic() - began_s < 40


def test_a_line_that_never_holds_for_as_long_as_a_file_takes_lets_it_through_at_last(
    pair: Pair, tmp_path: Path
) -> None:
    """rsync goes on where it stopped, and what stood behind the file is not held up by it for ever."""
    short = tmp_path / "short"
    short.write_text('#!/bin/sh\nexec timeout 1 ssh "$@"\n')
    short.chmod(0o755)
    items = [pair.write(b"n/large", os.urandom(9 << 20)), *(pair.write(b"n/%d" % one, b"x") for one in range(3))]
    options = TransferOptions(rate_bytes_per_s=6_000_000, sessions=1)

    def cut(access: HostAccess, given: TransferOptions) -> list[str]:
        return [str(short), *remote_shell_of(access, given)[1:]]

    ends = (pair.source.endpoint, pair.destination.endpoint, pair.source.access, pair.destination.access)
    engine = choose(*ends, options.model_copy(update={"engine": "pipe"}), cut, sleep=pair.waits.append)
    result = engine.carry(pair.batch(items, options=options))
    assert [one.item for one in result.arrived] == items
    assert result.remarks == ("the line did not hold for as long as a file takes; rsync carried on",)
    assert pair.read(b"n/large") == (pair.source.root / "n/large").read_bytes()


def test_few_files_over_a_long_line_go_through_the_connection_that_is_open(pair: Pair) -> None:
    """No ssh of their own is started; what is too much for one connection, or was told how to travel, has its own."""
    engine = pair.chosen(pair.batch([]))
    assert isinstance(engine, PipeEngine)
    far = replace(engine, far_s=0.0, remote_shell=lambda access, options: ["false"])
    items = [pair.write(b"n/%d" % number, b"x" * number) for number in range(3)]
    assert len(far.carry(pair.batch(items)).arrived) == 3
    assert engine.goes_through_here(pair.batch(items)) is False
    assert replace(far, relayed_bytes=2).goes_through_here(pair.batch(items)) is False
    assert far.goes_through_here(pair.batch(items, options=TransferOptions(sessions=2))) is False


def test_a_sender_that_falls_silent_on_the_open_connection_is_given_up(pair: Pair) -> None:
    """It is stopped, not ended: the receiver is not left waiting, and what had arrived is told apart."""
    items = [pair.write(b"n/%03d" % number, os.urandom(400_000)) for number in range(20)]
    engine = pair.chosen(pair.batch(items))
    assert isinstance(engine, PipeEngine)
    impatient = replace(engine, far_s=0.0, silence_s=1.0, sleep=pair.waits.append)
    stopped: list[int] = []

    def stop() -> None:
        assert wait_until(lambda: len(pair.arrived()) > 3)
        stopped.extend(working_in(pair.source.root))
        for process in stopped:
            os.kill(process, signal.SIGSTOP)

    with meanwhile(stop):
        result = impatient.carry(pair.batch(items, options=TransferOptions(rate_bytes_per_s=6_000_000)))
    for process in stopped:
        os.kill(process, signal.SIGKILL)
    assert len(result.arrived) == 20
    assert pair.waits == [2.0]


def test_the_sender_says_why_it_cannot_begin(pair: Pair) -> None:
    """Its root is gone: the reason is its own, not that the receiver heard nothing."""
    items = [pair.write(b"n/a", b"a")]
    engine = pair.chosen(pair.batch(items))
    assert isinstance(engine, PipeEngine)
    batch = replace(pair.batch(items), source_root=b"/not/there")
    with pytest.raises(CannotPipe, match="/not/there: No such file"):
        replace(engine, far_s=0.0, sleep=pair.waits.append).carry(batch)
