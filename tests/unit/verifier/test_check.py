"""What a verification says of two hosts in memory: every count, and never green where it could not look."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.truth import State
from tests.unit.verifier.world import HERE, ONE, THERE, THREE, TWO, World, fits, same
from tests.worlds import NIGHT, NOW_S, OLD_S, copies
from verifier.accepted import Acceptance
from verifier.options import LEVELS, HashedPair
from verifier.verdict import NightCount, SequenceGap


@pytest.mark.parametrize("level", LEVELS)
def test_two_ends_that_hold_the_same_are_ok(level: str) -> None:
    """At every level, with the number compared."""
    verdict = same({ONE: fits(), TWO: fits()}).check(level=level)
    assert (verdict.state, verdict.compared, verdict.destination_files) == (State.OK, 2, 2)
    assert verdict.per_night == {NIGHT: NightCount(2, 2, 0)}
    assert (verdict.source_root, verdict.destination_root) == ("/data/sha/", "/archive/sha/")


def test_what_the_destination_lacks_is_missing() -> None:
    """And counts as compared: its question was answered."""
    verdict = World({ONE: b"1", TWO: b"2"}, {ONE: b"1"}).check()
    assert (verdict.state, verdict.missing, verdict.compared) == (State.DIFFERENT, (TWO,), 2)
    assert verdict.per_night[NIGHT].open_files == 1
    assert verdict.reason == "1 missing"


def test_levels_include_those_before() -> None:
    """Existence sees no size, size no content, checksum both; what differs in size is not listed again."""
    world = World({ONE: b"long", TWO: b"aa"}, {ONE: b"l", TWO: b"bb"})
    assert world.check(level="existence").state is State.OK
    assert world.check(level="size").size_differs == (ONE,)
    deep = world.check(level="checksum")
    assert (deep.size_differs, deep.checksum_differs, deep.compared) == ((ONE,), (TWO,), 2)
    assert deep.per_night[NIGHT].open_files == 2


def test_damage_is_found_on_either_side_and_keeps_the_night_open() -> None:
    """A file cut short on every copy is no proven file; nothing turns green by growing old."""
    world = World({ONE: fits(4000), TWO: fits(), THREE: fits(4000)}, {ONE: fits(4000), TWO: b"x" * 5760})
    verdict = world.check(level="structure")
    assert {(finding.path, finding.on) for finding in verdict.damaged} == {
        (ONE, "source"),
        (ONE, "destination"),
        (TWO, "destination"),
        (THREE, "source"),
    }
    assert verdict.missing == (THREE,)
    assert verdict.per_night[NIGHT].open_files == 3


def test_a_file_of_another_size_is_opened_on_both_sides() -> None:
    """Which of the two is the whole one is what a person needs to know next."""
    verdict = World({ONE: fits(), TWO: fits()}, {ONE: fits(4000), TWO: b"x" * 99}).check(level="structure")
    assert verdict.size_differs == (ONE, TWO)
    assert [(finding.path, finding.on) for finding in verdict.damaged] == [(ONE, "destination"), (TWO, "destination")]


def test_paths_of_damage_and_of_differing_content_are_the_sources_where_layouts_differ() -> None:
    """Whatever the file is called at the other end."""
    changes = {"copies": copies({}, {"layout": "%Y%m%d"})}
    there = b"20160907/" + ONE.rpartition(b"/")[2]
    assert World({ONE: b"a"}, {there: b"b"}, **changes).check(level="checksum").checksum_differs == (ONE,)
    damaged = World({ONE: fits()}, {there: b"x" * 5760}, **changes).check(level="structure").damaged
    assert [(finding.path, finding.on) for finding in damaged] == [(ONE, "destination")]


def test_reverse_lists_what_only_the_destination_has() -> None:
    """And only where asked; below a source folder that cannot be read nothing is said."""
    world = World({ONE: b"1"}, {ONE: b"1", TWO: b"2"})
    assert (world.check().state, world.check().extra) == (State.OK, ())
    assert (world.check(reverse=True).state, world.check(reverse=True).extra) == (State.DIFFERENT, (TWO,))
    world.source.unreadable.add(HERE + b"/2016/0907")
    assert world.check(reverse=True).extra == ()


def test_a_young_file_is_in_progress_and_not_missing() -> None:
    """By the source's own clock; one stamped far in the future is not young."""
    world = World({}, {})
    world.source.clock_offset_s = 7200.0
    world.source.put(HERE + b"/" + ONE, b"1", NOW_S + 7200 - 10)
    world.source.put(HERE + b"/" + TWO, b"2", NOW_S + 10**8)
    verdict = world.check()
    assert (verdict.in_progress, verdict.missing) == ((ONE,), (TWO,))
    assert verdict.per_night[NIGHT].open_files == 2


