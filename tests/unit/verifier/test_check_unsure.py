"""A verification that cannot look: closed folders, unproven roots, hosts that are off, answers without sense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from observatory.endpoints.contract import Hashed, Inspection, RootFacts, Survey, SurveyRequest, Trouble
from observatory.endpoints.memory import MemoryEndpoint
from observatory.ends import Expectation
from observatory.truth import State
from tests.unit.verifier.world import HERE, ONE, THERE, THREE, TWO, World, fits, same
from tests.worlds import NIGHT, OLD_S, copies
from verifier.verdict import Finding, SequenceGap


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
    assert verdict.reason == f"1 could not be read ({ONE.decode()}: Permission denied)"


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


def test_a_new_empty_destination_is_begun_by_sync() -> None:
    """As doctor and sync have it; where the root is known its disk is looked for, also where the root is gone."""
    world = World({ONE: b"1"}, {})
    world.destination.remove(THERE + b"/.nightferry/root")
    reason = str(world.check().reason)
    assert "`nightferry sync --new-root archive:/archive/sha`" in reason and "touch" not in reason
    known = Expectation(last_seen="2016-09-06")
    for _ in ("empty", "gone"):
        reason = str(world.check(expected=(Expectation(), known)).reason)
        assert "It bore its marker on 2016-09-06: look on that host whether its disk is mounted" in reason
        assert "--new-root" not in reason
        world.destination.things.clear()
    assert "does not exist" in reason


def test_a_source_that_held_files_and_is_gone_is_looked_for() -> None:
    """Empty or absent: its disk first, no marker."""
    world = World({}, {ONE: b"1"})
    world.source.remove(HERE + b"/.nightferry/root")
    for _ in ("empty", "gone"):
        reason = str(world.check(expected=(Expectation(held_files=True), Expectation())).reason)
        assert "Earlier runs saw files below it" in reason and "touch" not in reason
        world.source.things.clear()
    assert "does not exist" in reason


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
        self.folders = survey.folders

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
