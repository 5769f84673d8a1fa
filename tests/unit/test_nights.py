"""A night is one thing, whoever asks: folder, stamp, instant or person."""

from __future__ import annotations

import csv
import datetime as dt
import zoneinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observatory import nights
from observatory.errors import UsageError
from observatory.nights import NightClock, StampError, stamp_expression
from tests.shared import shared

ZONES = (
    "Africa/Johannesburg",
    "America/Phoenix",
    "America/Santiago",
    "Atlantic/Canary",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Madrid",
    "Pacific/Apia",
    "Pacific/Honolulu",
    "UTC",
)
SECOND = dt.timedelta(seconds=1)
MJD_EPOCH_UTC = dt.datetime(1858, 11, 17, tzinfo=dt.UTC)

clocks = st.builds(
    NightClock,
    st.sampled_from(ZONES).map(zoneinfo.ZoneInfo),
    st.one_of(st.none(), st.just(dt.time(12)), st.times().map(lambda time: time.replace(second=0, microsecond=0))),
)
instants = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC))
days = st.dates(dt.date(1950, 1, 1), dt.date(2090, 1, 1))


def utc(text: str) -> dt.datetime:
    """Read an instant as ISO text in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def test_desi_exposures_belong_to_the_nights_that_desi_says() -> None:
    """Each of the 85 exposures' MJD-OBS falls on the NIGHT of its row, in Arizona from noon to noon."""
    clock = NightClock.from_spec("America/Phoenix", "12:00")
    with shared("samples/desi/exposure_table_20211129.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 85
    for row in rows:
        instant_utc = MJD_EPOCH_UTC + dt.timedelta(days=float(row["MJD-OBS"]))
        assert nights.night_text(clock.night_of(instant_utc)) == row["NIGHT"]


@pytest.mark.parametrize(
    ("zone", "instant", "night"),
    [
        ("Africa/Johannesburg", "2016-09-07T09:59:59", "20160906"),  # a second before noon
        ("Africa/Johannesburg", "2016-09-07T10:00:00", "20160907"),
        ("Africa/Johannesburg", "2016-09-07T21:59:59", "20160907"),  # midnight changes nothing
        ("Africa/Johannesburg", "2016-09-07T22:00:00", "20160907"),
        ("Africa/Johannesburg", "2016-09-30T23:00:00", "20160930"),  # 1 October, 01:00: the month changes
        ("Africa/Johannesburg", "2016-12-31T23:00:00", "20161231"),  # and the year
        ("Africa/Johannesburg", "2016-02-29T09:00:00", "20160228"),
        ("Africa/Johannesburg", "2016-02-29T11:00:00", "20160229"),
        ("Africa/Johannesburg", "2016-03-01T05:00:00", "20160229"),
        ("America/Santiago", "2022-09-11T03:59:59", "20220910"),  # 00:00 to 01:00 never came
        ("America/Santiago", "2022-09-11T15:00:00", "20220911"),
        ("America/Santiago", "2022-09-11T14:59:59", "20220910"),
        ("America/Santiago", "2022-04-03T02:59:59", "20220402"),  # 23:00 to 24:00 came twice
        ("America/Santiago", "2022-04-03T15:59:59", "20220402"),
        ("America/Santiago", "2022-04-03T16:00:00", "20220403"),
        ("Europe/Madrid", "2023-03-26T09:59:59", "20230325"),
        ("Europe/Madrid", "2023-03-26T10:00:00", "20230326"),
        ("Europe/Madrid", "2023-10-29T10:59:59", "20231028"),
        ("Europe/Madrid", "2023-10-29T11:00:00", "20231029"),
        ("Australia/Sydney", "2023-10-01T00:59:59", "20230930"),
        ("Australia/Sydney", "2023-10-01T01:00:00", "20231001"),
        ("Australia/Sydney", "2023-04-02T01:59:59", "20230401"),
        ("Australia/Sydney", "2023-04-02T02:00:00", "20230402"),
        ("Pacific/Honolulu", "2016-09-08T09:00:00", "20160907"),
    ],
)
def test_the_present_night_changes_at_local_noon_alone(zone: str, instant: str, night: str) -> None:
    """Midnight, month, year, leap day and a change of offset leave the night as it is; noon begins the next."""
    present = NightClock.from_spec(zone, "12:00").night_of(utc(instant))
    assert nights.night_text(present) == night
    assert nights.parse_night("today", present) == present
    assert nights.parse_night("yesterday", present) == present - dt.timedelta(days=1)


def test_folders_that_count_ut_dates_change_at_0_h_ut_wherever_they_lie() -> None:
    """With rollover utc the zone says nothing."""
    clock = NightClock.from_spec("Pacific/Honolulu", "utc")
    assert clock.night_of(utc("2016-09-07T23:59:59")) == dt.date(2016, 9, 7)
    assert clock.night_of(utc("2016-09-08T00:00:00")) == dt.date(2016, 9, 8)


@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        ("Europe/Madrid", dt.date(2023, 3, 25), 23),
        ("Europe/Madrid", dt.date(2023, 10, 28), 25),
        ("Europe/Madrid", dt.date(2023, 6, 1), 24),
        ("Australia/Lord_Howe", dt.date(2023, 9, 30), 23.5),
        ("Pacific/Apia", dt.date(2011, 12, 30), 0),  # Samoa had no 30 December 2011
    ],
)
def test_a_night_lasts_from_noon_to_noon_of_the_clock_on_the_wall(zone: str, night: dt.date, hours: float) -> None:
    """A change of offset makes a night shorter or longer, never two nights overlap."""
    begin, end = NightClock.from_spec(zone).bounds(night)
    assert (end - begin) / dt.timedelta(hours=1) == hours


