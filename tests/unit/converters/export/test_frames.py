"""Frames belong to an observation by their own times."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.export.frames import acquired_ns, choose, written_ns
from converters.stamps import NS_PER_S


def timing(*acquired: int, numbers: list[int] | None = None, delay_ns: int = 0) -> np.ndarray:
    """Return the rows of some acquisition times."""
    written = [instant + delay_ns for instant in acquired]
    rows = [
        (number, *divmod(instant, NS_PER_S), *divmod(late, NS_PER_S))
        for number, instant, late in zip(numbers or range(len(acquired)), acquired, written, strict=True)
    ]
    return np.array(rows, np.uint64).reshape(-1, 5)


def test_frames_are_trimmed_at_both_ends_and_counted() -> None:
    """The beginning belongs to it, the end to the next."""
    choice = choose(timing(9, 10, 15, 19, 20, 25), 10, 20)
    assert choice.taken.tolist() == [1, 2, 3]
    assert (choice.before, choice.after) == (1, 2)


def test_an_open_observation_takes_all_that_follows() -> None:
    """It has no end to trim at."""
    assert choose(timing(9, 10, 10**18), 10, None).taken.tolist() == [1, 2]


def test_frames_that_the_camera_dropped_are_counted_among_those_taken() -> None:
    """Numbers skipped before the observation are none of its business; a counter that starts anew lost nothing."""
    choice = choose(timing(1, 10, 11, 12, 13, numbers=[1, 50, 53, 1, 2]), 10, 20)
    assert (choice.taken.size, choice.lost) == (4, 2)


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ([5, 2**64 - 1, 6], 0),
        ([2**64 - 2, 2**64 - 1, 0, 1], 0),
        ([0, 2**62, 0, 2**62, 0, 2**62, 0, 2**62, 3], 0),
        ([0, 2**31], 2**31 - 1),
        ([7, 7, 6, 9], 2),
    ],
)
def test_a_counter_that_leaps_has_lost_nothing(numbers: list[int], lost: int) -> None:
    """A damaged number, or a camera that has not begun to count, is not taken for frames beyond number."""
    assert choose(timing(*range(len(numbers)), numbers=numbers), 0, None).lost == lost


def test_a_write_time_that_is_the_acquisition_time_is_not_known() -> None:
    """The writer sets it so where nobody told it."""
    assert written_ns(timing(5, 6)).tolist() == [-1, -1]
    assert written_ns(timing(5, 6, delay_ns=1)).tolist() == [6, 7]


@given(st.lists(st.integers(0, 100), max_size=30), st.lists(st.integers(0, 100), min_size=1, max_size=5))
def test_every_frame_belongs_to_exactly_one_of_some_observations_end_to_end(
    acquired: list[int], edges: list[int]
) -> None:
    """No frame is taken twice or lost between an observation and the next."""
    rows = timing(*acquired)
    bounds = sorted(edges)
    spans = [(0, bounds[0]), *itertools.pairwise(bounds), (bounds[-1], None)]
    taken = [place for begin, end in spans for place in choose(rows, begin, end).taken.tolist()]
    assert sorted(taken) == list(range(len(acquired)))
    assert acquired_ns(rows).tolist() == acquired
