"""What the ledger says of nights: the window rule, the counts of the mass-loss rule, and status."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from catalogue.ledger import Ledger
from catalogue.nights import expect_fewer
from catalogue.records import NightRecord, NightState, Product, StepRecord, StepResult

NIGHT = dt.date(2016, 9, 7)
DAY = dt.timedelta(days=1)
LATER = NIGHT + 40 * DAY
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SEEN = NightRecord(source_files=163, open_files=42)
PROVEN = NightRecord(source_files=163, open_files=0, state=NightState.PROVEN, level="size")


@pytest.fixture
def run(ledger: Ledger) -> int:
    """Begin a run."""
    return ledger.start_run("sync", ["sha"], NOON, "astro", 42)


def note(ledger: Ledger, run: int, record: NightRecord, night: dt.date = NIGHT, hop: str = "a:b") -> None:
    """Note one night."""
    ledger.record_nights(run, "sha", hop, {night: record}, NOON)


def outstanding(ledger: Ledger, hop: str = "a:b") -> tuple[dt.date, ...]:
    """Ask what is outstanding long after."""
    return ledger.outstanding("sha", hop, before=LATER, today=LATER)


def test_a_night_once_seen_stays_outstanding_until_it_is_proven(ledger: Ledger, run: int) -> None:
    """Nothing turns green by growing old."""
    note(ledger, run, SEEN)
    assert outstanding(ledger) == (NIGHT,)
    note(ledger, run, PROVEN)
    assert outstanding(ledger) == ()


def test_nights_of_the_window_itself_are_not_outstanding(ledger: Ledger, run: int) -> None:
    """`before` is the first night that the window holds anyway."""
    note(ledger, run, SEEN)
    assert ledger.outstanding("sha", "a:b", before=NIGHT, today=LATER) == ()
    assert ledger.outstanding("sha", "a:b", before=NIGHT + DAY, today=LATER) == (NIGHT,)


def test_a_night_without_a_single_file_was_never_seen(ledger: Ledger, run: int) -> None:
    """Cloudy nights do not gather in the window for ever."""
    note(ledger, run, NightRecord(source_files=0, open_files=0))
    assert outstanding(ledger) == ()


def test_a_place_was_seen_on_the_hops_that_leave_it_and_once_something_arrived(ledger: Ledger, run: int) -> None:
    """A night on a source says nothing of the destination before files came there; an empty night says nothing."""
    note(ledger, run, NightRecord(source_files=0, open_files=0))
    assert not ledger.was_seen("sha", ["a:b"], [])
    note(ledger, run, SEEN)
    assert ledger.was_seen("sha", ["a:b", "a:c"], [])
    assert not ledger.was_seen("sha", ["a:c"], ["a:b"])
    assert not ledger.was_seen("shd", ["a:b"], ["a:b"])
    note(ledger, run, PROVEN)
    assert ledger.was_seen("sha", [], ["a:b"])


def test_a_night_whose_files_all_vanished_was_seen_all_the_same(ledger: Ledger, run: int) -> None:
    """An empty source proves nothing."""
    note(ledger, run, SEEN)
    note(ledger, run, NightRecord(source_files=0, open_files=0))
    assert outstanding(ledger) == (NIGHT,)


def test_not_being_able_to_look_changes_nothing(ledger: Ledger, run: int) -> None:
    """A run that could not tell leaves what was known, proven or not."""
    note(ledger, run, PROVEN)
    note(ledger, run, NightRecord())
    assert outstanding(ledger) == ()
    assert ledger.last_counts("sha", "a:b", [NIGHT]) == {NIGHT: 163}


@pytest.mark.parametrize("record", [NightRecord(source_files=170, moved_files=7, moved_bytes=7), SEEN])
def test_what_comes_into_a_proven_night_opens_it_again(ledger: Ledger, run: int, record: NightRecord) -> None:
    """Nobody has compared the new files yet; when it was last proven is still known."""
    note(ledger, run, PROVEN)
    note(ledger, run, record)
    (night,) = ledger.hop_nights("sha", "a:b")
    assert night.state is NightState.OPEN
    assert (night.proven_utc, night.level) == (NOON, "size")
    assert outstanding(ledger) == (NIGHT,)


def test_each_hop_is_outstanding_by_itself(ledger: Ledger, run: int) -> None:
    """Proven on one hop is not proven on the next."""
    note(ledger, run, PROVEN)
    note(ledger, run, SEEN, hop="b:c")
    assert outstanding(ledger) == ()
    assert outstanding(ledger, "b:c") == (NIGHT,)


def test_on_another_disk_nothing_is_proven_and_what_was_seen_is_still_known(ledger: Ledger, run: int) -> None:
    """Of the hops that fill it; the counts stay, so that a source that lost the files too is noticed."""
    note(ledger, run, PROVEN)
    note(ledger, run, PROVEN, hop="b:c")
    ledger.reopen("sha", ["a:b"])
    (night,) = ledger.hop_nights("sha", "a:b")
    assert (night.state, night.proven_utc, night.level) == (NightState.OPEN, None, None)
    assert (outstanding(ledger), outstanding(ledger, "b:c")) == ((NIGHT,), ())
    assert ledger.last_counts("sha", "a:b", [NIGHT]) == {NIGHT: 163}


def test_a_night_that_comes_late_to_a_hops_source_is_still_to_be_looked_at(ledger: Ledger, run: int) -> None:
    """Else what an instrument brings after a long silence would end at the first archive."""

    def late() -> tuple[dt.date, ...]:
        return ledger.brought_late("sha", "b:c", ["a:b"], before=LATER, today=LATER)

    moved = NightRecord(source_files=163, open_files=0, moved_files=163, moved_bytes=1)
    ledger.record_nights(run, "sha", "a:b", {NIGHT - DAY: moved}, NOON - HOUR)  # before b:c was ever used
    assert late() == ()
    note(ledger, run, SEEN, night=LATER, hop="b:c")
    ledger.record_nights(run, "sha", "a:b", {NIGHT: moved, LATER: moved}, NOON + HOUR)
    assert late() == (NIGHT,)
    ledger.record_nights(run, "sha", "b:c", {NIGHT: PROVEN}, NOON + 2 * HOUR)
    assert late() == ()
    ledger.record_nights(run, "sha", "a:b", {NIGHT: moved}, NOON + 3 * HOUR)
    assert late() == (NIGHT,)
    ledger.accept("sha", NIGHT, reason="dome shut", by="ann", at_utc=NOON)
    assert late() == ()


def test_an_accepted_night_is_outstanding_again_once_nobody_stands_for_it(ledger: Ledger, run: int) -> None:
    """Accepted until a day: that day still, the next not; and no longer once revoked."""
    note(ledger, run, SEEN)
    until = LATER - DAY
    ledger.accept("sha", NIGHT, reason="dome shut", by="ann", at_utc=NOON, until=until)
    assert ledger.outstanding("sha", "a:b", LATER, today=until) == ()
    assert ledger.outstanding("sha", "a:b", LATER, today=LATER) == (NIGHT,)
    ledger.accept("sha", NIGHT, reason="dome shut", by="ann", at_utc=NOON)
    assert outstanding(ledger) == ()
    assert ledger.revoke("sha", NIGHT, NOON) == 2
    assert outstanding(ledger) == (NIGHT,)


def test_status_shows_no_night_as_accepted_for_which_nobody_stands(ledger: Ledger, run: int) -> None:
    """Revoked or run out, it is open again at once, not only after the next look."""
    ledger.accept("sha", NIGHT, reason="dome shut", by="ann", at_utc=NOON, until=LATER)
    note(ledger, run, dataclasses.replace(SEEN, state=NightState.ACCEPTED))

    def state(today: dt.date) -> NightState:
        (row,) = ledger.status("sha", today=today)
        return row.hops[0].state

    assert (state(LATER), state(LATER + DAY)) == (NightState.ACCEPTED, NightState.OPEN)
    ledger.revoke("sha", NIGHT, NOON)
    assert state(LATER) is NightState.OPEN


def test_single_frames_accepted_do_not_accept_the_night(ledger: Ledger, run: int) -> None:
    """Only a verification that found nothing else makes it accepted; and only while the frames are."""
    note(ledger, run, SEEN)
    ledger.accept("sha", NIGHT, reason="never written", by="ann", at_utc=NOON, frames=[140])
    assert outstanding(ledger) == (NIGHT,)
    note(ledger, run, NightRecord(163, 0, NightState.ACCEPTED))
    assert outstanding(ledger) == ()
    ledger.revoke("sha", NIGHT, NOON)
    assert outstanding(ledger) == (NIGHT,)


def test_the_last_counts_leave_out_what_was_freed_on_purpose(ledger: Ledger, run: int) -> None:
    """Prune is no mass loss; the next look starts from what it sees; nights never seen are not answered."""
    note(ledger, run, SEEN)
    note(ledger, run, SEEN, NIGHT + DAY)
    with ledger._store.write() as connection:  # as prune does, in the transaction in which it notes what it freed
        expect_fewer(connection, "sha", "a:b", {NIGHT: 100, NIGHT + 5 * DAY: 3})
    wanted = [NIGHT, NIGHT + DAY, NIGHT + 2 * DAY]
    assert ledger.last_counts("sha", "a:b", wanted) == {NIGHT: 63, NIGHT + DAY: 163}
    note(ledger, run, NightRecord(source_files=63, open_files=0))
    assert ledger.last_counts("sha", "a:b", [NIGHT]) == {NIGHT: 63}
    assert ledger.last_counts("sha", "a:b", []) == {}


def test_what_was_moved_adds_up_over_runs(ledger: Ledger, run: int) -> None:
    """Files and bytes are sums, the instant is that of the last move, and a look without a move keeps it."""
    ledger.record_nights(run, "sha", "a:b", {NIGHT: NightRecord(10, 5, moved_files=5, moved_bytes=500)}, NOON)
    ledger.record_nights(run, "sha", "a:b", {NIGHT: NightRecord(10, 0, moved_files=5, moved_bytes=300)}, NOON + HOUR)
    ledger.record_nights(run, "sha", "a:b", {NIGHT: NightRecord(10, 0)}, NOON + 2 * HOUR)
    (night,) = ledger.hop_nights("sha", "a:b")
    assert (night.moved_files, night.moved_bytes, night.moved_utc) == (10, 800, NOON + HOUR)
    assert night.first_seen_utc == NOON


def step(subject: bytes, result: StepResult, name: str = "fpack") -> StepRecord:
    """Make a record of a step."""
    made = (Product(subject + b".fz", "ab" * 32),)
    return StepRecord("sha", "astro", name, NIGHT, subject, "digest", result, NOON, made, 1.5)


def test_the_largest_night_is_that_of_which_most_was_moved_over_the_hop(ledger: Ledger, run: int) -> None:
    """In all runs together; a hop over which nothing went has none."""
    for night, size in ((NIGHT, 1000), (NIGHT, 500), (NIGHT + DAY, 1200)):
        note(ledger, run, NightRecord(5, 0, moved_files=5, moved_bytes=size), night)
    note(ledger, run, NightRecord(5, 0, moved_files=5, moved_bytes=9999), hop="b:c")
    note(ledger, run, SEEN, hop="c:d")
    assert [ledger.largest_night_bytes("sha", hop) for hop in ("a:b", "c:d", "d:e")] == [1500, 0, 0]


def test_status_shows_one_of_two_copies_proven_and_the_steps(ledger: Ledger, run: int) -> None:
    """``1/2`` can be written from it; a step counts what is done and what is not."""
    note(ledger, run, PROVEN)
    note(ledger, run, SEEN, hop="b:c")
    note(ledger, run, SEEN, NIGHT + DAY)
    for subject, result in ((b"a", StepResult.DONE), (b"b", StepResult.FAILED), (b"c", StepResult.STARTED)):
        ledger.record_step(step(subject, result))
    newer, older = ledger.status("sha")
    assert (newer.night, older.night) == (NIGHT + DAY, NIGHT)
    assert older.proven_hops == ("a:b",)
    assert [hop.hop for hop in older.hops] == ["a:b", "b:c"]
    assert [(one.step, one.copy, one.done, one.not_done, one.at_utc) for one in older.steps] == [
        ("fpack", "astro", 1, 2, NOON)
    ]
    assert newer.steps == ()


def test_status_of_nights_asked_for_has_a_row_for_each(ledger: Ledger, run: int) -> None:
    """A night of which nothing is known is shown empty, not left out."""
    note(ledger, run, PROVEN)
    rows = ledger.status("sha", [NIGHT, NIGHT + DAY])
    assert [(row.night, len(row.hops)) for row in rows] == [(NIGHT + DAY, 0), (NIGHT, 1)]


def plans(ledger: Ledger, ask: Callable[[], object]) -> list[str]:
    """Return how SQLite goes about what is asked of the nights."""
    told: list[str] = []

    def explain(connection: sa.Connection, cursor: object, statement: str, values: object, *_: object) -> None:
        if "FROM nights" in statement and not statement.startswith("EXPLAIN"):
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
            told.extend(row[3] for row in plan if "nights" in row[3])

    sa.event.listen(ledger._store.engine, "before_cursor_execute", explain)
    ask()
    sa.event.remove(ledger._store.engine, "before_cursor_execute", explain)
    return told


def test_a_window_is_looked_up_and_not_ten_years_of_nights_read_for_it(ledger: Ledger, run: int) -> None:
    """With the window stands the earliest date of all, for trees without nights, and any night that is still open."""
    for night in (dt.date.min, NIGHT, NIGHT + DAY, LATER):
        note(ledger, run, PROVEN, night)
    window = (dt.date.min, NIGHT, LATER)
    assert [one.night for one in ledger.hop_nights("sha", "a:b", window)] == list(window)
    assert list(ledger.last_counts("sha", "a:b", window)) == list(window)
    (plan,) = plans(ledger, lambda: ledger.hop_nights("sha", "a:b", window))
    assert plan.endswith("(instrument=? AND hop=? AND night=?)"), plan


def test_more_nights_are_asked_for_than_one_question_may_name(ledger: Ledger, run: int) -> None:
    """Ten years, each night of them once, in order."""
    years = [NIGHT + number * DAY for number in range(3650)]
    ledger.record_nights(run, "sha", "a:b", dict.fromkeys(years, PROVEN), NOON)
    assert [one.night for one in ledger.hop_nights("sha", "a:b", years[1:])] == years[1:]
    assert [row.night for row in ledger.status("sha", years[1:])] == years[:0:-1]
    assert all(row.hops for row in ledger.status("sha", years))


def test_a_step_keeps_its_last_word_on_each_subject(ledger: Ledger) -> None:
    """Result, digest and products are replaced together; subjects and steps are apart."""
    ledger.record_step(step(b"a", StepResult.DONE))
    failed = dataclasses.replace(step(b"a", StepResult.FAILED), reason="exit status 1", products=())
    ledger.record_step(failed)
    other = step(b"a", StepResult.DONE, "thumb")
    ledger.record_step(other)
    assert ledger.step_record("sha", "astro", "fpack", b"a") == failed
    assert ledger.step_record("sha", "astro", "fpack", b"b") is None
    assert ledger.step_records("sha", NIGHT) == (failed, other)
