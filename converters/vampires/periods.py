"""Which of several offsets is the right one, where frames come at a constant rate: times alone know it up to periods.

At a constant rate an offset and the same one a whole period further explain as many frames. What can tell them apart is
looked for, strongest first: triggers that are not quite even, pauses of the trigger that both cameras saw, and where
both began and ended. Where these speak against the smallest offset and cannot be sure of another, nothing is paired.
How the offset itself is estimated, and the pairs, is pairing.py's.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

LARGEST_US = 10_000.0
"""No static offset is larger: it comes of computers that share their resources (0 to 1.5 ms were seen)."""
_MOST_PERIODS = 25
_MOST_SAMPLES = 20_000
_REPEATS = 0.6
"""Share of frames that have another one period later, at least; of frames with the FLC's pattern half have."""
_PAUSE_PERIODS = 2.5
_LEAST_JUDGED = 64
"""Of fewer differences the width is a matter of chance: that of two or three may be nothing at a wrong offset."""
_MOST_LOST = 0.01
"""Where more frames are lost, the first and the last that are there may well be of other triggers in each camera."""


class Known(enum.StrEnum):
    """How an offset is known."""

    TIMES = "times"
    """No other explains the times."""
    GIVEN = "given"
    """Of those that explain them it is the nearest to the one that was declared."""
    PAUSES = "pauses"
    """Both cameras saw the trigger pause."""
    EDGES = "edges"
    """Both cameras began or ended with the same trigger, if it is right."""
    ASSUMED = "assumed"
    """It is the smallest of those that explain the times, and nothing speaks for or against it."""
    CONTRADICTED = "contradicted"
    """Something speaks against the smallest, and is not sure enough for another: nothing must be paired."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An offset in microseconds, how it is known, and the distance of those that explain as much (0: there is none)."""

    offset_us: float
    known: Known
    period_us: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One camera's frames.

    Attributes
    ----------
    times_us : ndarray of int64
        Ascending.
    counters : ndarray of int64
        Of the frame grabber: it counts frames that were lost on the way to the disk as well; -1 where it is not known.
    """

    times_us: Integers
    counters: Integers


def choose(first: Seen, second: Seen, smallest_us: float, tolerance_us: float, given_us: float | None) -> Choice:
    """Choose among the offsets that explain as many frames as the smallest one.

    Parameters
    ----------
    smallest_us : float
        The estimate: to be added to the first camera's times.
    given_us : float, optional
        What was declared of the offset.
    """
    period_us = repeat_us(first.times_us, tolerance_us)
    if not period_us:
        return Choice(smallest_us, Known.TIMES)
    if (turns := _by_unevenness(first.times_us, second.times_us, smallest_us, period_us, tolerance_us)) is not None:
        return Choice(smallest_us + turns * period_us, Known.TIMES, period_us)
    if given_us is not None:
        turns = round((given_us - smallest_us) / period_us)
        return Choice(smallest_us + turns * period_us, Known.GIVEN, period_us)
    turns, known = _by_edges(first, second, smallest_us, period_us, tolerance_us)
    return Choice(smallest_us + turns * period_us, known, period_us)


def repeat_us(times_us: Integers, tolerance_us: float) -> float:
    """Return the shift by which times repeat themselves, one frame or two (the FLC's pattern); 0 if by none."""
    for step in (1, 2):
        distances = times_us[step:] - times_us[:-step]
        distances = distances[distances > tolerance_us]
        if len(distances) < 2:
            return 0.0
        shift_us = float(np.median(distances))
        some = _sampled(times_us)
        left = _nearest_difference(some + shift_us, times_us)
        if float(np.mean(np.abs(left) <= tolerance_us)) >= _REPEATS:
            return shift_us
    return 0.0


def _sampled(times_us: Integers) -> Floats:
    return times_us[:_MOST_SAMPLES].astype(np.float64)


def nearest(ones: Floats, others: Integers | Floats) -> Integers:
    """Return for each time the place of the nearest of others, which ascend and are at least one; of two the first."""
    right = np.clip(np.searchsorted(others, ones), 0, len(others) - 1)
    left = np.clip(right - 1, 0, len(others) - 1)
    places: Integers = np.where(np.abs(others[left] - ones) <= np.abs(others[right] - ones), left, right)
    return places


def _nearest_difference(ones: Floats, others: Integers) -> Floats:
    difference: Floats = others[nearest(ones, others)] - ones
    return difference


def _turns(smallest_us: float, period_us: float) -> Iterator[int]:
    """Yield by how many periods the offset may be another; 0 is always among them."""
    for turns in range(-_MOST_PERIODS, _MOST_PERIODS + 1):
        if not turns or abs(smallest_us + turns * period_us) <= LARGEST_US:
            yield turns


def _by_unevenness(
    first_us: Integers, second_us: Integers, smallest_us: float, period_us: float, tolerance_us: float
) -> int | None:
    """Return the shift at which what is left of the differences is clearly narrowest; None where there is none.

    Triggers that come early come early in both cameras: at the right offset that is not seen. Few frames do not tell.
    """
    some = _sampled(first_us)
    widths: dict[int, float] = {}
    for turns in _turns(smallest_us, period_us):
        left = _nearest_difference(some + smallest_us + turns * period_us, second_us)
        left = left[np.abs(left) <= tolerance_us]
        if len(left) >= max(_LEAST_JUDGED, len(some) / 2):
            widths[turns] = float(np.median(np.abs(left - np.median(left))))
    if len(widths) < 2:
        return None
    best, next_best = sorted(widths, key=lambda turns: widths[turns])[:2]
    clearly = 1 + max(0.1, 8 / np.sqrt(len(some)))  # the width of so many differences is known to 1 / sqrt(n)
    return best if widths[best] * clearly + 1 < widths[next_best] else None  # times are whole microseconds


def _by_edges(
    first: Seen, second: Seen, smallest_us: float, period_us: float, tolerance_us: float
) -> tuple[int, Known]:
    def vote(difference_us: float) -> int | None:
        turns = round((difference_us - smallest_us) / period_us)
        is_offset = not turns or abs(difference_us) <= LARGEST_US
        return turns if is_offset and abs(difference_us - smallest_us - turns * period_us) <= tolerance_us else None

    votes = [
        (vote(end_us), vote(begin_us))
        for end_us, begin_us in _pauses(first, second, smallest_us, _PAUSE_PERIODS * period_us)
    ]
    pauses = Counter(end for end, begin in votes if end is not None and end == begin)
    if pauses and 2 * pauses.most_common(1)[0][1] > pauses.total():
        return pauses.most_common(1)[0][0], Known.PAUSES
    ends = (vote(float(second.times_us[place] - first.times_us[place])) for place in (0, -1))
    edges = Counter(turns for turns in (*ends, *pauses.elements()) if turns is not None)
    if set(edges) == {0}:
        is_sure = max(_lost(first), _lost(second)) <= _MOST_LOST
        return 0, Known.EDGES if is_sure else Known.ASSUMED
    return 0, Known.CONTRADICTED if edges else Known.ASSUMED


def _lost(camera: Seen) -> float:
    """Return which share of a camera's frames never reached the disk; 0 where no counter tells."""
    frames = int(camera.counters[-1] - camera.counters[0]) + 1
    return max(0.0, 1 - len(camera.counters) / frames) if frames > 1 else 0.0


def _pauses(first: Seen, second: Seen, offset_us: float, least_us: float) -> Iterator[tuple[float, float]]:
    """Yield how far the cameras' last frames before a pause lie apart, and their first ones after it.

    A gap that frames were lost in is no pause: the frame grabber's counter has counted on.
    """
    times, others = first.times_us, second.times_us
    for place in np.flatnonzero((np.diff(times) > least_us) & (np.diff(first.counters) == 1)).tolist():
        middle_us = (times[place] + times[place + 1]) / 2 + offset_us
        there = int(np.searchsorted(others, middle_us))
        if not 0 < there < len(others) or others[there] - others[there - 1] <= least_us:
            continue
        if second.counters[there] - second.counters[there - 1] == 1:
            yield float(others[there - 1] - times[place]), float(others[there] - times[place + 1])
