"""The ledger in a real PostgreSQL, where one is installed; SQLite needs nothing and is what everybody begins with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalogue.ledger import Ledger
from catalogue.records import HopRecord, MovedFile, NightRecord, NightState, Product, StepRecord, StepResult, Uncarried
from observatory.truth import State
from tests.databases import fresh_database

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
NIGHT = dt.date(2016, 9, 7)


@pytest.fixture(scope="module")
def url(postgresql: str) -> str:
    """A database of this module's own."""
    return fresh_database(postgresql)


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    """Open the ledger in the server."""
    with Ledger.open(url, tmp_path) as opened:
        yield opened


def test_everything_noted_comes_back_from_postgresql_too(ledger: Ledger) -> None:
    """One pass through every book: instants, bytes, upserts and sums."""
    run = ledger.start_run("sync", ["sha", "shd"], NOON, "astro", 42)
    record = HopRecord("sha", "a:b", "a", "b", State.DIFFERENT, "1 failed", moved_bytes=2**40)
    ledger.record_hop(run, record)
    ledger.record_hop(run, record)
    names = [b"2016/0907/\xff\n.fits", b"2016/0907/a.fits"]
    for size in (1, 2):
        ledger.record_moved(run, "sha", "a:b", [MovedFile(name, size, 1.25, "ab") for name in names], NOON)
    ledger.record_waiting("sha", "a:b", names, NOON)
    for state in (None, NightState.PROVEN):
        night = NightRecord(5, 0, state, "size" if state else None, moved_files=2, moved_bytes=10)
        ledger.record_nights(run, "sha", "a:b", {NIGHT: night}, NOON)
    ledger.finish_run(run, State.DIFFERENT, NOON)
    last = ledger.last_finished("sync", "shd")
    assert last is not None
    assert (last.instruments, last.finished_utc) == (("sha", "shd"), NOON)
    assert ledger.hops_of(run) == (record,)
    assert list(ledger.moved_files("sha", "a:b", b"2016/0907")) == [
        MovedFile(name, 2, 1.25, "ab", NOON) for name in sorted(names)
    ]
    assert ledger.waiting_since("sha", "a:b") == dict.fromkeys(names, NOON.timestamp())
    files = tuple(Uncarried(name, NIGHT, 2**40, 1.25, NOON) for name in sorted(names))
    for _ in range(2):
        ledger.note_uncarried("sha", "a:b", files)
    assert ledger.uncarried("sha", "a:b", [NIGHT]) == files
    assert ledger.moved_when("sha", "a:b", names) == dict.fromkeys(names, NOON)
    ledger.note_uncarried("sha", "a:b", (), names)
    assert ledger.uncarried("sha", "a:b") == ()
    assert ledger.outstanding("sha", "a:b", NOON.date(), NOON.date()) == ()
    late = {NIGHT: NightRecord(5, 0, moved_files=5, moved_bytes=10)}
    ledger.record_nights(run, "shd", "a:b", late, NOON + dt.timedelta(hours=1))
    assert ledger.brought_late("shd", "b:c", ["a:b"], NOON.date(), NOON.date()) == (NIGHT,)
    assert ledger.nights_brought("shd", "b", ["a:b"], NOON.date()) == {}, "no steps were ever taken there"
    ledger.record_step(StepRecord("shd", "b", "pack", NOON.date(), b"x", "d", StepResult.DONE, NOON))
    assert ledger.nights_brought("shd", "b", ["a:b"], NOON.date()) == {NIGHT: NOON + dt.timedelta(hours=1)}
    assert ledger.nights_brought("shd", "b", [], NOON.date()) == ledger.nights_brought("shd", "b", ["a:b"], NIGHT) == {}
    known = {one.night: one for one in ledger.hop_nights("sha", "a:b", [NIGHT])}
    ledger.record_nights(run, "shd", "b:c", {NIGHT: NightRecord(5, 0, NightState.PROVEN, "size")}, NOON)
    ledger.record_nights(run, "shd", "a:b", {NIGHT: NightRecord(6, 0)}, NOON, onward=["b:c"])
    assert ledger.outstanding("shd", "b:c", NOON.date(), NOON.date()) == (NIGHT,)
    assert ledger.left_behind("shd", "b:x", ["a:b", "b:x"], NOON.date(), NOON.date()) == (NIGHT,)
    assert ledger.last_look_elsewhere("sha", ["b:x"]) == NOON
    again = NightRecord(5, 0, NightState.PROVEN, "size")
    ledger.record_nights(run, "sha", "a:b", {NIGHT: again}, NOON, as_known=known)
    (row,) = ledger.status("sha")
    assert (row.proven_hops, row.hops[0].moved_files, row.hops[0].proven_utc) == (("a:b",), 4, NOON)


def test_decisions_steps_jobs_and_mails_are_kept_in_postgresql(ledger: Ledger) -> None:
    """The other books."""
    ledger.accept("sha", NIGHT, reason="r", by="b", at_utc=NOON, frames=[140], files=[b"\xff"])
    assert [(one.frames, one.files) for one in ledger.acceptances("sha", NIGHT)] == [((140,), (b"\xff",))]
    assert ledger.revoke("sha", NIGHT, NOON, frames=[140]) == 1
    ledger.away("sha", NIGHT, NIGHT, reason="r", by="b", at_utc=NOON)
    assert len(ledger.aways("sha", NIGHT)) == 1
    ledger.record_loss("sha", "/data", 100, 10, NOON)
    assert ledger.accept_loss("sha", "/data", "ann", NOON) is not None
    ledger.vouch_root("sha", "/data", "7", NOON)
    assert getattr(ledger.root("sha", "/data"), "is_vouched", None) is True
    made = (Product(b"a.fz", "ab"),)
    step = StepRecord("sha", "astro", "fpack", NIGHT, b"a", "digest", StepResult.DONE, NOON, made)
    ledger.record_step(step)
    ledger.record_step(step)
    assert ledger.step_records("sha", NIGHT) == (step,)
    ledger.job_due("run", NOON)
    ledger.job_finished("run", NOON, NOON, State.OK)
    assert getattr(ledger.last_job("run"), "state", None) is State.OK


def test_ledgers_opened_at_once_make_the_tables_once(postgresql: str, tmp_path: Path) -> None:
    """One of four brings an empty database up to date, the others find it so."""
    fresh = fresh_database(postgresql)
    with ThreadPoolExecutor(4) as pool:
        ledgers = list(pool.map(lambda _: Ledger.open(fresh, tmp_path), range(4)))
    for ledger in ledgers:
        assert ledger.last_finished() is None
        ledger.close()
