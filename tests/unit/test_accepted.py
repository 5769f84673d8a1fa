"""What a person accepted leaves the lists, is counted by its reason, and covers nothing else."""

from __future__ import annotations

import datetime as dt

from observatory.listing import EVERYWHERE
from tests.worlds import NIGHT, scope_of
from verifier.accepted import Acceptance, Accepted, is_accepted, places_of
from verifier.verdict import Finding, SequenceGap

NEXT = NIGHT + dt.timedelta(days=1)
ONE, TWO, OTHER = b"2016/0907/SHA_1.fits", b"2016/0907/in/SHA_2.fits", b"2016/0908/SHA_1.fits"


def accepted(*acceptances: Acceptance) -> Accepted:
    """Return acceptances over two nights."""
    return Accepted(acceptances, scope_of((NIGHT, NEXT)))


def test_nothing_accepted_changes_nothing() -> None:
    """But lists come back sorted."""
    none = accepted()
    assert none.without([TWO, ONE]) == (ONE, TWO)
    assert (none.counts, none.paths) == ({}, set())


def test_a_whole_night_covers_its_files_and_frames_and_no_other_nights() -> None:
    """By the night of the path, not by its name."""
    night = accepted(Acceptance(NIGHT, "dome shut"))
    assert night.without([ONE, TWO, OTHER]) == (OTHER,)
    gaps = (SequenceGap(NIGHT, "sha", (1, 2)), SequenceGap(NEXT, "sha", (1,)))
    assert night.without_gaps(gaps) == gaps[1:]
    assert night.counts == {"dome shut": 4}


def test_named_files_and_frames_cover_themselves_alone() -> None:
    """By path or by base name; a frame accepted is no file accepted."""
    some = accepted(
        Acceptance(NIGHT, "test", frames=frozenset({2})),
        Acceptance(NIGHT, "lost", files=frozenset({ONE, b"SHA_2.fits"})),
    )
    assert some.without([ONE, TWO, OTHER, b"2016/0907/SHA_3.fits"]) == (b"2016/0907/SHA_3.fits", OTHER)
    assert some.without_gaps([SequenceGap(NIGHT, "sha", (1, 2, 3))]) == (SequenceGap(NIGHT, "sha", (1, 3)),)
    assert some.counts == {"lost": 2, "test": 1}


def test_a_file_found_twice_is_one_file() -> None:
    """Missing and damaged, or damaged on both sides."""
    some = accepted(Acceptance(NIGHT, "lost", files=frozenset({ONE})))
    assert some.without([ONE]) == ()
    assert some.without_findings([Finding(ONE, "source", "cut"), Finding(TWO, "source", "cut")]) == (
        Finding(TWO, "source", "cut"),
    )
    assert (some.counts, some.paths) == ({"lost": 1}, {ONE})


def test_the_name_that_a_file_has_on_every_copy_covers_that_file() -> None:
    """With its camera and the folder below its night's; the name in another folder or of another camera is none."""
    some = accepted(Acceptance(NIGHT, "lost", files=frozenset({EVERYWHERE + b"sha/SHA_1.fits"})))
    below, elsewhere = b"2016/0907/in/SHA_1.fits", b"2016/0909/SHA_1.fits"
    assert some.without([ONE, TWO, OTHER, below, elsewhere]) == (below, TWO, OTHER, elsewhere)
    of_another = accepted(Acceptance(NIGHT, "lost", files=frozenset({EVERYWHERE + b"shd/SHA_1.fits"})))
    assert of_another.without([ONE]) == (ONE,)


def test_of_one_path_it_is_said_whether_it_is_accepted() -> None:
    """Where nobody has accepted anything nothing is."""
    scope = scope_of((NIGHT, NEXT))
    some = [Acceptance(NIGHT, "lost", files=frozenset({ONE}))]
    assert [is_accepted(some, scope, path) for path in (ONE, TWO, OTHER)] == [True, False, False]
    assert not is_accepted([], scope, ONE)


def test_the_places_of_a_file_that_was_accepted_are_those_of_its_night() -> None:
    """By its name on every copy, its path, or its base name, as it was noted; nowhere else, none of other cameras."""
    scope = scope_of((NIGHT, NEXT))
    for noted in (EVERYWHERE + b"sha/SHA_1.fits", ONE, b"SHA_1.fits"):
        assert places_of(scope, NIGHT, noted) == {ONE}
    assert places_of(scope, NIGHT, EVERYWHERE + b"sha/in/SHA_2.fits") == {TWO}
    assert places_of(scope, NEXT, EVERYWHERE + b"sha/SHA_1.fits") == {OTHER}
    assert places_of(scope, NIGHT, EVERYWHERE + b"shd/SHA_1.fits") == frozenset()
