"""Holes in a night's frame numbers are found, and only holes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from observatory.spec.models import Sequence
from verifier.sequence import MOST_NUMBERS, find_gaps
from verifier.verdict import SequenceGap

NIGHT = dt.date(2016, 9, 7)
SHA = Sequence(pattern="SHA_{night}.{number}.fits")


def names(numbers: Iterable[int], night: str = "20160907") -> list[bytes]:
    """Write SHOC'n'Awe names of some numbers."""
    return [f"SHA_{night}.{number:04d}.fits".encode() for number in numbers]


def absent(sequence: Sequence, present: Iterable[bytes], camera: str = "sha") -> tuple[int, ...]:
    """Return the numbers reported for one night of one camera."""
    gaps = find_gaps(sequence, {(NIGHT, camera): present})
    return gaps[0].numbers if gaps else ()


def test_a_hole_is_named() -> None:
    """The frame between two that exist is absent."""
    gaps = find_gaps(SHA, {(NIGHT, "sha"): names([1, 2, 4, 7])})
    assert gaps == (SequenceGap(NIGHT, "sha", (3, 5, 6)),)


def test_a_night_without_a_hole_says_nothing() -> None:
    """No entry is made for a night that is whole, nor for one without a single frame."""
    assert find_gaps(SHA, {(NIGHT, "sha"): names(range(1, 164))}) == ()
    assert find_gaps(SHA, {(NIGHT, "sha"): []}) == ()
    assert find_gaps(Sequence(pattern=SHA.pattern, start=1), {(NIGHT, "sha"): [b"notes.txt"]}) == ()


def test_start_says_where_a_night_begins() -> None:
    """Without it the lowest number begins; what lies below it counts for nothing."""
    assert absent(SHA, names([3, 4])) == ()
    assert absent(Sequence(pattern=SHA.pattern, start=1), names([3, 4])) == (1, 2)
    assert absent(Sequence(pattern=SHA.pattern, start=0), names([2])) == (0, 1)
    assert absent(Sequence(pattern=SHA.pattern, start=5), names([1, 2])) == ()
    assert absent(Sequence(pattern=SHA.pattern, start=5), names([1, 7])) == (5, 6)


def test_allowed_and_accepted_numbers_are_no_holes() -> None:
    """What the specification or a person knows better is not reported; another night's acceptance is not theirs."""
    sequence = Sequence(pattern=SHA.pattern, allowed=(2,))
    other = NIGHT + dt.timedelta(days=1)
    present = {(NIGHT, "sha"): names([1, 5]), (other, "sha"): names([1, 5], "20160908")}
    gaps = find_gaps(sequence, present, {NIGHT: {3}})
    assert gaps == (SequenceGap(NIGHT, "sha", (4,)), SequenceGap(other, "sha", (3, 4)))


def test_nights_and_cameras_are_counted_apart_and_come_sorted() -> None:
    """Each camera has numbers of its own, and {camera} stands for its name."""
    sequence = Sequence(pattern="{camera}_{number}.fits")
    later = NIGHT + dt.timedelta(days=1)
    present = {
        (later, "red"): [b"red_1.fits", b"red_3.fits", b"blue_2.fits"],
        (NIGHT, "red"): [b"red_1.fits", b"red_2.fits"],
        (NIGHT, "blue"): [b"blue_1.fits", b"blue_3.fits"],
    }
    assert find_gaps(sequence, present) == (SequenceGap(NIGHT, "blue", (2,)), SequenceGap(later, "red", (2,)))


def test_one_number_written_in_two_ways_is_no_fault() -> None:
    """0012, 12 and 12a are one frame."""
    assert absent(SHA, [*names([11, 12, 13]), b"SHA_20160907.12.fits", b"SHA_20160907.0013a.fits"]) == ()
    assert absent(SHA, [b"SHA_20160907.0001.fits", b"SHA_20160907.0002b.fits", b"SHA_20160907.0003.fits"]) == ()


def test_names_of_another_form_or_night_are_not_of_the_sequence() -> None:
    """All but the fields is literal, dots and brackets too."""
    strangers = [b"SHA_20160908.0009.fits", b"SHA_20160907x0009.fits", b"SHA_20160907.0009.fits.gz", b"\xff.fits"]
    assert absent(SHA, [*names([1, 2]), *strangers]) == ()
    assert absent(Sequence(pattern="a[{number}]+.fits"), [b"a[1]+.fits", b"a[3]+.fits", b"a7.fits"]) == (2,)


def test_one_stray_name_does_not_fill_a_report() -> None:
    """At most so many numbers are named, and ten digits are a stamp, not a number."""
    reported = absent(SHA, [*names([1]), b"SHA_20160907.999999999.fits"])
    assert reported == tuple(range(2, 2 + MOST_NUMBERS))
    assert absent(SHA, [*names([1]), b"SHA_20160907.1000000000.fits"]) == ()


@given(st.sets(st.integers(0, 400)), st.none() | st.integers(0, 400), st.sets(st.integers(0, 400)))
def test_present_and_absent_numbers_make_the_range(present: set[int], start: int | None, allowed: set[int]) -> None:
    """What is reported and what is there, with what is allowed, is the whole range, each number once."""
    sequence = Sequence(pattern=SHA.pattern, start=start, allowed=tuple(allowed))
    reported = absent(sequence, names(present))
    lowest = min(present, default=0) if start is None else start
    expected = set(range(lowest, max(present, default=-1) + 1)) - present - allowed
    assert list(reported) == sorted(expected)


@given(st.lists(st.binary(max_size=40)))
def test_any_name_is_answered(present: list[bytes]) -> None:
    """No name raises."""
    find_gaps(SHA, {(NIGHT, "sha"): present})
