"""What a slightly wrong ledger would say of runs and nights."""

from __future__ import annotations

import datetime as dt

import pytest

from catalogue.ledger import Ledger
from catalogue.nights import expect_fewer
from catalogue.records import HopRecord, NightRecord, NightState, Product, StepRecord, StepResult
from observatory.truth import State

NIGHT = dt.date(2016, 9, 7)
DAY = dt.timedelta(days=1)
LATER = NIGHT + 40 * DAY
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def run(ledger: Ledger) -> int:
    """Begin a run."""
    return ledger.start_run("sync", ["sha"], NOON, "astro", 42)


def note(ledger: Ledger, run: int, record: NightRecord, night: dt.date = NIGHT) -> None:
    """Note one night."""
    ledger.record_nights(run, "sha", "a:b", {night: record}, NOON)


def test_a_run_that_ended_in_the_future_is_not_the_last_one(ledger: Ledger) -> None:
    """A clock was ahead when it was noted; one that ends this very instant is."""
    first, second = (ledger.start_run("sync", ["sha"], NOON, "astro", 1) for _ in range(2))
    ledger.finish_run(first, State.OK, NOON)
    ledger.finish_run(second, State.OK, NOON + HOUR)
    found = [ledger.last_finished(until_utc=NOON + late) for late in (-HOUR, 0 * HOUR, HOUR)]
    assert [None if one is None else one.id for one in found] == [None, first, second]


@pytest.mark.parametrize("state", [State.OK, State.DIFFERENT])
def test_a_destination_is_where_it_was_when_an_earlier_run_could_look_at_it(ledger: Ledger, state: State) -> None:
    """Not this run's own, no other hop's, and none of a run that could not tell; and so is the last look."""
    runs = [ledger.start_run("sync", ["sha"], NOON + hours * HOUR, "astro", 1) for hours in range(4)]
    said = [("old", state), ("disk", state), ("lost", State.UNKNOWN), ("new", state)]
    for number, (root, result) in zip(runs, said, strict=True):
        ledger.record_hop(number, HopRecord("sha", "a:b", "a", "b", result, destination_root=root))
        for instrument, hop in (("shd", "a:b"), ("sha", "b:c")):
            ledger.record_hop(number, HopRecord(instrument, hop, "b", "c", state, destination_root="other"))
    assert ledger.last_destination("sha", "a:b", runs[3]) == ("b", "disk")
    assert ledger.last_destination("sha", "a:b", runs[1]) == ("b", "old")
    assert ledger.last_destination("sha", "a:b", runs[0]) is None
    assert ledger.last_look("sha", "a:b") == NOON + 3 * HOUR
    ledger.record_hop(runs[3], HopRecord("sha", "a:b", "a", "b", State.UNKNOWN))
    assert ledger.last_look("sha", "a:b") == NOON + HOUR


def test_how_many_files_are_open_is_known_of_each_night(ledger: Ledger, run: int) -> None:
    """As the last run that could tell said it."""
    note(ledger, run, NightRecord(source_files=163, open_files=42))
    assert ledger.hop_nights("sha", "a:b")[0].open_files == 42
    note(ledger, run, NightRecord())
    assert ledger.hop_nights("sha", "a:b")[0].open_files == 42
    note(ledger, run, NightRecord(source_files=163, open_files=0, state=NightState.PROVEN))
    assert ledger.hop_nights("sha", "a:b")[0].open_files == 0


@pytest.mark.parametrize(
    ("record", "is_seen"),
    [
        (NightRecord(source_files=1, open_files=0), True),
        (NightRecord(moved_files=1, moved_bytes=5), True),
        (NightRecord(source_files=0, open_files=1), True),
        (NightRecord(source_files=0, open_files=0), False),
        (NightRecord(), False),
    ],
)
def test_a_night_was_seen_where_a_file_was_there_moved_or_open(
    ledger: Ledger, run: int, record: NightRecord, is_seen: bool
) -> None:
    """Any of them; a blurred night is open although no file of it was seen."""
    note(ledger, run, record)
    assert ledger.outstanding("sha", "a:b", LATER, LATER) == ((NIGHT,) if is_seen else ())


def test_trees_without_nights_are_no_night_of_their_own(ledger: Ledger, run: int) -> None:
    """They belong to every window by themselves."""
    note(ledger, run, NightRecord(source_files=1, open_files=1), dt.date.min)
    ledger.record_nights(run, "sha", "b:c", {NIGHT: NightRecord(source_files=1)}, NOON - HOUR)
    assert ledger.outstanding("sha", "a:b", LATER, LATER) == ()
    assert ledger.brought_late("sha", "b:c", ["a:b"], LATER, LATER) == ()
    assert [row.night for row in ledger.status("sha")] == [NIGHT]


def test_an_acceptance_of_one_night_stands_for_no_other(ledger: Ledger, run: int) -> None:
    """And that of a whole night for all of it, whatever it was called."""
    for night in (NIGHT, NIGHT + DAY):
        note(ledger, run, NightRecord(source_files=2, open_files=1), night)
    ledger.accept("sha", NIGHT, reason="dome shut", by="ann", at_utc=NOON)
    assert ledger.outstanding("sha", "a:b", LATER, LATER) == (NIGHT + DAY,)


def test_a_night_of_which_everything_was_freed_is_expected_to_be_empty(ledger: Ledger, run: int) -> None:
    """Not to hold one file, and never fewer than none."""
    note(ledger, run, NightRecord(source_files=3, open_files=0))
    for freed in (3, 1):
        with ledger._store.write() as connection:  # as prune does
            expect_fewer(connection, "sha", "a:b", {NIGHT: freed})
        assert ledger.last_counts("sha", "a:b", [NIGHT]) == {NIGHT: 0}


def test_a_step_that_never_succeeded_has_done_nothing(ledger: Ledger) -> None:
    """Zero is a count."""
    made = (Product(b"a.fz", "ab" * 32),)
    ledger.record_step(StepRecord("sha", "astro", "fpack", NIGHT, b"a", "digest", StepResult.FAILED, NOON, made, 1.5))
    (row,) = ledger.status("sha")
    assert [(one.done, one.not_done) for one in row.steps] == [(0, 1)]
