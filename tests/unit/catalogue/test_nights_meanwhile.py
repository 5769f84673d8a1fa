"""What happens to a night while nobody of ours looks: files come by other hands, and several runs note one night."""

from __future__ import annotations

import datetime as dt

import pytest

from catalogue.ledger import Ledger
from catalogue.nights import expect_fewer
from catalogue.records import HopNight, NightRecord, NightState
from tests.unit.catalogue.test_nights import DAY, LATER, NIGHT, NOON, PROVEN, SEEN, note, outstanding


@pytest.fixture
def run(ledger: Ledger) -> int:
    """Begin a run."""
    return ledger.start_run("verify", ["sha"], NOON, "astro", 42)


def free(ledger: Ledger, freed: dict[dt.date, int]) -> None:
    """Note that files were freed, as prune does, in the transaction in which it notes which."""
    with ledger._store.write() as connection:
        expect_fewer(connection, "sha", "a:b", freed)


def reopened(ledger: Ledger, run: int, record: NightRecord, known: NightRecord = SEEN) -> bool:
    """Say whether a record of the first hop opens a night that the second had proven."""
    note(ledger, run, known)
    note(ledger, run, known, night=NIGHT + DAY)
    for night in (NIGHT, NIGHT + DAY):
        for hop in ("b:c", "b:d", "c:d"):
            note(ledger, run, PROVEN, night, hop)
    records = {NIGHT: record, NIGHT + DAY: record}  # several nights, several hops: one statement for all
    ledger.record_nights(run, "sha", "a:b", records, NOON, onward=["b:c", "b:d"])
    found = [outstanding(ledger, hop) for hop in ("b:c", "b:d")]
    assert outstanding(ledger, "c:d") == ()
    assert found in ([()] * 2, [(NIGHT, NIGHT + DAY)] * 2)
    return bool(found[0])


@pytest.mark.parametrize(
    "record",
    [
        NightRecord(source_files=163, open_files=40),  # two came, though nobody says that he moved them
        NightRecord(source_files=165, open_files=42),  # two new ones, and they are there already
        NightRecord(source_files=163, open_files=42, moved_files=1, moved_bytes=1),
    ],
)
def test_what_comes_to_a_destination_opens_the_night_on_the_hops_that_leave_it(
    ledger: Ledger, run: int, record: NightRecord
) -> None:
    """By somebody else's program, or by a run that was killed before it could say so: the next hop has to look."""
    assert reopened(ledger, run, record)


@pytest.mark.parametrize("record", [SEEN, NightRecord(source_files=170, open_files=49), NightRecord()])
def test_where_nothing_came_the_next_hop_is_left_as_it_is(ledger: Ledger, run: int, record: NightRecord) -> None:
    """What is new on the source alone is no news for it, and not being able to look is none."""
    assert not reopened(ledger, run, record)


def test_what_was_freed_on_the_source_is_no_arrival(ledger: Ledger, run: int) -> None:
    """Fewer are left there, and on the destination as many as before."""
    note(ledger, run, PROVEN)
    note(ledger, run, PROVEN, hop="b:c")
    free(ledger, {NIGHT: 160})
    ledger.record_nights(run, "sha", "a:b", {NIGHT: NightRecord(3, 0)}, NOON, onward=["b:c"])
    assert outstanding(ledger, "b:c") == ()


def known(ledger: Ledger) -> dict[dt.date, HopNight]:
    """Return what is known of the first hop's nights."""
    return {one.night: one for one in ledger.hop_nights("sha", "a:b", [NIGHT, LATER])}


def test_what_others_noted_while_a_look_went_on_is_not_proven_by_it(ledger: Ledger, run: int) -> None:
    """They saw two files more, and failed to carry them: the look was over another night than that."""
    before = known(ledger)
    note(ledger, run, NightRecord(source_files=165, open_files=2))
    ledger.record_nights(run, "sha", "a:b", {NIGHT: PROVEN, LATER: PROVEN}, NOON, as_known=before)
    (night, later) = ledger.hop_nights("sha", "a:b")
    assert (night.state, night.source_files, night.open_files) == (NightState.OPEN, 165, 2)
    assert later.state is NightState.PROVEN


def test_what_a_look_found_open_stays_open_whatever_others_noted(ledger: Ledger, run: int) -> None:
    """It may have read every byte, and they only names."""
    before = known(ledger)
    note(ledger, run, PROVEN)
    ledger.record_nights(run, "sha", "a:b", {NIGHT: NightRecord(163, 1)}, NOON, as_known=before)
    assert outstanding(ledger) == (NIGHT,)


def test_what_is_freed_while_a_look_goes_on_is_not_expected_again(ledger: Ledger, run: int) -> None:
    """Else the next sync would miss it."""
    note(ledger, run, PROVEN)
    before = known(ledger)
    free(ledger, {NIGHT: 163})
    ledger.record_nights(run, "sha", "a:b", {NIGHT: PROVEN}, NOON, as_known=before)
    assert ledger.last_counts("sha", "a:b", [NIGHT]) == {NIGHT: 0}
