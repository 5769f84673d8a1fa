"""More that a mutation run (docs/mutation.md) changed and no test told apart: safe paths, patterns, settled files."""

from __future__ import annotations

import zoneinfo

import pytest

from observatory import names
from observatory.endpoints.contract import Trouble
from observatory.nights import NightClock
from observatory.records import Entry
from syncer.candidates import Candidates, Policy
from syncer.outcome import Failure
from syncer.plan import Move, Plan, without_poisoned
from tests.unit.test_sync import HERE, THERE, World
from tests.worlds import NOW_S, scope_of

LONGEST = b"x" * names.LONGEST_PART_BYTES
DEEP = (b"x" * 200 + b"/") * 40


@pytest.mark.parametrize(
    "path",
    [
        b"a/b",
        b"a/x",
        b"a/.",
        b"a/..",
        b"a/",
        b"a/" + LONGEST,
        b"a/" + LONGEST + b"x",
        b"a/b\0",
        b"../b",
        b".nightferry/b",
        b"plain",
        b"",
        (DEEP[: names.LONGEST_PATH_BYTES - 2] + b"/y")[-names.LONGEST_PATH_BYTES :],
        DEEP[: names.LONGEST_PATH_BYTES] + b"y",
    ],
)
def test_a_path_among_many_is_judged_as_alone(path: bytes) -> None:
    """Whatever folder was judged before, the first time and the second."""
    judge = names.SafePaths()
    assert judge(b"a/ok") is None
    assert [judge(path), judge(path)] == [names.is_safe(path)] * 2


def test_the_folder_of_many_paths_is_judged_once() -> None:
    """A hundred thousand names of one folder cost one look at it."""
    judge = names.SafePaths()
    assert [judge(b"a/%d" % number) for number in range(3)] == [None] * 3
    assert judge._folders == {b"a": True}
    assert judge(b"../1") and judge(b"../2")
    assert judge._folders == {b"a": True, b"..": False}


@pytest.mark.parametrize(
    ("patterns", "name", "is_taken"),
    [
        ([b"[ab]"], b"a", True),
        ([b"[ab]"], b"b", True),
        ([b"[ab]"], b"X", False),
        ([b"[z-a]"], b"X", False),
        ([b"[z-ab]"], b"b", True),
        ([b"[z-ab]"], b"X", False),
        ([b"[[:nope:]b]"], b"b", True),
        ([b"[[:nope:]b]"], b"X", False),
        ([b"[!ab]"], b"X", True),
        ([b"a", b"b"], b"a", True),
        ([b"a", b"b"], b"b", True),
        ([b"a", b"b"], b"ab", False),
        ([b"a\\"], b"a\\", False),
        ([b"a\\\\"], b"a\\", True),
        ([b"aa\\\\\\"], b"aa\\", False),
        ([], b"", False),
        ([b"*/b"], b"a/b", True),
        ([b"b"], b"a/b", True),
    ],
)
def test_a_pattern_takes_what_it_says_and_no_more(patterns: list[bytes], name: bytes, is_taken: bool) -> None:
    """Sets, ranges that run backwards, kinds that are none, several patterns, a backslash at the end."""
    assert (names.matcher(patterns)(name) == "taken") is is_taken


@pytest.mark.parametrize(
    ("settled", "is_young"),
    [
        ({}, True),
        ({b"n/a": (10, NOW_S)}, False),
        ({b"n/a": (10, NOW_S + 0.009)}, False),
        ({b"n/a": (10, NOW_S + 0.02)}, True),
        ({b"n/a": (11, NOW_S)}, True),
        ({b"n/b": (10, NOW_S)}, True),
    ],
)
def test_who_was_seen_settled_is_not_young_while_size_and_time_stay(
    settled: dict[bytes, tuple[int, float]], is_young: bool
) -> None:
    """Both, and of this very file."""
    candidates = Candidates(scope_of(), Policy(300.0, 86400.0, settled=settled), NOW_S)
    assert candidates.is_young(Entry(b"n/a", 10, NOW_S)) is is_young


def test_a_link_that_cannot_have_its_place_is_refused_by_name() -> None:
    """Its folder is a link on the destination."""
    path = b"2016/0907/sub/SHA_l.raw"
    world = World({}, {}, symlinks="copy")
    world.source.put_other(HERE + b"/" + path, "link", b"/out")
    world.destination.put_folder(b"/elsewhere")
    world.destination.put_other(THERE + b"/2016/0907/sub", "link", b"/elsewhere")
    (failed,) = world.sync().failed
    assert (failed.path, "leads out of the root" in failed.reason) == (path, True)


def test_a_clock_of_ut_folders_keeps_its_zone() -> None:
    """For what is said in local time."""
    assert NightClock.from_spec("Africa/Johannesburg", "utc").zone == zoneinfo.ZoneInfo("Africa/Johannesburg")


def test_links_and_stuck_files_of_folders_that_could_not_be_read_are_left_alone_too() -> None:
    """By the place that they have there; what lies elsewhere is carried."""
    one, two = b"2016/0907/SHA_1.fits", b"2016/0907/SHA_2.fits"
    moves = tuple(Move(Entry(path, 2880, NOW_S - 10**6), path, False, "new") for path in (one, two))
    stuck = tuple(Failure(path, "short") for path in (one, two))
    both = Plan(moves, ((one, b"x"), (b"y", one)), (), (), (), (), stuck, (), {})
    left = without_poisoned(both, [Trouble(b"there/" + one, "Input/output error")], lambda path: b"there/" + path)
    assert (left.moves, left.links, left.stuck) == (moves[1:], ((b"y", one),), stuck[1:])