def test_a_rollover_that_the_clock_skips_or_repeats_is_one_instant() -> None:
    """Skipped: as the clock would have shown unchanged. Repeated: the first of the two."""
    clock = NightClock.from_spec("Europe/Madrid", "02:30")
    assert clock.bounds(dt.date(2023, 3, 26))[0] == utc("2023-03-26T01:30:00")
    assert clock.bounds(dt.date(2023, 10, 29))[0] == utc("2023-10-29T00:30:00")


@given(clocks, instants)
def test_an_instant_lies_in_its_night_and_in_no_other(clock: NightClock, instant_utc: dt.datetime) -> None:
    """The bounds of an instant's night hold it."""
    begin, end = clock.bounds(clock.night_of(instant_utc))
    assert begin <= instant_utc < end


@given(clocks, days)
def test_nights_follow_each_other_without_hole_or_overlap(clock: NightClock, night: dt.date) -> None:
    """Where one night ends the next begins, and none ends before it began."""
    begin, end = clock.bounds(night)
    assert begin <= end
    assert end == clock.bounds(night + dt.timedelta(days=1))[0]


@given(clocks, days, st.floats(0, 1, exclude_max=True))
@example(NightClock.from_spec("Pacific/Apia"), dt.date(2011, 12, 30), 0.5)
def test_the_night_is_constant_between_two_rollovers(clock: NightClock, night: dt.date, share: float) -> None:
    """First instant, last instant and any between them are of one night."""
    begin, end = clock.bounds(night)
    if begin == end:
        assert clock.night_of(begin) != night
        return
    inside = min(begin + share * (end - begin), end - dt.timedelta(microseconds=1))
    assert clock.night_of(begin) == clock.night_of(inside) == night
    assert clock.night_of(end) > night


@given(clocks, instants, instants)
def test_time_and_nights_run_the_same_way(clock: NightClock, one_utc: dt.datetime, other_utc: dt.datetime) -> None:
    """A later instant is never of an earlier night."""
    earlier, later = sorted((one_utc, other_utc))
    assert clock.night_of(earlier) <= clock.night_of(later)


def test_a_naive_instant_is_a_fault_of_the_caller() -> None:
    """No zone is guessed."""
    with pytest.raises(ValueError, match="does not know its time zone"):
        NightClock.from_spec("UTC").night_of(dt.datetime(2016, 9, 7))