def test_where_names_are_enough_only_what_is_missing_is_looked_at() -> None:
    """Level existence over a listing of names: other sizes are no matter, a young file is no loss."""
    world = World({ONE: b"1"}, {ONE: b"22"})
    world.scope = world.scope.names_only()
    assert world.check(level="existence").state is State.OK
    world.source.put(HERE + b"/" + TWO, b"2", NOW_S - 10)
    world.source.put(HERE + b"/2016/0907/SHA_20160907.0003.fits", b"3", OLD_S)
    verdict = world.check(level="existence")
    assert (verdict.in_progress, verdict.missing) == ((TWO,), (b"2016/0907/SHA_20160907.0003.fits",))
    assert (verdict.source_files, verdict.compared) == (3, 2)


def test_a_young_file_that_grew_is_in_progress() -> None:
    """The shorter one there is what was there when it was looked at last."""
    world = World({}, {ONE: b"1"})
    world.source.put(HERE + b"/" + ONE, b"11", NOW_S - 10)
    assert world.check().in_progress == (ONE,)


def test_a_file_that_never_settles_waits_no_more_after_the_limit() -> None:
    """Something touches it again and again, or its header promises what never comes: it is missing, or differs."""
    world = World({}, {TWO: b"1"})
    world.source.put(HERE + b"/" + ONE, fits(4000), NOW_S - 10)
    world.source.put(HERE + b"/" + TWO, b"22", NOW_S - 10)
    verdict = world.check(overdue=frozenset({ONE, TWO}))
    assert (verdict.state, verdict.in_progress) == (State.DIFFERENT, ())
    assert (verdict.missing, verdict.size_differs) == ((ONE,), (TWO,))


@pytest.mark.parametrize("level", ["size", "structure"])
def test_a_file_whose_header_promises_more_is_in_progress_up_to_the_limit(level: str) -> None:
    """It is not damaged while it grows; after the limit it is missing."""
    world = World({}, {})
    world.source.put(HERE + b"/" + ONE, fits(4000), NOW_S - 1000)
    world.source.put(HERE + b"/" + TWO, fits(4000), OLD_S)
    verdict = world.check(level=level)
    assert (verdict.in_progress, verdict.missing) == ((ONE,), (TWO,))
    assert [finding.path for finding in verdict.damaged] == ([TWO] if level == "structure" else [])


def test_progress_counts_files_read() -> None:
    """Up to all of them."""
    told: list[int] = []
    same({ONE: b"1", TWO: b"2"}).check(level="checksum", progress=told.append)
    assert told == [2]


def test_what_a_person_accepted_is_folded_and_no_longer_open() -> None:
    """Counted by its reason, in no list, and proven as far as the rest is."""
    world = World({ONE: b"1", TWO: b"22", THREE: b"3"}, {TWO: b"2", THREE: b"3"})
    accepted = [
        Acceptance(NIGHT, "lost", files=frozenset({ONE})),
        Acceptance(NIGHT, "cut", files=frozenset({TWO[10:]})),
    ]
    verdict = world.check(accepted=accepted)
    assert (verdict.state, verdict.missing, verdict.size_differs) == (State.OK, (), ())
    assert verdict.accepted == {"lost": 1, "cut": 1}
    assert verdict.per_night[NIGHT].open_files == 0
    assert verdict.compared == 3


