"""The rate that a hop may have, measured on what arrives; and that every engine minds when the hour changes.

Leaves the choice of the rate to tests/unit/test_rsync_sessions.py. Nothing here asks how fast a machine is, only
that no engine is faster than it may be: a busy machine makes a transfer slower and no test red.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from observatory.spec.models import Hours, TransferOptions
from syncer.transfer.choose import choose
from syncer.transfer.contract import CarryResult, Item
from syncer.transfer.courier import RATE_CHANGED
from syncer.transfer.meter import Meter
from syncer.transfer.pipe import PipeEngine
from syncer.transfer.rounds import LAST_FILES_S, RETRY_DELAYS_S, Ending, Pace, Remedy, Rounds, SessionEnd
from syncer.transfer.sessions import Job, divide
from tests.transfers import RELAYED, Pair, make_pair

RATE_BYTES_PER_S = 4_000_000
OVER = 1.05
"""`hours` of a copy's `transfer` are kept within 5 %."""
OBSERVING = Hours.model_validate({"from": "18:00", "until": "06:00", "rate_bytes_per_s": RATE_BYTES_PER_S})
NIGHT, MORNING = dt.datetime(2016, 9, 8, 5, 59), dt.datetime(2016, 9, 8, 6, 0)


@pytest.fixture(params=["rsync", "pipe", "sftp"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A pull from a real sshd."""
    with make_pair("far", "local", request.param, tmp_path, request) as made:
        yield made


def below(root: Path) -> int:
    """Return the bytes of all files below a root, temporary ones too; each once, whatever it is called meanwhile."""
    sizes: dict[int, int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # renamed since the folder was read
                facts = Path(folder, name).stat()
                sizes[facts.st_ino] = facts.st_size
    return sum(sizes.values())


def watched(
    pair: Pair, items: Sequence[Item], options: TransferOptions, now: Callable[[], dt.datetime]
) -> tuple[CarryResult, list[tuple[float, int]]]:
    """Carry, and note every 20 ms the seconds since the beginning and how many bytes are there."""
    batch = pair.batch(items, options=options, now=now)
    ends = (batch.source, batch.destination, batch.source_access, batch.destination_access)
    engine = choose(*ends, batch.options, sleep=time.sleep)
    if pair.engine == RELAYED:
        engine = replace(cast(PipeEngine, engine), far_s=0.0)
    seen: list[tuple[float, int]] = []
    over, began_s = threading.Event(), time.monotonic()

    def watch() -> None:
        while not over.wait(0.02):
            size = below(pair.destination.root)
            seen.append((time.monotonic() - began_s, size))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        result = engine.carry(batch)
    finally:
        over.set()
        thread.join()
    return result, seen


def fastest_bytes_per_s(seen: Sequence[tuple[float, int]], whole_bytes: int) -> float:
    """Return the rate over the transfer's length, as the sender kept it.

    What is seen here lies behind what was sent wherever the receiver was held up, and then too much seems to come
    too quickly; so the length may begin at any sample of the first second, and the lowest rate is the sender's.
    """
    end_s = next(at_s for at_s, size in seen if size >= whole_bytes)
    first_s = next(at_s for at_s, size in seen if size > 0)
    early = [(at_s, size) for at_s, size in seen if first_s <= at_s < first_s + 1.0]
    return min((whole_bytes - size) / (end_s - at_s) for at_s, size in early)


def items_of(pair: Pair, files: int, size_bytes: int) -> list[Item]:
    """Write some files that do not compress."""
    return [pair.write(b"20160907/%03d" % number, os.urandom(size_bytes)) for number in range(files)]


def test_no_engine_is_faster_than_the_hour_allows(pair: Pair) -> None:
    """18 MB at 4 MB/s take more than four seconds, measured between the first bytes that arrive and the last."""
    items = items_of(pair, 18, 1_000_000)
    options = TransferOptions(hours=(OBSERVING,), rate_bytes_per_s=100 * RATE_BYTES_PER_S)
    result, seen = watched(pair, items, options, lambda: NIGHT)
    assert len(result.arrived) == len(items)
    assert seen[-1][0] > 4
    assert fastest_bytes_per_s(seen, 18_000_000) <= OVER * RATE_BYTES_PER_S


@pytest.mark.parametrize("pair", ["rsync"], indirect=True)
def test_sessions_share_the_rate(pair: Pair) -> None:
    """Four sessions at once are no faster than one may be."""
    items = items_of(pair, 16, 1_000_000)
    options = TransferOptions(hours=(OBSERVING,), sessions=4)
    result, seen = watched(pair, items, options, lambda: NIGHT)
    assert len(result.arrived) == len(items)
    assert fastest_bytes_per_s(seen, 16_000_000) <= OVER * RATE_BYTES_PER_S


class Clock:
    """A local time that goes on as real time does, and reaches six in so many seconds after it was first asked."""

    def __init__(self, before_six_s: float) -> None:
        self._before_six_s = before_six_s
        self.began_s: float | None = None

    def __call__(self) -> dt.datetime:
        """Return the local time."""
        self.began_s = time.monotonic() if self.began_s is None else self.began_s
        return MORNING + dt.timedelta(seconds=time.monotonic() - self.began_s - self._before_six_s)


def slow(first: str, last: str, rate_bytes_per_s: int) -> Hours:
    """Return hours with a rate."""
    return Hours.model_validate({"from": first, "until": last, "rate_bytes_per_s": rate_bytes_per_s})


EVERY_ENGINE = pytest.mark.parametrize("pair", ["rsync", "pipe", RELAYED, "sftp"], indirect=True)
STOPS_S = 1.0
"""What was on the way when a session ended may still come in."""


@EVERY_ENGINE
def test_a_batch_goes_on_faster_when_the_hours_are_over(pair: Pair) -> None:
    """Slowly as long as it is night; then as quickly as it may. Nothing is lost, no file is said to have failed."""
    items, clock = items_of(pair, 20, 1_000_000), Clock(2.0)
    result, seen = watched(pair, items, TransferOptions(hours=(slow("18:00", "06:00", 1_500_000),)), clock)
    assert (len(result.arrived), result.failed, result.remarks) == (len(items), (), ())
    by_night = max(size for at_s, size in seen if at_s < 1.9)
    assert 0 < by_night <= OVER * 2.0 * 1_500_000
    assert seen[-1][0] < 10, "20 MB at the night's rate would have taken 13 s"


@EVERY_ENGINE
def test_a_batch_under_way_slows_down_when_the_hours_begin(pair: Pair) -> None:
    """It began at 8 MB/s, and no byte that leaves from six o'clock on leaves faster than 2 MB/s."""
    items, clock = items_of(pair, 34, 500_000), Clock(1.5)
    options = TransferOptions(hours=(slow("06:00", "18:00", 2_000_000),), rate_bytes_per_s=8_000_000)
    result, seen = watched(pair, items, options, clock)
    assert (len(result.arrived), result.failed, result.remarks) == (len(items), (), ())
    before = max(size for at_s, size in seen if at_s < 1.5 + STOPS_S)
    assert 0 < before <= OVER * (1.5 * 8_000_000 + STOPS_S * 2_000_000)
    later = [(at_s, size) for at_s, size in seen if at_s >= 1.5 + STOPS_S and size > before]
    assert fastest_bytes_per_s(later, 17_000_000) <= OVER * 2_000_000


@pytest.mark.parametrize("pair", ["rsync"], indirect=True)
def test_what_came_of_a_large_file_before_the_hours_is_not_sent_again(pair: Pair) -> None:
    """The session is ended at six, what it had is kept, and the next one goes on from there: slowly, yet soon."""
    options = TransferOptions(hours=(slow("06:00", "18:00", 1_000_000),), rate_bytes_per_s=10_000_000)
    result, seen = watched(pair, items_of(pair, 1, 14_000_000), options, Clock(1.0))
    assert (len(result.arrived), result.failed) == (1, ())
    assert 4 < seen[-1][0] < 12, "14 MB at the rate of the hours would have taken 14 s, and at the other one 1.4 s"


def test_hours_that_change_more_often_than_is_retried_spend_no_try(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Sessions that were ended before they said a word are no proof that the two ends cannot speak."""
    paces: list[int | None] = []
    checked: list[bool] = []
    waits: list[float] = []
    cuts = 2 * len(RETRY_DELAYS_S)
    with make_pair("local", "local", "rsync", tmp_path, request) as pair:
        items = items_of(pair, 3, 1000)

        def send(job: Job, pace: Pace) -> SessionEnd:
            paces.append(pace.rate_bytes_per_s)
            if len(paces) <= cuts:
                return SessionEnd(job, RATE_CHANGED, RATE_CHANGED.words, started=False, is_good=False)
            return SessionEnd(job, Ending("", Remedy.NOTHING), "", started=True, is_good=True)

        batch = pair.batch(items, options=TransferOptions(rate_bytes_per_s=10))
        rounds = Rounds(batch, {}, Meter(batch), send, divide, waits.append)
        rounds.carry(1, lambda ends: checked.extend(end.started for end in ends))
    assert paces == [10] * (cuts + 1)
    assert waits == [LAST_FILES_S] * cuts
    assert checked == [True]


def test_a_session_whose_turn_comes_when_the_hour_has_changed_does_not_begin() -> None:
    """It was given the old rate; a share of a rate is never nothing, which some would take for no limit."""
    pace = Pace(TransferOptions(hours=(OBSERVING,)), 8, RATE_BYTES_PER_S)
    assert pace.holds_s(NIGHT) == 60.0
    assert pace.holds_s(MORNING) == 0.0
    assert pace.rate_bytes_per_s == RATE_BYTES_PER_S // 8
    assert Pace(TransferOptions(), 8, 3).rate_bytes_per_s == 1
    assert Pace(TransferOptions(), 8, None).holds_s(NIGHT) is None