@pytest.mark.parametrize(("zone", "rollover"), [("Mars/Olympus", "12:00"), ("UTC", "24:00"), ("UTC", "noon")])
def test_a_clock_that_cannot_be_is_refused(zone: str, rollover: str) -> None:
    """An unknown zone or a time that no clock shows is a matter of usage."""
    with pytest.raises(UsageError):
        NightClock.from_spec(zone, rollover)


PRESENT = dt.date(2016, 9, 7)


@pytest.mark.parametrize(
    ("text", "night"),
    [
        ("20160229", dt.date(2016, 2, 29)),
        ("2016-02-29", dt.date(2016, 2, 29)),
        ("today", PRESENT),
        ("yesterday", dt.date(2016, 9, 6)),
    ],
)
def test_a_night_is_read_in_four_ways(text: str, night: dt.date) -> None:
    """As folders write it, as people write it, and as two words."""
    assert nights.parse_night(text, PRESENT) == night


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "20150229",
        "20161301",
        "2016-0907",
        "201609-07",
        "160907",
        " 20160907",
        "\uff12\uff10160907",
        "00010101",
    ],
)
def test_what_is_no_night_is_refused_with_the_text_that_was_given(text: str) -> None:
    """No guess is made, and nothing but ASCII digits is a digit."""
    with pytest.raises(UsageError) as caught:
        nights.parse_night(text, PRESENT)
    assert repr(text) in str(caught.value)


def test_ranges_and_nights_become_one_sorted_list() -> None:
    """Both ends belong to a range; a night asked for twice is there once."""
    found = nights.parse_nights(["today", "20160904..2016-09-05", "20160905..yesterday"], PRESENT)
    assert [nights.night_text(night) for night in found] == ["20160904", "20160905", "20160906", "20160907"]
    assert nights.parse_nights([], PRESENT) == ()


def test_a_range_that_runs_backwards_is_refused_with_what_was_meant() -> None:
    """The sentence holds the range the right way round."""
    with pytest.raises(UsageError, match=r"20160901\.\.20160907"):
        nights.parse_nights(["20160907..20160901"], PRESENT)


@pytest.mark.parametrize("text", ["20160901..", "..20160901", "20160901..20160902..20160903", "20160901...20160903"])
def test_half_a_range_is_refused(text: str) -> None:
    """Both ends are written."""
    with pytest.raises(UsageError):
        nights.parse_nights([text], PRESENT)


def test_a_request_for_centuries_is_refused() -> None:
    """A slip in the year must not make the tool list for days."""
    with pytest.raises(UsageError, match="more than"):
        nights.parse_nights(["19000101..29991231"], PRESENT)
    with pytest.raises(UsageError, match="more than"):
        nights.parse_nights(["19000101..21001231", "22000101..24001231"], PRESENT)


def test_the_window_is_the_present_night_and_those_before_it() -> None:
    """Thirty nights are the present one and the 29 before."""
    found = nights.window(PRESENT, 30)
    assert (found[0], found[-1], len(found)) == (dt.date(2016, 8, 9), PRESENT, 30)
    assert nights.window(PRESENT, 1) == (PRESENT,)
    for impossible in (0, -1, nights.MOST_NIGHTS + 1):
        with pytest.raises(UsageError):
            nights.window(PRESENT, impossible)


@pytest.mark.parametrize(
    ("present", "first", "count"),
    [
        (dt.date(2015, 3, 1), dt.date(2015, 2, 1), 29),
        (dt.date(2016, 3, 1), dt.date(2016, 2, 1), 30),
        (dt.date(2016, 8, 31), dt.date(2016, 7, 1), 62),
        (dt.date(2016, 1, 5), dt.date(2015, 12, 1), 36),
    ],
)
def test_this_and_last_month_begins_with_the_first_of_last_month(present: dt.date, first: dt.date, count: int) -> None:
    """29 nights on 1 March, 62 on 31 August, and January looks back into the year before."""
    found = nights.window_of("this-and-last-month", present)
    assert (found[0], found[-1], len(found)) == (first, present, count)
    assert nights.window_of(count, present) == found