def test_a_gap_fails_unless_it_only_warns_or_is_accepted_and_keeps_its_night_open() -> None:
    """The lost frame is open until somebody says why."""
    files = {ONE: b"1", THREE: b"3"}
    pattern = "SHA_{night}.{number}.fits"
    failing = same(files, sequence=pattern).check()
    assert (failing.state, failing.per_night[NIGHT].open_files) == (State.DIFFERENT, 1)
    assert failing.reason == "1 frame numbers absent"
    warning = same(files, sequence={"pattern": pattern, "gaps": "warn"}).check()
    assert (warning.state, warning.per_night[NIGHT].open_files) == (State.OK, 0)
    assert warning.sequence_gaps == (SequenceGap(NIGHT, "sha", (2,)),)
    known = same(files, sequence=pattern).check(accepted=[Acceptance(NIGHT, "test", frames=frozenset({2}))])
    assert (known.state, known.per_night[NIGHT].open_files, known.accepted) == (State.OK, 0, {"test": 1})


def test_a_missing_file_of_a_sequence_is_no_hole() -> None:
    """It is on the source; in progress it is too, and a tree without nights has no sequence."""
    cameras = {"sha": {"files": ["SHA_*.fits"]}, "calib": {"files": ["SHA_*.fits"], "nights": "none"}}
    tree = {b"calib/SHA_1.fits": b"", b"calib/SHA_9.fits": b""}
    world = World({ONE: b"1", TWO: b"2", **tree}, {ONE: b"1", **tree}, cameras=cameras, sequence="SHA_{number}.fits")
    assert world.check().sequence_gaps == ()
    world = World({ONE: b"1", TWO: b"2"}, {ONE: b"1"}, sequence="SHA_{night}.{number}.fits")
    world.source.put(HERE + b"/" + THREE, b"3", NOW_S)
    assert (world.check().sequence_gaps, world.check().missing) == ((), (TWO,))


def test_what_is_neither_taken_nor_excluded_is_listed() -> None:
    """Files of no pattern, links that lead out, and what is no file; from the source alone, agreeing or not."""
    world = same({b"2016/0907/notes": b"n"})
    for end, root in ((world.source, HERE), (world.destination, THERE)):
        end.put_other(root + b"/2016/0907/pipe")
    world.source.put_other(HERE + b"/2016/0907/out", "link", b"/etc/passwd")
    world.destination.put(THERE + b"/2016/0907/mine", b"")
    world.source.put(HERE + b"/2016/0907/late", b"", NOW_S)
    world.destination.put(THERE + b"/2016/0907/late", b"9", NOW_S)
    verdict = world.check()
    assert verdict.unrecognised == tuple(b"2016/0907/" + name for name in (b"late", b"notes", b"out", b"pipe"))
    assert (verdict.state, verdict.source_files) == (State.OK, 0)


def test_links_that_are_carried_as_links_are_compared_as_files() -> None:
    """A link that the destination lacks is missing; one that points elsewhere has other content."""
    world = World({}, {}, symlinks="copy")
    for name, here, there in ((b"a", b"x", b"x"), (b"b", b"x", b"y"), (b"c", b"x", None), (b"d", None, b"x")):
        if here is not None:
            world.source.put_other(HERE + b"/2016/0907/" + name, "link", here)
        if there is not None:
            world.destination.put_other(THERE + b"/2016/0907/" + name, "link", there)
    verdict = world.check(reverse=True)
    assert (verdict.source_files, verdict.compared, verdict.destination_files) == (3, 3, 3)
    assert (verdict.missing, verdict.checksum_differs) == ((b"2016/0907/c",), (b"2016/0907/b",))
    assert verdict.extra == (b"2016/0907/d",)
    assert (verdict.unrecognised, verdict.per_night[NIGHT].open_files) == ((), 2)
    assert world.check(level="existence").checksum_differs == ()
    assert world.check(level="structure").damaged == ()


