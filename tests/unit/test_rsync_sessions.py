"""Files are divided among sessions evenly and completely, and rates hold at their hours."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.spec.models import Hours, TransferOptions
from syncer.transfer.contract import Item
from syncer.transfer.rate import Brake, rate_at, rate_holds_s
from syncer.transfer.sessions import MUCH_BYTES, balance, cost_bytes, folders_of, sessions_for, split

SIZES = st.lists(st.integers(0, 1 << 30), max_size=200)


def _items(sizes: list[int], source: str = "n", destination: str = "n") -> list[Item]:
    return [Item(f"{source}/{i}".encode(), f"{destination}/{i}".encode(), size, 0.0) for i, size in enumerate(sizes)]


@given(SIZES, st.integers(1, 16))
def test_every_file_is_in_exactly_one_list(sizes: list[int], lists: int) -> None:
    """Nothing is lost, nothing sent twice, and no list is empty."""
    items = _items(sizes)
    parts = balance(items, lists)
    assert sorted((item for part in parts for item in part), key=lambda item: item.path) == sorted(
        items, key=lambda item: item.path
    )
    assert all(parts)


@given(SIZES, st.integers(1, 16))
def test_no_list_is_heavier_than_the_even_share_and_one_file(sizes: list[int], lists: int) -> None:
    """The greedy rule keeps within one file of even."""
    items = _items(sizes)
    parts = balance(items, lists)
    costs = [sum(map(cost_bytes, part)) for part in parts]
    assert max(costs, default=0) <= sum(map(cost_bytes, items)) / lists + max(map(cost_bytes, items), default=0)


@given(SIZES, st.integers(1, 16))
def test_jobs_cover_all_nights_whatever_the_layouts(sizes: list[int], sessions: int) -> None:
    """Two layouts make a job for each night's pair of folders."""
    items = _items(sizes, "2016/0907", "20160907") + _items(sizes, "2016/0908", "20160908")
    jobs = split(items, sessions)
    assert {job.destination_folder for job in jobs} == ({b"20160907", b"20160908"} if sizes else set())
    assert sorted(item.path for job in jobs for item in job.items) == sorted(item.path for item in items)
    for job in jobs:
        for item in job.items:
            assert job.source_folder + b"/" + job.name_of(item) == item.path
            assert job.destination_folder + b"/" + job.name_of(item) == item.target


def test_a_small_batch_takes_one_session() -> None:
    """A connection costs more than a handful of small files."""
    assert len(split(_items([10] * 20), 8)) == 1


def test_a_file_that_changes_its_name_has_no_common_folders() -> None:
    """It cannot be in a list that both sides read alike."""
    assert folders_of(Item(b"n/a", b"n/b", 1, 0.0)) is None
    with pytest.raises(ValueError, match="changes its name"):
        split([Item(b"n/a", b"n/b", 1, 0.0)], 1)


@pytest.mark.parametrize(("round_trip_s", "sessions"), [(0.001, 1), (0.02, 4), (0.1, 8), (2.0, 8)])
def test_a_far_line_gets_more_sessions(round_trip_s: float, sessions: int) -> None:
    """One, four and eight by distance."""
    assert sessions_for(round_trip_s, 1_000_000, 2) == sessions


def test_much_gets_twice_as_many_where_two_processors_serve_them() -> None:
    """Else a second one is over before it has paid for its connection, or both wait for one processor."""
    cases = ((MUCH_BYTES - 1, 2), (MUCH_BYTES, 1), (MUCH_BYTES, 2))
    assert [sessions_for(0.0, *case) for case in cases] == [1, 1, 2]
    assert [sessions_for(0.02, *case) for case in cases] == [4, 4, 8]
    assert [sessions_for(0.1, *case) for case in cases] == [8, 8, 16]


def test_the_slowest_rate_of_the_hour_holds() -> None:
    """While people observe, the line is theirs; a span may cross midnight."""
    night = Hours.model_validate({"from": "18:00", "until": "06:00", "rate_bytes_per_s": 1000})
    options = TransferOptions(rate_bytes_per_s=5000, hours=(night,))
    assert rate_at(options, dt.datetime(2016, 9, 7, 23, 0)) == 1000
    assert rate_at(options, dt.datetime(2016, 9, 7, 5, 59)) == 1000
    assert rate_at(options, dt.datetime(2016, 9, 7, 6, 0)) == 5000
    assert rate_at(TransferOptions(), dt.datetime(2016, 9, 7, 6, 0)) is None