CAPE = NightClock.from_spec("Africa/Johannesburg")
CHILE = NightClock.from_spec("America/Santiago")
UT = NightClock.from_spec("UTC", "utc")


@pytest.mark.parametrize("name", [b"x_20160907.0001.fits", b"x_2016-09-07.fits", b"x_2016_09_07.fits", b"a/x_20160907"])
def test_a_night_stamp_is_the_night_itself(name: bytes) -> None:
    """The clock has no say where a name tells its night."""
    stamp = stamp_expression(r"_(?P<night>[0-9]{4}[-_]?[0-9]{2}[-_]?[0-9]{2})")
    assert stamp.night_of(name, CAPE) == stamp.night_of(name, UT) == dt.date(2016, 9, 7)


@pytest.mark.parametrize(
    ("name", "in_chile", "in_ut"),
    [
        (b"camsci1_20241202000012500000000.xrif", 1, 2),
        (b"camsci1_20241202155959999999999.xrif", 2, 2),  # 12:59:59 in Chile, summer time
        (b"camsci1_20241202145959999999999.xrif", 1, 2),  # 11:59:59
        (b"camsci1_20241202T150000.xrif", 2, 2),
        (b"camsci1_20241202_000012.xrif", 1, 2),
        (b"camsci1_20241202-000012.5.xrif", 1, 2),
        (b"camsci1_2024-12-02T00:00:12.xrif", 1, 2),
        (b"camsci1_2024-12-02T23:59:60Z.xrif", 2, 2),
        (b"camsci1_20241202.xrif", 1, 2),
    ],
)
def test_a_utc_stamp_is_an_instant_that_the_clock_turns_into_a_night(name: bytes, in_chile: int, in_ut: int) -> None:
    """UT-dated names after 0 h UT belong to the Chilean night that began the day before."""
    stamp = stamp_expression(r"_(?P<utc>[0-9][0-9T:_.-]*[0-9]Z?)\.")
    assert stamp.night_of(name, CHILE) == dt.date(2024, 12, in_chile)
    assert stamp.night_of(name, UT) == dt.date(2024, 12, in_ut)


@pytest.mark.parametrize(
    "stamp",
    [
        b"20241302",
        b"20240230000000",
        b"20241202240000",
        b"20241202006000",
        b"2024120200",
        b"00000000",
        b"2024-1202",
        b"",
    ],
)
def test_digits_that_are_no_date_are_no_night(stamp: bytes) -> None:
    """They are not of any night; nothing is guessed and nothing is raised."""
    assert stamp_expression(r"_(?P<utc>.*)\.").night_of(b"x_" + stamp + b".fits", UT) is None
    assert stamp_expression(r"_(?P<night>.*)\.").night_of(b"x_" + stamp + b".fits", UT) is None


def test_only_the_last_part_of_a_path_is_read() -> None:
    """A dated folder does not lend its date to the files in it."""
    stamp = stamp_expression(r"(?P<night>[0-9]{8})")
    assert stamp.night_of(b"20160907/flat.fits", UT) is None


@pytest.mark.parametrize("text", ["(", r"[0-9]{8}", r"(?P<day>[0-9]{8})", r"(?P<night>x)(?P<night>y)"])
def test_an_expression_that_tells_no_night_is_refused(text: str) -> None:
    """It must compile, and have a group of one of the two names."""
    with pytest.raises(StampError):
        stamp_expression(text)


@given(st.binary())
def test_any_name_is_answered(name: bytes) -> None:
    """No name raises."""
    stamp_expression(r"(?P<utc>[0-9].*)|(?P<night>.*)").night_of(name, CHILE)


@given(instants, clocks)
def test_a_stamp_says_what_its_instant_says(instant_utc: dt.datetime, clock: NightClock) -> None:
    """Writing an instant into a name and reading it back gives the instant's night."""
    name = f"cam_{instant_utc:%Y%m%d%H%M%S}{instant_utc.microsecond:06d}000.xrif".encode()
    assert stamp_expression(r"_(?P<utc>[0-9]+)\.").night_of(name, clock) == clock.night_of(instant_utc)
