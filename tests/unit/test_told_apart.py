"""What a changed line of comparing, planning, nights or names would do otherwise, and no other test told apart.

Each case was found by a mutation run (docs/mutation.md): exact sentences, exact limits, exact places.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory import names, nights
from observatory.compare import UnsortedListing, merge, not_files
from observatory.errors import UsageError
from observatory.nights import NightClock, StampError, parse_nights, stamp_expression, window
from observatory.records import FILE, LINK, NUL, Entry, encode_file, encode_link
from syncer.outcome import Failure
from syncer.plan import Move, refuse_collisions
from tests.unit.test_sync import HERE, ONE, THERE, TWO, World
from tests.worlds import NOW_S

UT = NightClock.from_spec("UTC", "utc")
PRESENT = dt.date(2016, 9, 7)


# ---- names


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (b"", "the path is empty"),
        (b"/a", "the path is absolute"),
        (b"a\0b", "the path holds a NUL"),
        (b"a/../b", "the path has a part '..'"),
        (b"x" * (names.LONGEST_PATH_BYTES + 1), f"the path is longer than {names.LONGEST_PATH_BYTES} bytes"),
    ],
)
def test_a_refused_path_has_exactly_its_reason(path: bytes, why: str) -> None:
    """People read it in a report."""
    assert names.is_safe(path) == why


def test_the_longest_path_is_still_safe() -> None:
    """The limit itself is within."""
    folder = b"x" * 200 + b"/"
    path = (folder * 30)[: names.LONGEST_PATH_BYTES - 1] + b"y"
    assert names.is_safe(path) is None


def test_what_is_no_name_in_json_is_shown_in_part() -> None:
    """Forty characters of base64, eighty of anything else."""
    with pytest.raises(ValueError, match=f"^not base64: '{'!' * 40}'$"):
        names.from_json({"bytes": "!" * 50})
    with pytest.raises(ValueError, match=f"^not a file name: {'7' * 80}$"):
        names.from_json(int("7" * 90))


def test_bytes_that_are_no_text_come_back_from_what_was_typed() -> None:
    """As a terminal hands them over."""
    assert b"a\xff" in names.typed("a\udcff")
    assert names.show(b"\xff") == "\\xff"


@pytest.mark.parametrize(
    ("paths", "lines"),
    [
        ([b"2016/0907/1.fits", b"2016/0907/2.fits"], ["2016/0907/[1-2].fits, 2 files"]),
        ([b"x/n1/a.fits", b"x/n2/a.fits"], ["x/n1/a.fits", "x/n2/a.fits"]),
        ([b"a1_7_7.h5", b"a2_7_7.h5"], ["a[1-2]_7_7.h5, 2 files"]),
        ([b"a1_7_7_7.fits", b"a2_7_7_7.fits"], ["a1_7_7_7.fits", "a2_7_7_7.fits"]),
        (
            [b"a000000000000000001.fits", b"a000000000000000002.fits"],
            ["a[000000000000000001-000000000000000002].fits, 2 files"],
        ),
        (
            [b"a0000000000000000001.fits", b"a0000000000000000002.fits"],
            ["a0000000000000000001.fits", "a0000000000000000002.fits"],
        ),
    ],
)
def test_only_the_last_three_numbers_of_a_base_name_before_its_suffixes_run(
    paths: list[bytes], lines: list[str]
) -> None:
    """Not a folder's, not a suffix's, not the fourth, and none of more than eighteen digits."""
    assert names.folded_runs(paths) == lines


# ---- nights


@pytest.fixture
def in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine's own zone be another than the site's."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_auckland")
def test_the_machine_s_zone_says_nothing_about_a_night() -> None:
    """An instant is the same wherever the machine stands, and a night begins at that very instant."""
    clock = NightClock.from_spec("Africa/Johannesburg", "12:00")
    begin = dt.datetime(2016, 9, 7, 10, tzinfo=dt.UTC)
    assert clock.night_of(begin) == PRESENT
    assert clock.night_of(begin - dt.timedelta(microseconds=1)) == PRESENT - dt.timedelta(days=1)
    assert clock.bounds(PRESENT)[0].utcoffset() == dt.timedelta(0)
    assert UT.night_of(dt.datetime(2016, 9, 7, 23, 30, tzinfo=dt.UTC)) == PRESENT


@pytest.mark.parametrize(
    ("zone", "rollover", "why"),
    [
        ("Nowhere", "12:00", "'Nowhere' is no IANA time zone, such as Africa/Johannesburg"),
        ("UTC", "24:00", "rollover '24:00': a time of day as HH:MM, or utc"),
    ],
)
def test_a_clock_that_cannot_be_has_exactly_its_reason(zone: str, rollover: str, why: str) -> None:
    """With what was written."""
    with pytest.raises(UsageError) as refused:
        NightClock.from_spec(zone, rollover)
    assert str(refused.value) == why


def test_the_most_nights_may_be_asked_for_and_not_one_more() -> None:
    """In a range, in a list and in a window."""
    first = dt.date(1950, 1, 1)
    last = first + dt.timedelta(days=nights.MOST_NIGHTS - 1)
    assert len(parse_nights([f"{first:%Y%m%d}..{last:%Y%m%d}"], PRESENT)) == nights.MOST_NIGHTS
    with pytest.raises(UsageError):
        parse_nights([f"{first:%Y%m%d}..{last + dt.timedelta(days=1):%Y%m%d}"], PRESENT)
    assert len(window(last, nights.MOST_NIGHTS)) == nights.MOST_NIGHTS
    with pytest.raises(UsageError, match=r"^a window of 0 nights: it holds at least 1 and at most"):
        window(PRESENT, 0)


def test_an_expression_that_tells_no_night_has_exactly_its_reason() -> None:
    """Which it is, and what it needs."""
    with pytest.raises(StampError, match=r"^'\(' is no regular expression: "):
        stamp_expression("(")
    with pytest.raises(StampError) as refused:
        stamp_expression("x")
    assert str(refused.value) == "'x' needs a group (?P<night>...) or (?P<utc>...)"


def test_a_stamp_of_a_date_alone_is_its_first_instant_and_a_fraction_counts() -> None:
    """0 h UT; a minute of 61 seconds is none; a microsecond before the rollover is the night before."""
    stamp = stamp_expression(r"_(?P<utc>.*)\.fits")
    late = NightClock.from_spec("UTC", "00:30")
    assert stamp.night_of(b"x_20160907.fits", late) == PRESENT - dt.timedelta(days=1)
    assert stamp.night_of(b"x_20160907T120061.fits", UT) is None
    assert stamp.night_of(b"x_20160907T235960.fits", UT) == PRESENT
    fine = NightClock(dt.UTC, dt.time(12, 0, 0, 500_000))
    assert stamp.night_of(b"x_20160907T120000.6.fits", fine) == PRESENT
    assert stamp.night_of(b"x_20160907T120000.4.fits", fine) == PRESENT - dt.timedelta(days=1)
    assert stamp_expression(r"x(?P<night>\d*)").night_of(b"x.fits", UT) is None


# ---- comparing


class Seen:
    """Gathers what a merge tells."""

    def __init__(self) -> None:
        self.same_blocks: list[bytes] = []
        self.others: list[bytes] = []

    def same(self, block: bytes) -> None:
        """Note a block."""
        self.same_blocks.append(block)

    def pair(self, source: bytes, destination: bytes) -> None:
        """Note a pair."""
        self.others += [source, destination]

    def only_source(self, record: bytes) -> None:
        """Note a record."""
        self.others.append(record)

    def only_destination(self, record: bytes) -> None:
        """Note a record."""
        self.others.append(record)


def record(name: bytes) -> bytes:
    """Return a file's record."""
    return encode_file(name, 1, 10**9)


