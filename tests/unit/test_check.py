"""What a verification says of two hosts in memory: every count, and never green where it could not look."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.endpoints.contract import Hashed, Inspection, RootFacts, Survey, SurveyRequest, Trouble
from observatory.endpoints.memory import MemoryEndpoint
from observatory.ends import Expectation
from observatory.truth import State
from tests.worlds import NIGHT, NOW_S, OLD_S, copies, host, scope_of
from verifier.accepted import Acceptance
from verifier.check import LEVELS, CheckOptions, HashedPair, check
from verifier.verdict import Finding, HopVerdict, NightCount, SequenceGap

ONE, TWO, THREE = (b"2016/0907/SHA_20160907.%04d.fits" % number for number in (1, 2, 3))
HERE, THERE = b"/data/sha", b"/archive/sha"
CARD = b"%-80s"


def fits(size_bytes: int = 5760) -> bytes:
    """Return a FITS file of one block of header that promises one of data, cut to a size."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    1"]
    cards += ["NAXIS1  =                 2880", "END"]
    return ("".join(card.ljust(80) for card in cards).ljust(2880).encode() + b"\1" * 2880)[:size_bytes]


class World:
    """Two hosts in memory and the hop between them."""

    def __init__(self, here: Mapping[bytes, bytes], there: Mapping[bytes, bytes], **changes: Any) -> None:
        self.scope = scope_of(**changes)
        self.source: MemoryEndpoint = host("sha.example", HERE, here)
        self.destination: MemoryEndpoint = host("archive.example", THERE, there)

    def check(self, **options: Any) -> HopVerdict:
        """Verify, and hold the verdict to its counts."""
        verdict = check(self.scope, self.source, self.destination, CheckOptions(**options))
        assert verdict.source_files == verdict.compared + verdict.not_comparable + len(verdict.in_progress)
        assert min(verdict.compared, verdict.not_comparable) >= 0
        assert (verdict.reason is None) == (verdict.state is State.OK)
        return verdict


def same(files: Mapping[bytes, bytes], **changes: Any) -> World:
    """Return a world whose two ends hold the same."""
    return World(files, files, **changes)


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


@pytest.mark.parametrize("layout", ["%Y/%m%d", "%Y%m%d"])
def test_an_unreadable_folder_on_the_destination_makes_nothing_missing(layout: str) -> None:
    """Its files could not be compared, whatever the folder is called there; the others are judged."""
    world = World({ONE: b"1", TWO: b"2"}, {}, copies=copies({}, {"layout": layout}))
    folder = b"20160907" if layout == "%Y%m%d" else b"2016/0907"
    world.destination.put_folder(THERE + b"/" + folder)
    world.destination.unreadable.add(THERE + b"/" + folder)
    verdict = world.check()
    assert (verdict.state, verdict.missing, verdict.not_comparable) == (State.UNKNOWN, (), 2)
    assert verdict.unreadable == (Finding(folder, "destination", "Permission denied"),)
    assert verdict.per_night[NIGHT].open_files == 2


def test_an_unreadable_folder_on_the_source_is_unknown_and_no_hole() -> None:
    """What lies in it is not known to be absent: neither as a file nor as a frame number."""
    deep = b"2016/0907/late/"
    world = same({ONE: b"1", deep + THREE.rpartition(b"/")[2]: b"3"}, sequence="SHA_{night}.{number}.fits")
    assert world.check().sequence_gaps == (SequenceGap(NIGHT, "sha", (2,)),)
    world.source.put(HERE + b"/2016/0907/SHA_20160907.0005.fits", b"5", OLD_S)
    world.source.unreadable.add(HERE + b"/" + deep[:-1])
    verdict = world.check()
    assert (verdict.state, verdict.sequence_gaps) == (State.UNKNOWN, ())
    assert verdict.missing == (b"2016/0907/SHA_20160907.0005.fits",)
    assert "sha.example: 2016/0907/late could not be looked at" in str(verdict.reason)


def test_a_hole_in_a_name_found_night_is_not_told_from_what_could_not_be_read() -> None:
    """Where names tell the night, any folder may hold the frame that is not seen."""
    changes: dict[str, Any] = {"layout": None, "night_in_name": r"_(?P<night>\d{8})"}
    world = same(
        {b"SHA_20160907.1.fits": b"", b"SHA_20160907.3.fits": b"", b"in/x": b""},
        sequence="SHA_{night}.{number}.fits",
        **changes,
    )
    assert world.check().sequence_gaps == (SequenceGap(NIGHT, "sha", (2,)),)
    world.source.unreadable.add(HERE + b"/in")
    assert world.check().sequence_gaps == ()


