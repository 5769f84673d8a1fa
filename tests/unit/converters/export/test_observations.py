"""Observations out of records: rises, falls and changes, whatever files and roots the records came from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.export.observations import Observation, ObserverRecord, ObserverState, Wish, observations
from converters.stamps import NS_PER_S

S = NS_PER_S


def record(at_s: float, on: bool, title: str = "lab", target: str = "", email: str = "a@x.org") -> ObserverRecord:
    """Return a record."""
    return ObserverRecord(round(at_s * S), ObserverState(email, title, target, on))


def spans(*records: ObserverRecord) -> list[tuple[float, float | None, str, str, str]]:
    """Return begin, end, title, target and email of each observation, in seconds."""
    return [
        (one.begin_ns / S, None if one.end_ns is None else one.end_ns / S, one.title, one.target, one.email)
        for one in observations(records)
    ]


def test_an_observation_begins_at_the_last_record_before_its_rise() -> None:
    """Defect 1: off at 0, 10, 12 s and on at 13.1 s began at 0 s, and what was idle was swept in."""
    records = [record(0, False), record(10, False), record(12, False), record(13.1, True), record(23, False)]
    assert spans(*records) == [(12, 23, "lab", "", "a@x.org")]


def test_a_rise_after_a_long_silence_begins_with_its_own_record() -> None:
    """A record of yesterday says nothing about when today's observation began."""
    assert spans(record(0, False), record(90_000, True), record(90_010, False))[0][:2] == (90_000, 90_010)


def test_records_that_begin_within_an_observation_give_it_its_first_known_instant() -> None:
    """Nothing earlier is known, and nothing is invented."""
    assert spans(record(5, True), record(15, True), record(25, False)) == [(5, 25, "lab", "", "a@x.org")]


def test_an_observation_that_goes_on_has_no_end() -> None:
    """It is yielded last."""
    assert spans(record(0, False), record(1, True), record(11, True)) == [(0, None, "lab", "", "a@x.org")]


@pytest.mark.parametrize("changed", [{"title": "sky"}, {"target": "beta Pic"}, {"email": "b@x.org"}])
def test_a_change_of_title_target_or_observer_ends_one_and_begins_the_next(changed: dict[str, str]) -> None:
    """Defect 8: a new target was filed under the first one."""
    found = list(observations([record(0, False), record(1, True), record(11, True, **changed), record(21, False)]))
    assert [(one.begin_ns / S, one.end_ns) for one in found] == [(0, 11 * S), (11, 21 * S)]
    assert (found[0].title, found[0].target, found[0].email) == ("lab", "", "a@x.org")
    assert {"title": found[1].title, "target": found[1].target, "email": found[1].email}.items() >= changed.items()


def test_what_changes_while_nobody_observes_is_no_edge() -> None:
    """The rise alone counts, with what it says."""
    found = spans(record(0, False, "old"), record(10, False, "new"), record(11, True, "new"), record(20, False, "new"))
    assert found == [(10, 20, "new", "", "a@x.org")]


def test_repeated_records_make_no_difference() -> None:
    """The same telemetry lies below several roots."""
    records = [record(0, False), record(1, True), record(11, True), record(21, False)]
    doubled = [one for one in records for _ in range(2)]
    assert spans(*doubled) == spans(*records)


states = st.builds(ObserverState, st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from("12"), st.booleans())


@st.composite
def histories(draw: st.DrawFn) -> list[ObserverRecord]:
    """Return records ascending in time."""
    steps = draw(st.lists(st.tuples(st.integers(0, 20), states), max_size=40))
    instant, records = 0, []
    for step, state in steps:
        instant += step * S
        records.append(ObserverRecord(instant, state))
    return records


@given(histories())
def test_every_observing_record_lies_in_one_observation_that_says_the_same(records: list[ObserverRecord]) -> None:
    """Nobody's observation is lost, none overlaps another, and none holds a record of another state."""
    found = list(observations(records))
    for one, after in itertools.pairwise(found):
        assert one.end_ns is not None
        assert one.begin_ns <= one.end_ns <= after.begin_ns
    assert all(not one.is_open for one in found[:-1])
    final = {record.at_ns: record for record in records}.values()  # of one instant the last counts
    for each in final:
        holding = [one for one in found if _holds(one, each.at_ns)]
        said = [(one.email, one.title, one.target) for one in holding]
        if each.state.is_observing:
            assert (each.state.email, each.state.title, each.state.target) in said


def _holds(one: Observation, at_ns: int) -> bool:
    return one.begin_ns <= at_ns and (one.end_ns is None or at_ns < one.end_ns)


@given(histories(), st.lists(st.integers(0, 40), max_size=4))
def test_where_files_end_and_begin_changes_nothing(records: list[ObserverRecord], cuts: list[int]) -> None:
    """Defect 4: a rise on a file's boundary was lost. Records are one stream, however they were cut."""

    def pieces() -> Iterator[ObserverRecord]:
        edges = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]
        for begin, end in itertools.pairwise(edges):
            yield from records[begin:end]

    assert list(observations(pieces())) == list(observations(records))


PIC = Observation("Logan@x.org", "20251202 betaPic deep", "beta Pic", 100, 200)
OPEN = Observation("", "", "", 100, None)


@pytest.mark.parametrize(
    ("wish", "is_taken"),
    [
        (Wish(), True),
        (Wish(title="betapic", is_partial=True), True),
        (Wish(title="betapic"), False),
        (Wish(title="20251202 BETAPIC deep"), True),
        (Wish(target="BETA PIC"), True),
        (Wish(target="beta"), False),
        (Wish(email="logan"), True),
        (Wish(email="jared"), False),
        (Wish(begin_ns=100, end_ns=200), True),
        (Wish(begin_ns=101), False),
        (Wish(end_ns=199), False),
        (Wish(begins_before_ns=100), False),
        (Wish(begins_before_ns=101), True),
    ],
)
def test_a_wish_takes_what_it_says(wish: Wish, is_taken: bool) -> None:
    """Titles whole or in part, objects whole, addresses in part, small or capital; times whole."""
    assert wish.takes(PIC) is is_taken


def test_what_goes_on_is_taken_by_its_beginning() -> None:
    """It has no end that could lie outside."""
    assert Wish(begin_ns=100, end_ns=150).takes(OPEN)
    assert not Wish(end_ns=99).takes(OPEN)
