"""What a slightly wrong verifier would have passed: each of these was let through by the tests before."""

from __future__ import annotations

import datetime as dt

import pytest

from observatory.truth import State
from tests.unit.verifier.world import HERE, ONE, THERE, THREE, TWO, World, fits, same
from tests.worlds import NIGHT, NOW_S, OLD_S, copies
from verifier.accepted import Acceptance
from verifier.looked import CLOCK_DOUBT_S
from verifier.options import HashedPair
from verifier.verdict import NightCount

NEXT = NIGHT + dt.timedelta(days=1)
LATER = b"2016/0908/SHA_20160908.%04d.fits"


@pytest.mark.parametrize(("level", "damaged"), [("checksum", ()), ("structure", (ONE,))])
def test_files_of_one_size_and_two_times_are_opened(level: str, damaged: tuple[bytes, ...]) -> None:
    """Where only the times differ nothing has been said about the content yet."""
    world = World({ONE: fits()}, {})
    world.destination.put(THERE + b"/" + ONE, b"x" * 5760, OLD_S + 60)
    verdict = world.check(level=level)
    assert verdict.state is State.DIFFERENT
    assert verdict.checksum_differs == ((ONE,) if level == "checksum" else ())
    assert tuple(finding.path for finding in verdict.damaged) == damaged


def test_checksum_cards_are_part_of_what_makes_a_file_whole() -> None:
    """Every byte of the data is read at that level; a length alone is not enough."""
    bad = fits().replace(b"END".ljust(80), b"DATASUM = '1'".ljust(80) + b"END".ljust(80))
    bad = bad.replace(b" " * 80, b"", 1)
    assert len(bad) == len(fits())
    assert [finding.path for finding in same({ONE: bad, TWO: fits()}).check(level="structure").damaged] == [ONE, ONE]


def test_what_was_hashed_is_told_of_each_side_by_itself() -> None:
    """Evidence of the source is never what was read on the destination."""
    told: list[HashedPair] = []
    World({ONE: b"1"}, {ONE: b"2"}).check(level="checksum", on_hashed=told.append)
    assert told[0].source[0].sha256 != told[0].destination[0].sha256


def test_a_recent_whole_file_is_missing_and_an_empty_one_too() -> None:
    """Only what its own header promises to be longer is waited for: an empty file promises nothing."""
    world = World({}, {})
    for path, data in ((ONE, fits()), (TWO, fits(4000)), (THREE, b"")):
        world.source.put(HERE + b"/" + path, data, NOW_S - 1000)
    verdict = world.check()
    assert (verdict.missing, verdict.in_progress) == ((ONE, THREE), (TWO,))
    world.scope = world.scope.names_only()
    verdict = world.check(level="existence")
    assert (verdict.missing, verdict.in_progress) == ((ONE, THREE), (TWO,))


def test_a_file_that_grows_is_in_progress_and_in_no_other_list() -> None:
    """What is there of it is what was copied too early."""
    world = World({}, {ONE: fits(3000)})
    world.source.put(HERE + b"/" + ONE, fits(4000), NOW_S - 1000)
    verdict = world.check()
    assert (verdict.state, verdict.size_differs, verdict.in_progress) == (State.OK, (), (ONE,))
    assert (verdict.source_files, verdict.compared) == (1, 0)


@pytest.mark.parametrize("level", ["checksum", "structure"])
def test_an_unreadable_file_there_bears_the_name_that_it_has_here(level: str) -> None:
    """One file, by the source's name, where layouts differ."""
    there = b"20160907/" + ONE.rpartition(b"/")[2]
    world = World({ONE: fits()}, {there: fits()}, copies=copies({}, {"layout": "%Y%m%d"}))
    world.destination.unreadable.add(THERE + b"/" + there)
    verdict = world.check(level=level)
    assert [(finding.path, finding.on) for finding in verdict.unreadable] == [(ONE, "destination")]
    assert (verdict.not_comparable, verdict.per_night[NIGHT].open_files) == (1, 1)