@pytest.mark.parametrize("level", ["checksum", "structure"])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_file_that_cannot_be_read_is_not_comparable(level: str, side: str) -> None:
    """One file, counted once, makes the hop unknown; the rest stays compared."""
    world = same({ONE: fits(), TWO: fits()})
    end, root = (world.source, HERE) if side == "source" else (world.destination, THERE)
    end.unreadable.add(root + b"/" + ONE)
    verdict = world.check(level=level)
    assert (verdict.state, verdict.not_comparable, verdict.compared) == (State.UNKNOWN, 1, 1)
    assert verdict.unreadable == (Finding(ONE, side, "Permission denied"),)
    assert verdict.reason == "1 could not be read"


def test_a_file_that_is_unseen_there_and_unreadable_here_is_one_file() -> None:
    """Two reasons do not make two."""
    world = World({ONE: fits(), TWO: fits()}, {b"2016/0907/x": b""})
    world.destination.unreadable.add(THERE + b"/2016/0907")
    world.source.unreadable.add(HERE + b"/" + ONE)
    verdict = world.check(level="structure")
    assert (verdict.not_comparable, verdict.compared) == (2, 0)


@pytest.mark.parametrize("side", ["source", "destination"])
def test_an_empty_root_without_a_sign_is_unknown(side: str) -> None:
    """Its disk may not be mounted; with the marker it is ok that nothing is there."""
    world = World({}, {})
    assert (world.check().state, world.check().source_files) == (State.OK, 0)
    end, root = (world.source, HERE) if side == "source" else (world.destination, THERE)
    end.remove(root + b"/.nightferry/root")
    verdict = world.check()
    assert verdict.state is State.UNKNOWN
    assert "neither its marker" in str(verdict.reason)
    end.put_folder(root + b"/2011/0101")
    assert world.check().state is State.OK


def test_a_source_that_a_person_vouched_for_needs_no_sign() -> None:
    """But a drive that must bear its own marker still must."""
    world = World({}, {})
    world.source.remove(HERE + b"/.nightferry/root")
    assert world.check(expected=(Expectation(is_vouched=True), Expectation())).state is State.OK
    verdict = world.check(expected=(Expectation(marker="drive-1", is_vouched=True), Expectation()))
    assert "neither its marker" in str(verdict.reason)


def test_one_folder_seen_twice_is_no_second_copy() -> None:
    """The same marker at both ends is unknown, however well everything agrees; markers without an id tell nothing."""
    world = same({ONE: b"1"})
    assert world.check().markers == ("", "")
    for end, root in ((world.source, HERE), (world.destination, THERE)):
        end.put(root + b"/.nightferry/root", b"abc\n")
    verdict = world.check()
    assert verdict.state is State.UNKNOWN
    assert "one and the same folder" in str(verdict.reason)


def test_another_drive_in_a_drives_place_is_unknown() -> None:
    """It is known by the id in its marker."""
    world = same({ONE: b"1"})
    world.destination.put(THERE + b"/.nightferry/root", b"drive-2")
    assert world.check(expected=(Expectation(), Expectation(marker="drive-2"))).state is State.OK
    assert world.check(expected=(Expectation(), Expectation(marker="drive-1"))).state is State.UNKNOWN


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_host_that_is_off_is_unknown_or_away_and_never_green(side: str) -> None:
    """Away only where a person, or a drive's nature, said so of that very end."""
    world = same({ONE: b"1"})
    end = world.source if side == "source" else world.destination
    end.is_reachable = False
    verdict = world.check()
    assert (verdict.state, verdict.source_files, verdict.missing) == (State.UNKNOWN, 0, ())
    assert "not reached" in str(verdict.reason)
    off, at_work = Expectation(away="off the telescope"), Expectation()
    away = world.check(expected=(off, at_work) if side == "source" else (at_work, off))
    assert (away.state, away.reason) == (State.AWAY, "off the telescope")
    assert world.check(expected=(at_work, off) if side == "source" else (off, at_work)).state is State.UNKNOWN


