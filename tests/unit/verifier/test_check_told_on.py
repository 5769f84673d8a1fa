"""What a verification is told, and what it finds beside files, reaches the verdict: mutants that lived said so."""

from __future__ import annotations

import pytest

from observatory.truth import State
from tests.unit.verifier.world import HERE, ONE, THERE, THREE, TWO, World, same
from tests.worlds import NIGHT, OLD_S
from verifier.verdict import Finding, NightCount


def test_files_of_which_none_bears_a_number_are_told_where_numbers_are_declared() -> None:
    """Without a sequence nothing is promised, and nothing told."""
    assert same({ONE: b"1"}, sequence="SHA_{night}.{number}.fits").check().is_unnumbered is False
    assert same({ONE: b"1"}, sequence="SHB_{night}.{number}.fits").check().is_unnumbered is True
    assert same({ONE: b"1"}).check().is_unnumbered is False


def test_of_a_night_that_is_not_due_what_is_absent_is_in_progress() -> None:
    """Of any other it is missing."""
    world = World({ONE: b"1", TWO: b"2"}, {ONE: b"1"})
    assert world.check().missing == (TWO,)
    waiting = world.check(not_due={NIGHT})
    assert (waiting.state, waiting.missing, waiting.in_progress) == (State.OK, (), (TWO,))


@pytest.mark.parametrize("is_joined", [False, True])
def test_where_several_sources_fill_an_archive_another_time_is_told_by_content(is_joined: bool) -> None:
    """A frame of the other's of the same name and size is not this one's."""
    world = World({ONE: b"ours"}, {})
    world.destination.put(THERE + b"/" + ONE, b"othe", OLD_S + 0.5)
    assert world.check(is_joined=is_joined).checksum_differs == ((ONE,) if is_joined else ())


def test_a_night_is_counted_with_what_the_source_has_not() -> None:
    """Two here and two there may be three files."""
    world = World({ONE: b"1", TWO: b"2"}, {ONE: b"1", THREE: b"3"})
    assert world.check().per_night == {NIGHT: NightCount(2, 2, open_files=1, extra_files=1)}
    assert World({}, {ONE: b"1"}).check().per_night == {NIGHT: NightCount(0, 1, extra_files=1)}


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_closed_folder_is_told_of_the_end_that_keeps_it_closed(side: str) -> None:
    """Each end's own."""
    world = same({ONE: b"1", b"2016/0907/in/SHA_20160907.0009.fits": b"9"})
    end, root = (world.source, HERE) if side == "source" else (world.destination, THERE)
    end.unreadable.add(root + b"/2016/0907/in")
    verdict = world.check()
    assert (verdict.state, verdict.unreadable) == (
        State.UNKNOWN,
        (Finding(b"2016/0907/in", side, "Permission denied"),),
    )


@pytest.mark.parametrize("level", ["checksum", "structure"])
def test_the_progress_is_the_number_of_files_that_were_read(level: str) -> None:
    """Never more than all of them, with which it ends."""
    told: list[int] = []
    same({ONE: b"1", TWO: b"2", THREE: b"3"}).check(level=level, progress=told.append)
    assert (told[-1], max(told)) == (3, 3)