def chunk(*found: bytes) -> bytes:
    """Return records as they travel."""
    return NUL.join(found) + NUL


def test_after_an_equal_block_nothing_may_come_that_lies_before_its_end() -> None:
    """The last record of the block is what the next must follow, however many lie before it."""
    block = chunk(record(b"a"), record(b"c"), record(b"e"))
    for late in (b"b", b"d", b"e"):
        with pytest.raises(UnsortedListing):
            merge([block, chunk(record(late))], [block], Seen())
    seen = Seen()
    merge([block, chunk(record(b"f"))], [block], seen)
    assert (b"".join(seen.same_blocks), seen.others) == (block, [record(b"f")])


def test_what_is_out_of_order_is_named_in_part() -> None:
    """A hundred and twenty bytes of each key."""
    long = [b"b" * 300, b"a" * 300]
    with pytest.raises(UnsortedListing) as refused:
        merge([chunk(*(record(name) for name in long))], [], Seen())
    assert len(str(refused.value)) == len(f"{b'x' * 120!r} comes after {b'x' * 120!r}")


def test_links_are_taken_from_the_end_of_a_block() -> None:
    """None, all, or those after the last file."""
    files = [record(b"a"), record(b"b")]
    links = [encode_link(b"c", b"t"), encode_link(b"d", b"t")]
    assert FILE < LINK
    assert not_files(chunk(*files)) == []
    assert not_files(chunk(files[0])) == []
    assert not_files(chunk(*files, *links)) == links
    assert not_files(chunk(files[0], links[0])) == links[:1]
    assert not_files(chunk(*links)) == links
    assert not_files(chunk(links[0])) == links[:1]


