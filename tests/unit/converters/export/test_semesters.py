"""Semesters: one definition, for what is searched and for the folders."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.export.semesters import SemesterRule, Start, read_starts
from observatory.errors import UsageError
from observatory.nights import NightClock

CLAY = SemesterRule(NightClock.from_spec("Etc/GMT+4", "12:00"), read_starts({"A": "01-01", "B": "07-01"}))


def utc(text: str) -> dt.datetime:
    """Read an instant."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("instant", "semester"),
    [
        ("2025-06-20T03:00", "2025A"),  # lookyloo found it with 2025B only, and filed it under 2025A
        ("2026-01-01T03:00", "2025B"),  # lookyloo found it with 2026A only, and filed it under 2025B
        ("2025-07-01T15:59:59", "2025A"),
        ("2025-07-01T16:00", "2025B"),
        ("2026-01-01T16:00", "2026A"),
    ],
)
def test_an_instant_is_found_in_the_semester_whose_folder_it_lies_in(instant: str, semester: str) -> None:
    """The cases that the originals file under one name and find under another (facts, 2.4)."""
    assert CLAY.of(utc(instant)) == semester
    begin, end = CLAY.bounds(semester)
    assert begin <= utc(instant) < end


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC)))
def test_every_instant_lies_in_exactly_the_semester_that_it_is_counted_to(instant: dt.datetime) -> None:
    """Search and folders cannot disagree, whatever the instant."""
    for rule in (CLAY, SemesterRule(NightClock.from_spec("Pacific/Honolulu"), (Start(2, 1, "A"), Start(8, 1, "B")))):
        begin, end = rule.bounds(rule.of(instant))
        assert begin <= instant < end


def test_semesters_follow_one_another_without_a_gap() -> None:
    """The end of one is the beginning of the next, over the year's end too."""
    names = ["2024B", "2025A", "2025B", "2026A"]
    bounds = [CLAY.bounds(name) for name in names]
    assert [end for _, end in bounds[:-1]] == [begin for begin, _ in bounds[1:]]


@pytest.mark.parametrize("name", ["2025C", "25B", "", "B2025", "2025B1", "0000A"])
def test_what_is_no_semester_is_refused_with_those_that_are(name: str) -> None:
    """The sentence names what could have been meant."""
    with pytest.raises(UsageError, match="2025A, 2025B"):
        CLAY.bounds(name)


def test_a_semester_is_read_in_small_letters_too() -> None:
    """As people type it."""
    assert CLAY.bounds("2025b") == CLAY.bounds("2025B")


@pytest.mark.parametrize(
    "written", [{}, {"A": "1-1"}, {"A": "02-29"}, {"A": "13-01"}, {"AB": "01-01"}, {"A": "01-01", "B": "01-01"}]
)
def test_starts_that_are_no_days_are_refused(written: dict[str, str]) -> None:
    """They would leave instants without a semester."""
    with pytest.raises(ValueError, match=r"semester|night|day"):
        read_starts(written)
