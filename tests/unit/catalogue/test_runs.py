"""What the ledger says of runs, hops and moved files."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable

from catalogue.ledger import Ledger
from catalogue.records import HopRecord, MovedFile
from observatory.truth import State

NOON = dt.datetime(2016, 9, 7, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def start(ledger: Ledger, kind: str = "sync", instruments: tuple[str, ...] = ("sha",)) -> int:
    """Begin a run at noon."""
    return ledger.start_run(kind, instruments, NOON, "astro", 42)


def test_a_run_is_remembered_with_everything_it_said(ledger: Ledger) -> None:
    """Kind, instruments, instants with their zone, host, process and state come back."""
    run = start(ledger, instruments=("shd", "sha", "sha"))
    ledger.finish_run(run, State.DIFFERENT, NOON + HOUR)
    last = ledger.last_finished("sync")
    assert last is not None
    assert (last.id, last.kind, last.instruments) == (run, "sync", ("sha", "shd"))
    assert (last.started_utc, last.finished_utc) == (NOON, NOON + HOUR)
    assert last.started_utc.tzinfo is dt.UTC
    assert (last.state, last.host, last.pid) == (State.DIFFERENT, "astro", 42)


def test_an_instant_of_another_zone_is_the_same_instant(ledger: Ledger) -> None:
    """What is handed in as local time comes out as UTC, not shifted."""
    local = NOON.astimezone(dt.timezone(2 * HOUR))
    run = ledger.start_run("sync", ["sha"], local, "astro", 1)
    ledger.finish_run(run, State.OK, local)
    last = ledger.last_finished()
    assert last is not None
    assert last.started_utc == NOON
    assert last.started_utc.hour == 12


def test_the_last_finished_run_is_of_that_kind_and_instrument(ledger: Ledger) -> None:
    """A run of something else, or one still working, is no answer."""
    sync = start(ledger)
    ledger.finish_run(sync, State.OK, NOON + HOUR)
    verify = start(ledger, "verify", ("shd",))
    ledger.finish_run(verify, State.OK, NOON + 2 * HOUR)
    start(ledger)
    assert getattr(ledger.last_finished("sync"), "id", None) == sync
    assert getattr(ledger.last_finished(), "id", None) == verify
    assert getattr(ledger.last_finished(instrument="sha"), "id", None) == sync
    assert ledger.last_finished("verify", "sha") is None


def test_the_last_look_is_of_a_run_that_could_look_at_both_ends(ledger: Ledger) -> None:
    """Where none could, the first that tried is known; of a hop that nobody asked about nothing is."""
    assert ledger.last_look("sha", "a:b") is ledger.first_asked("sha", "a:b") is None
    for hours, state in enumerate((State.UNKNOWN, State.UNKNOWN, State.DIFFERENT, State.AWAY, State.UNKNOWN)):
        run = ledger.start_run("sync", ["sha"], NOON + hours * HOUR, "astro", 1)
        ledger.record_hop(run, HopRecord("sha", "a:b", "a", "b", state))
        ledger.record_hop(run, HopRecord("sha", "b:c", "b", "c", State.UNKNOWN))
    assert ledger.last_look("sha", "a:b") == NOON + 2 * HOUR
    assert ledger.last_look("sha", "b:c") is None
    assert ledger.first_asked("sha", "a:b") == ledger.first_asked("sha", "b:c") == NOON
    assert ledger.last_look("shd", "a:b") is None


def test_a_run_that_never_finished_is_found_until_it_is_noted_as_crashed(ledger: Ledger) -> None:
    """A crash is reported once; a run that finished after all is no crash."""
    crashed, finished = start(ledger), start(ledger, "verify")
    ledger.finish_run(finished, State.OK, NOON + HOUR)
    assert [run.id for run in ledger.unfinished_runs()] == [crashed]
    assert ledger.unfinished_runs("verify") == ()
    ledger.record_crash(crashed, NOON + HOUR)
    assert ledger.unfinished_runs() == ()
    assert getattr(ledger.last_finished("sync"), "id", None) is None


def test_noting_a_finished_run_as_crashed_changes_nothing(ledger: Ledger) -> None:
    """The run that just ended between two looks keeps its own word."""
    run = start(ledger)
    ledger.finish_run(run, State.OK, NOON + HOUR)
    ledger.record_crash(run, NOON + 2 * HOUR)
    assert getattr(ledger.last_finished("sync"), "state", None) is State.OK


def test_a_hop_comes_back_as_it_was_noted(ledger: Ledger) -> None:
    """Every count and word; noted twice the later word holds."""
    run = start(ledger)
    first = HopRecord("sha", "sha:astro", "sha.suth", "astro.suth", State.UNKNOWN, "host down")
    second = HopRecord(
        "sha", "sha:astro", "sha.suth", "astro.suth", State.OK, None, "/data/", "/arc/", "rsync", "size", 163, 42,
        41, 1, 2**40, 1.5, 163, 0,
    )  # fmt: skip
    ledger.record_hop(run, first)
    ledger.record_hop(run, second)
    assert ledger.hops_of(run) == (second,)


def test_the_last_word_on_a_hop_is_that_of_its_newest_run(ledger: Ledger) -> None:
    """Of the kind asked for; a hop never tried has none."""
    sync, verify = start(ledger), start(ledger, "verify")
    ledger.record_hop(sync, HopRecord("sha", "a:b", "a", "b", State.OK))
    ledger.record_hop(verify, HopRecord("sha", "a:b", "a", "b", State.DIFFERENT, "1 missing"))
    last = ledger.last_hop("sha", "a:b")
    assert last is not None
    assert (last[0].id, last[1].state) == (verify, State.DIFFERENT)
    synced = ledger.last_hop("sha", "a:b", "sync")
    assert synced is not None
    assert synced[0].id == sync
    assert ledger.last_hop("sha", "b:c") is None


def test_moved_files_come_back_in_order_with_names_of_any_bytes(ledger: Ledger) -> None:
    """Bytes that are no UTF-8, newlines and quotes are data."""
    names = [b"2016/0907/a\nb.fits", b"2016/0907/\xff\xfe'\".fits", b"2016/0907/-rf", b"2016/0908/plain.fits"]
    ledger.record_moved(start(ledger), "sha", "a:b", [MovedFile(name, 6000, 1.25, "ab" * 32) for name in names], NOON)
    assert list(ledger.moved_files("sha", "a:b")) == [
        MovedFile(name, 6000, 1.25, "ab" * 32, NOON) for name in sorted(names)
    ]


def test_a_file_moved_again_is_noted_anew(ledger: Ledger) -> None:
    """One row per hop and path; another hop has its own."""
    run = start(ledger)
    ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)
    ledger.record_moved(run, "sha", "b:c", [MovedFile(b"x", 1, 1.0)], NOON)
    ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 2, 2.0)], NOON + HOUR)
    assert list(ledger.moved_files("sha", "a:b")) == [MovedFile(b"x", 2, 2.0, None, NOON + HOUR)]
    assert list(ledger.moved_files("sha", "b:c")) == [MovedFile(b"x", 1, 1.0, None, NOON)]


def test_moved_files_below_a_folder_are_those_alone(ledger: Ledger) -> None:
    """A folder whose name merely begins alike is another one."""
    names = [b"2016/0907/a", b"2016/0907-b/a", b"2016/09070", b"2016/0907", b"2016/0907/\xff"]
    ledger.record_moved(start(ledger), "sha", "a:b", [MovedFile(name, 1, 1.0) for name in names], NOON)
    found = [file.path for file in ledger.moved_files("sha", "a:b", b"2016/0907")]
    assert found == [b"2016/0907/a", b"2016/0907/\xff"]


def test_more_files_than_one_page_are_all_read(ledger: Ledger) -> None:
    """Nothing is lost or doubled where one page ends and the next begins."""
    files = [MovedFile(b"2016/0907/%06d" % number, number, 1.0) for number in range(40_001)]
    ledger.record_moved(start(ledger), "sha", "a:b", files, NOON)
    assert [file.size_bytes for file in ledger.moved_files("sha", "a:b")] == list(range(40_001))


def test_nothing_moved_is_nothing_noted(ledger: Ledger) -> None:
    """An empty batch and an unknown hop are no faults."""
    ledger.record_moved(start(ledger), "sha", "a:b", [], NOON)
    assert list(ledger.moved_files("sha", "a:b")) == []


def test_a_file_in_progress_is_so_since_it_was_first_found_so(ledger: Ledger) -> None:
    """Over several runs; once it settled it is forgotten, and each hop has its own."""
    ledger.record_waiting("sha", "a:b", [b"x", b"\xff"], NOON)
    ledger.record_waiting("sha", "a:b", [b"x", b"y"], NOON + HOUR)
    assert ledger.waiting_since("sha", "a:b") == {b"x": NOON.timestamp(), b"y": (NOON + HOUR).timestamp()}
    assert ledger.waiting_since("sha", "b:c") == {}
    ledger.record_waiting("sha", "a:b", [], NOON + 2 * HOUR)
    assert ledger.waiting_since("sha", "a:b") == {}


def steps_of(ledger: Ledger, ask: Callable[[], object]) -> int:
    """Return how many instructions SQLite takes for an answer."""
    taken = itertools.count()
    connection = ledger._store.engine.raw_connection()
    connection.driver_connection.set_progress_handler(lambda: next(taken) < 0, 1)  # type: ignore[union-attr]
    connection.close()  # back to the pool, from where the ledger takes it
    ask()
    return next(taken)


def note_looks(ledger: Ledger, states: Iterable[State]) -> None:
    """Note a run a day that looked at a hop."""
    for number, state in enumerate(states):
        run = ledger.start_run("run", ["sha"], NOON + number * 24 * HOUR, "astro", 42)
        ledger.record_hop(run, HopRecord("sha", "a:b", "a", "b", state, None))


def test_the_last_look_is_that_of_the_last_run_that_could_look(ledger: Ledger) -> None:
    """An absence and what could not be told are none."""
    assert ledger.last_look("sha", "a:b") is None
    note_looks(ledger, [State.UNKNOWN, State.AWAY])
    assert ledger.last_look("sha", "a:b") is None
    note_looks(ledger, [State.UNKNOWN, State.DIFFERENT, State.UNKNOWN])
    assert ledger.last_look("sha", "a:b") == NOON + 24 * HOUR


def test_after_many_runs_the_last_look_is_found_as_soon_as_after_few(ledger: Ledger) -> None:
    """Ten years of runs are not gone through at every hop of every run."""
    few, many = [State.OK] * 20, [State.OK] * 400
    note_looks(ledger, few)
    after_few = steps_of(ledger, lambda: ledger.last_look("sha", "a:b"))
    note_looks(ledger, many)
    assert 0 < steps_of(ledger, lambda: ledger.last_look("sha", "a:b")) <= after_few