# ---- planning


def test_a_folder_anywhere_on_the_way_of_a_name_is_seen() -> None:
    """Whatever lies how deep below it."""
    deep = {b"2016/0907/SHA_1.raw/x/y/SHA_9.raw": b"9"}
    world = World({ONE: b"1", TWO: b"2"}, deep)
    outcome = world.sync()
    why = "the destination has something else than a file of this name"
    assert (outcome.failed, outcome.transferred) == ((Failure(ONE, why),), 1)
    inner = World({b"2016/0907/SHA_1.raw/x": b"1"}, deep, cameras={"sha": {"files": ["x"]}}).sync()
    assert [one.reason for one in inner.failed] == [why]


@pytest.mark.parametrize("depth", [1, 2])
def test_what_lies_behind_a_link_there_has_exactly_its_reason(depth: int) -> None:
    """Directly, or further below."""
    path = b"2016/0907/sub" + b"/deeper" * (depth - 1) + b"/SHA_2.raw"
    world = World({ONE: b"1", path: b"2"}, {})
    world.destination.put_folder(b"/elsewhere")
    world.destination.put_other(THERE + b"/2016/0907/sub", "link", b"/elsewhere")
    why = "its folder on the destination is a link that leads out of the root, or no folder at all"
    assert world.sync().failed == (Failure(path, why),)


@pytest.mark.parametrize("policy", ["refuse", "copy", "follow-inside"])
def test_links_are_refused_copied_or_listed_with_their_reasons(policy: str) -> None:
    """A new one, and one that points elsewhere on the destination."""
    new, other = b"2016/0907/SHA_new.raw", b"2016/0907/SHA_other.raw"
    world = World({}, {}, symlinks=policy)
    for path in (new, other):
        world.source.put_other(HERE + b"/" + path, "link", b"/out")
    world.destination.put_other(THERE + b"/" + other, "link", b"/elsewhere")
    outcome = world.sync()
    found = {
        "failed": outcome.failed,
        "kept": outcome.kept,
        "listed": tuple(outcome.unrecognised),
        "made": tuple(path for path in world.there() if path == new),
    }
    refused = "a link; the specification refuses links"
    expected = {
        "refuse": {"failed": (Failure(new, refused), Failure(other, refused)), "kept": (), "listed": (), "made": ()},
        "copy": {
            "failed": (),
            "kept": (Failure(other, "a link of this name points elsewhere on the destination"),),
            "listed": (),
            "made": (new,),
        },
        "follow-inside": {"failed": (), "kept": (), "listed": (new, other), "made": ()},
    }
    assert found == expected[policy]


def test_two_files_of_one_place_are_both_refused_by_name() -> None:
    """And a third goes its way."""
    one, other, third = (
        Move(entry(name), target, False, "") for name, target in ((b"a", b"t"), (b"b", b"t"), (b"c", b"u"))
    )
    alone, refused = refuse_collisions([one, other, third])
    why = "another file has the same place on the destination"
    assert (alone, refused) == ([third], [Failure(b"a", why), Failure(b"b", why)])


def entry(path: bytes) -> Entry:
    """Return a listed file."""
    return Entry(path, 1, 0.0)


@pytest.mark.parametrize(("age_s", "moves"), [(299.999, 0), (300.0, 1), (301.0, 1)])
def test_settled_is_who_is_as_old_as_the_settle_time(age_s: float, moves: int) -> None:
    """The limit itself is old enough."""
    world = World({}, {})
    world.source.put(HERE + b"/" + ONE, b"1", NOW_S - age_s)
    outcome = world.sync()
    assert (outcome.planned, len(outcome.in_progress)) == (moves, 1 - moves)


def test_what_is_still_written_after_the_limit_says_since_when(tmp_path: Path) -> None:
    """The limit, in seconds."""
    world = World({}, {})
    world.source.put(HERE + b"/" + ONE, b"1", NOW_S)
    stuck = world.sync(waiting_since_s={ONE: 0.0})
    assert stuck.stuck == (Failure(ONE, "still being written after 86400 s; copied as it is"),)


def test_other_bytes_of_one_size_are_not_called_shorter() -> None:
    """They are another version, and replace."""
    world = World({ONE: b"new"}, {ONE: b"old"})
    world.source.things[HERE + b"/" + ONE].mtime_ns += 10 * 10**9
    outcome = world.sync()
    assert (outcome.replaced, outcome.kept) == ((ONE,), ())


def test_a_policy_that_keeps_says_why() -> None:
    """Longer, and kept all the same."""
    world = World({ONE: b"longer"}, {ONE: b"old"}, on_difference="keep")
    (kept,) = world.sync().kept
    assert kept.path == ONE and kept.reason
