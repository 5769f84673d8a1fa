"""Files that were freed on the source: what the destination still owes, and what nobody could look at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from observatory.truth import State
from tests.unit.verifier.world import HERE, ONE, THERE, THREE, TWO, World, fits
from tests.worlds import NIGHT, NOW_S, copies
from verifier.freed import Freed
from verifier.verdict import HopVerdict


def kept(files: Mapping[bytes, bytes]) -> dict[bytes, Freed]:
    """Return what is known of files that were freed."""
    return {path: Freed(len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()}


def check(world: World, files: Mapping[bytes, bytes], level: str = "size") -> HopVerdict:
    """Verify where some files were freed on the source while the destination held them."""
    return world.check(level=level, freed=frozenset(files), kept=kept(files))


@pytest.mark.parametrize("level", ["existence", "size", "checksum", "structure"])
def test_a_copy_of_what_was_freed_that_is_lost_is_missing(level: str) -> None:
    """Nobody else may hold it any more; the one that is there is not missing, and its night stays open."""
    world = World({THREE: fits()}, {THREE: fits(), TWO: fits()})
    verdict = check(world, {ONE: fits(), TWO: fits()}, level)
    assert (verdict.state, verdict.missing) == (State.DIFFERENT, (ONE,))
    assert verdict.per_night[NIGHT].open_files == 1


def test_what_was_freed_and_is_on_the_source_again_is_no_loss() -> None:
    """Alike, cut there, or young: each stands in its own list, once."""
    world = World({ONE: b"1", TWO: b"22"}, {ONE: b"1", TWO: b"2"})
    world.source.put(HERE + b"/" + THREE, b"3", NOW_S - 10)
    verdict = check(world, {ONE: b"1", TWO: b"22", THREE: b"3"})
    assert (verdict.missing, verdict.size_differs, verdict.in_progress) == ((), (TWO,), (THREE,))


def test_a_copy_of_what_was_freed_is_held_against_what_it_was() -> None:
    """By size wherever sizes are compared, by content where contents are; names alone tell neither."""
    world = World({THREE: b"3"}, {THREE: b"3", ONE: b"o", TWO: b"twX"})
    files = {ONE: b"one", TWO: b"two"}
    assert check(world, files).size_differs == (ONE,)
    verdict = check(world, files, "checksum")
    assert (verdict.size_differs, verdict.checksum_differs) == ((ONE,), (TWO,))
    assert verdict.per_night[NIGHT].open_files == 2
    world.scope = world.scope.names_only()
    assert check(world, files, "existence").state is State.OK


def test_a_copy_of_what_was_freed_that_cannot_be_read_is_unknown() -> None:
    """It keeps its night open."""
    world = World({THREE: b"3"}, {THREE: b"3", ONE: b"one"})
    world.destination.unreadable.add(THERE + b"/" + ONE)
    verdict = check(world, {ONE: b"one"}, "checksum")
    assert (verdict.state, [finding.path for finding in verdict.unreadable]) == (State.UNKNOWN, [ONE])
    assert (verdict.checksum_differs, verdict.per_night[NIGHT].open_files) == ((), 1)


@pytest.mark.parametrize("left", [{}, {THREE: b"3"}])
def test_what_was_freed_and_lies_in_a_closed_folder_there_is_not_lost_and_not_counted_here(
    left: Mapping[bytes, bytes],
) -> None:
    """It is no file of the source any more: the counts are those of what is there."""
    world = World(left, {**left, ONE: b"1"}, copies=copies({}, {"layout": "%Y%m%d"}))
    for folder in (b"2016/0907", b"20160907"):
        world.source.put_folder(HERE + b"/" + folder)
        world.destination.put_folder(THERE + b"/" + folder)
    world.destination.unreadable.add(THERE + b"/20160907")
    verdict = check(world, {ONE: b"1", TWO: b"2"})
    assert (verdict.state, verdict.missing) == (State.UNKNOWN, ())
    assert (verdict.source_files, verdict.not_comparable) == (len(left), len(left))
    assert verdict.per_night[NIGHT].open_files == 2 + len(left)