def test_a_camera_that_is_not_there_does_not_travel_with_others() -> None:
    """Only the hop's own cameras are asked for, and the files of the others are no strangers."""
    cameras = {"red": {"files": ["*r.fits"]}, "blue": {"files": ["*b.fits"]}}
    world = World(
        {b"2016/0907/1r.fits": b"", b"2016/0907/1b.fits": b""},
        {b"2016/0907/1r.fits": b""},
        cameras=cameras,
        copies=copies({}, {"cameras": "red"}),
    )
    verdict = world.check()
    assert (verdict.state, verdict.source_files, verdict.unrecognised) == (State.OK, 1, ())


NAMES = st.sampled_from([b"a.fits", b"b.fits", b"\xff.fits", b"\n.fits", b"deep/a.fits", b"x.txt"])
PARTS = st.sampled_from([b"2016/0907/", b"2016/0908/", b"2016/0907/closed/"])
TREES = st.dictionaries(st.builds(bytes.__add__, PARTS, NAMES), st.binary(max_size=2), max_size=8)


@settings(max_examples=150)
@given(TREES, TREES, st.sampled_from(LEVELS), st.booleans(), st.sets(st.sampled_from([HERE, THERE])), st.data())
def test_a_verdict_is_green_only_where_a_naive_look_finds_everything(
    here: dict[bytes, bytes],
    there: dict[bytes, bytes],
    level: str,
    renamed: bool,
    closed: set[bytes],
    data: st.DataObject,
) -> None:
    """On random trees, with folders closed on either side, at every level: no file that is not there is ever ok."""
    changes: dict[str, Any] = {"cameras": {"sha": {"files": ["*.fits"]}}}
    if renamed:
        changes["copies"] = copies({}, {"layout": "%Y%m%d"})
    world = World(here, {}, **changes)
    for path, content in (there | data.draw(st.sampled_from([{}, here]))).items():
        world.destination.put(THERE + b"/" + world.scope.target_of(path), content, OLD_S)
    for root in closed:
        folder = b"2016/0907/closed" if root == HERE else world.scope.target_of(b"2016/0907/closed/a.fits")[:-7]
        end = world.source if root == HERE else world.destination
        if root + b"/" + folder in end.things:
            end.unreadable.add(root + b"/" + folder)
    verdict = world.check(level=level)
    wanted = {path for path in here if path.startswith(b"2016/0907/") and path.endswith(b".fits")}
    for path in wanted:
        place = THERE + b"/" + world.scope.target_of(path)
        copy = world.destination.things.get(place)
        is_there = copy is not None and (
            level == "existence"
            or (
                len(copy.data) == len(here[path])
                and (level != "checksum" or hashlib.sha256(copy.data).digest() == hashlib.sha256(here[path]).digest())
            )
        )
        if not is_there:
            assert verdict.state is not State.OK
        if copy is not None:
            assert path not in verdict.missing
    if verdict.state is State.OK:
        assert verdict.compared == verdict.source_files == len(wanted)


def test_what_was_hashed_is_told_as_it_was_read_on_each_side() -> None:
    """Who remembers evidence gets it from here; the verifier itself remembers nothing."""
    world = same({ONE: fits(), TWO: fits(2880)})
    told: list[HashedPair] = []
    world.check(level="checksum", on_hashed=told.append)
    (pair,) = told
    assert [hashed.path for hashed in pair.source] == [ONE, TWO]
    assert [hashed.sha256 for hashed in pair.destination] == [hashlib.sha256(fits(n)).hexdigest() for n in (5760, 2880)]
    assert [facts.marker for facts in pair.roots] == ["", ""]


def test_what_was_freed_on_the_source_is_neither_extra_nor_a_hole() -> None:
    """Files that were freed with proof lie on the destination alone, as they should; any other one is still extra."""
    sequence = {"pattern": "SHA_{night}.{number}.fits", "start": 1}
    world = World({THREE: fits()}, {ONE: fits(), TWO: fits(), THREE: fits()}, sequence=sequence)
    assert world.check(reverse=True).extra == (ONE, TWO)
    freed = world.check(reverse=True, freed=frozenset({ONE, TWO}))
    assert (freed.extra, freed.sequence_gaps, freed.state) == ((), (), State.OK)
    assert world.check(reverse=True, freed=frozenset({ONE})).extra == (TWO,)