def hours(*spans: tuple[str, str, int], general: int | None = None) -> TransferOptions:
    """Return options with some spans."""
    made = [Hours.model_validate({"from": a, "until": b, "rate_bytes_per_s": rate}) for a, b, rate in spans]
    return TransferOptions(hours=tuple(made), rate_bytes_per_s=general)


DAY = (2016, 9, 7)
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("options", "now", "holds_s"),
    [
        (TransferOptions(), dt.datetime(*DAY, 23), None),
        (hours(("18:00", "06:00", 1000)), dt.datetime(*DAY, 17, 59, 30), 30.0),
        (hours(("18:00", "06:00", 1000)), dt.datetime(*DAY, 18), 12 * 3600.0),
        (hours(("18:00", "06:00", 1000)), dt.datetime(*DAY, 23, 0, 0, 500_000), 7 * 3600 - 0.5),
        (hours(("18:00", "06:00", 1000)), dt.datetime(*DAY, 5, 59, 59), 1.0),
        (hours(("18:00", "06:00", 1000), general=1000), dt.datetime(*DAY, 12), None),
        (hours(("18:00", "06:00", 2000), general=1000), dt.datetime(*DAY, 12), None),
        (hours(("18:00", "23:00", 2000), ("22:00", "02:00", 2000)), dt.datetime(*DAY, 19), 7 * 3600.0),
        (hours(("18:00", "23:00", 1000), ("22:00", "02:00", 2000)), dt.datetime(*DAY, 19), 4 * 3600.0),
    ],
)
def test_a_rate_holds_until_the_hour_that_changes_it(
    options: TransferOptions, now: dt.datetime, holds_s: float | None
) -> None:
    """Over midnight too; an hour at which another span begins, or one that is no slower, changes nothing."""
    assert rate_holds_s(options, now) == holds_s


@pytest.mark.parametrize(
    ("now", "holds_s"),
    [
        (dt.datetime(2016, 3, 12, 18, tzinfo=LOS_ANGELES), 11 * 3600.0),  # summer time begins: the night is shorter
        (dt.datetime(2016, 11, 5, 18, tzinfo=LOS_ANGELES), 13 * 3600.0),  # it ends: longer
        (dt.datetime(2016, 11, 5, 18, tzinfo=ZoneInfo("Africa/Johannesburg")), 12 * 3600.0),
        (dt.datetime(2016, 3, 12, 18, tzinfo=dt.timezone(dt.timedelta(hours=-8))), 12 * 3600.0),
    ],
)
def test_the_night_in_which_summer_time_begins_is_shorter(now: dt.datetime, holds_s: float) -> None:
    """Seconds that pass are counted, not what the clock on the wall shows."""
    assert rate_holds_s(hours(("18:00", "06:00", 1000)), now) == holds_s


def test_hours_within_the_hour_that_is_left_out_or_comes_twice() -> None:
    """From half past two to three never is that night; from one to half past one is twice."""
    spring, autumn = (dt.datetime(*day, 0, 30, tzinfo=LOS_ANGELES) for day in ((2016, 3, 13), (2016, 11, 6)))
    left_out, twice = hours(("02:30", "03:00", 1000)), hours(("01:00", "01:30", 1000))
    assert rate_holds_s(left_out, spring) == 25 * 3600.0
    assert rate_holds_s(twice, autumn) == 1800.0
    assert rate_holds_s(twice, dt.datetime(2016, 11, 6, 1, 30, tzinfo=LOS_ANGELES)) == 1800.0
    assert rate_holds_s(twice, dt.datetime(2016, 11, 6, 1, 10, fold=1, tzinfo=LOS_ANGELES)) == 1200.0


def test_the_brake_keeps_to_its_rate() -> None:
    """So many bytes take so many seconds, by a clock that only sleeping moves."""
    time_s = [0.0]
    brake = Brake(lambda: 1000, lambda: time_s[0], lambda wait_s: time_s.__setitem__(0, time_s[0] + wait_s))
    for _ in range(11):
        brake.let_through(500)
    assert time_s[0] == pytest.approx(5.5)