def test_a_host_that_answers_is_judged_although_it_is_away() -> None:
    """Away excuses silence, not loss."""
    verdict = World({ONE: b"1"}, {}).check(expected=(Expectation(away="off the telescope"), Expectation()))
    assert verdict.state is State.DIFFERENT


class Bent:
    """An endpoint whose answers are bent by a test."""

    def __init__(self, endpoint: MemoryEndpoint) -> None:
        self._endpoint = endpoint
        self.trouble: Trouble | None = None
        self.chunks: Sequence[bytes] | None = None
        self.hashes: Any = None
        self.inspections: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    def survey(self, request: SurveyRequest) -> Survey:
        """List, bent."""
        return _BentSurvey(self._endpoint.survey(request), self.chunks, self.trouble)

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash, bent."""
        found = self._endpoint.hash(root, paths)
        return found if self.hashes is None else iter(self.hashes(list(found)))

    def inspect(self, root: bytes, paths: Sequence[bytes], sums: bool) -> Iterator[Inspection]:
        """Inspect, bent."""
        found = self._endpoint.inspect(root, paths, sums)
        return found if self.inspections is None else iter(self.inspections(list(found)))


class _BentSurvey:
    def __init__(self, survey: Survey, chunks: Sequence[bytes] | None, trouble: Trouble | None) -> None:
        self._survey, self._chunks, self._trouble = survey, chunks, trouble
        self.facts: RootFacts = survey.facts
        self.troubles: list[Trouble] = []

    def __iter__(self) -> Iterator[bytes]:
        yield from (self._survey if self._chunks is None else self._chunks)
        self.troubles = [*self._survey.troubles, *([self._trouble] if self._trouble else [])]

    def close(self) -> None:
        self._survey.close()


def bent(world: World, side: str) -> Bent:
    """Put a bent endpoint in the place of one end."""
    found = Bent(world.source if side == "source" else world.destination)
    if side == "source":
        world.source = found  # type: ignore[assignment]
    else:
        world.destination = found  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_listing_that_ended_early_is_unknown_and_nothing_is_missing_for_it(side: str) -> None:
    """What came before is still true; what came not may be there."""
    world = same({ONE: b"1", TWO: b"2"}, sequence="SHA_{night}.{number}.fits")
    end = bent(world, side)
    end.trouble, end.chunks = Trouble(b"", "the connection was lost"), []
    verdict = world.check(reverse=True)
    assert (verdict.state, verdict.missing, verdict.extra) == (State.UNKNOWN, (), ())
    assert "the connection was lost" in str(verdict.reason)
    assert verdict.unreadable == ()


@pytest.mark.parametrize("chunks", [[b"fb//1/0\0fa//1/0\0"], [b"fa//1/0"], [b"nonsense\0"], [b"f" + ONE + b"//x\0"]])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_listing_that_makes_no_sense_is_unknown(side: str, chunks: list[bytes]) -> None:
    """Whatever else was concluded from it."""
    world = same({ONE: b"1"})
    bent(world, side).chunks = chunks
    assert world.check(reverse=True).state is State.UNKNOWN


def test_an_empty_chunk_in_a_listing_hides_nothing() -> None:
    """The files behind it are seen."""
    world = World({ONE: b"1", TWO: b"2"}, {ONE: b"1"})
    chunks = list(world.source.survey(world.scope.source.request))
    bent(world, "source").chunks = [b"", *chunks]
    assert world.check().missing == (TWO,)


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize(
    "bend",
    [
        lambda found: found[:-1],
        lambda found: found[::-1],
        lambda found: [*found, found[0]],
        lambda found: [replace(one, sha256="") for one in found],
        lambda found: [replace(one, sha256=None) for one in found],
    ],
    ids=["too few", "out of order", "too many", "empty", "none"],
)
def test_hashes_that_are_no_answer_are_unknown(side: str, bend: Any) -> None:
    """Nothing is compared by a hash that is not there."""
    world = World({ONE: b"1", TWO: b"2"}, {ONE: b"1", TWO: b"2"})
    bent(world, side).hashes = bend
    assert world.check(level="checksum").state is State.UNKNOWN


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_file_that_nobody_judged_is_not_whole(side: str) -> None:
    """Fewer answers than questions leave files unreadable."""
    world = same({ONE: fits(), TWO: fits()})
    bent(world, side).inspections = lambda found: found[:1]
    verdict = world.check(level="structure")
    assert (verdict.state, [finding.path for finding in verdict.unreadable]) == (State.UNKNOWN, [TWO])


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
