"""The rate that a hop may have, measured on what arrives; and which engine minds that the hour changed.

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
from pathlib import Path

import pytest

from observatory.spec.models import Hours, TransferOptions
from syncer.transfer.choose import choose
from syncer.transfer.contract import CarryResult, Item
from tests.transfers import Pair, make_pair

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


class Dawn:
    """A clock that says night for some seconds after it was first asked, and then morning."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._at_s: float | None = None

    def __call__(self) -> dt.datetime:
        """Return the local time."""
        self._at_s = time.monotonic() + self._after_s if self._at_s is None else self._at_s
        return NIGHT if time.monotonic() < self._at_s else MORNING


@pytest.mark.parametrize("pair", ["sftp"], indirect=True)
def test_sftp_goes_on_at_the_rate_of_the_new_hour(pair: Pair) -> None:
    """Slowly as long as it is night; then as quickly as it may: never too quick, and soon done."""
    items = items_of(pair, 1, 40_000_000)
    options = TransferOptions(hours=(OBSERVING.model_copy(update={"rate_bytes_per_s": 2_000_000}),))
    result, seen = watched(pair, items, options, Dawn(4.0))
    assert len(result.arrived) == len(items)
    by_night = max(size for at_s, size in seen if at_s < 3.5)
    assert 0 < by_night <= OVER * 3.5 * 2_000_000
    assert seen[-1][0] < 15, "40 MB at the night's rate would have taken 20 s"


@pytest.mark.parametrize("pair", ["rsync", "pipe"], indirect=True)
def test_rsync_and_the_pipe_keep_the_rate_at_which_a_batch_began(pair: Pair) -> None:
    """They are told one rate when they start: a batch that began in the night stays slow, as is documented."""
    items = items_of(pair, 8, 1_000_000)
    options = TransferOptions(hours=(OBSERVING,))
    result, seen = watched(pair, items, options, Dawn(0.5))
    assert len(result.arrived) == len(items)
    assert fastest_bytes_per_s(seen, 8_000_000) <= OVER * RATE_BYTES_PER_S