@pytest.mark.parametrize(("ahead_s", "words"), [(CLOCK_DOUBT_S + 60, "ahead of"), (-CLOCK_DOUBT_S - 60, "behind")])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_an_end_that_lives_on_another_day_is_unknown_unless_the_nights_were_named(
    side: str, ahead_s: float, words: str
) -> None:
    """Which nights are the last cannot be told; which night somebody named can."""
    world = same({ONE: b"1"})
    (world.source if side == "source" else world.destination).clock_offset_s = ahead_s
    verdict = world.check()
    assert verdict.state is State.UNKNOWN
    assert f"its clock is 12 h {words} this machine's" in str(verdict.reason)
    assert world.check(nights_by_clock=False).state is State.OK


@pytest.mark.parametrize("closed", [b"2016/0907", b"2016/0907/deep"])
def test_what_cannot_be_read_blurs_its_own_night_alone(closed: bytes) -> None:
    """A hole in the next night is a hole all the same."""
    files = {ONE: b"1", THREE: b"3", LATER % 1: b"1", LATER % 3: b"3", b"2016/0907/deep/x": b""}
    world = same(files, nights=(NIGHT, NEXT), sequence="SHA_{night}.{number}.fits")
    assert [gap.night for gap in world.check().sequence_gaps] == [NIGHT, NEXT]
    world.source.unreadable.add(HERE + b"/" + closed)
    verdict = world.check()
    assert [gap.night for gap in verdict.sequence_gaps] == [NEXT]
    assert verdict.per_night[NIGHT].open_files >= 1
    assert verdict.per_night[NEXT] == NightCount(2, 2, 1, 0)


def test_what_was_accepted_is_counted_by_its_night() -> None:
    """Files and frame numbers; a night in which nothing was accepted has none."""
    files = {ONE: b"1", THREE: b"3", LATER % 1: b"1"}
    world = World(files, {THREE: b"3"}, nights=(NIGHT, NEXT), sequence="SHA_{night}.{number}.fits")
    known = Acceptance(NIGHT, "lost", frames=frozenset({2}), files=frozenset({ONE}))
    verdict = world.check(accepted=[known])
    assert verdict.per_night == {NIGHT: NightCount(2, 1, 0, 2), NEXT: NightCount(1, 0, 1, 0)}


def test_every_closed_folder_hides_what_lies_in_it() -> None:
    """One of them is enough."""
    world = World({ONE: b"1", b"2016/0907/a/SHA_2.fits": b"", b"2016/0907/b/SHA_3.fits": b""}, {})
    for name in (b"a", b"b"):
        world.destination.put_folder(THERE + b"/2016/0907/" + name)
        world.destination.unreadable.add(THERE + b"/2016/0907/" + name)
    verdict = world.check()
    assert (verdict.missing, verdict.not_comparable) == ((ONE,), 2)


def test_progress_counts_files_that_were_inspected() -> None:
    """On each side, up to all of them."""
    told: list[int] = []
    same({ONE: fits(), TWO: fits()}).check(level="structure", progress=told.append)
    assert told == [2, 2]


def test_what_the_destination_lacks_is_told_though_it_is_accepted_and_what_it_may_hold_is_not() -> None:
    """Who remembers what each copy holds must forget what a person gave up; of a closed folder nothing is known."""
    told: list[list[bytes]] = []
    closed = b"2016/0907/in/SHA_9.fits"
    world = World({ONE: b"1", TWO: b"2", THREE: b"3", closed: b"9"}, {TWO: b"2", closed: b"9"})
    world.destination.unreadable.add(THERE + b"/2016/0907/in")
    known = Acceptance(NIGHT, "lost", files=frozenset({ONE}))
    verdict = world.check(accepted=[known], on_missing=lambda paths: told.append(sorted(paths)))
    assert (verdict.missing, told) == ((THREE,), [[ONE, THREE]])
