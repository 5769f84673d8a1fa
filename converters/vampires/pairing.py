"""Which frames of two cameras on one trigger belong together, told from their times alone.

The two cameras' times differ by a constant that nobody wrote down; it is estimated first. Then two frames are a pair
if each is the other's nearest, within a tolerance that is never more than a quarter of the shortest frame period.
At a constant rate several offsets explain the times: which one is right is periods.py's. Which cubes are put to the
question together is night.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from converters.vampires.periods import LARGEST_US, Choice, Known, Seen, choose, nearest

Times = NDArray[np.int64]

_MOST_SAMPLES = 20_000
"""Frames of one camera that the offset is estimated from; more make it no better."""
_NEIGHBOURS = 4
_FEW = 6
"""Of fewer frames than these no offset is estimated beyond half a period: any two could be made to fit."""
_SIGMAS = 4.0
"""Of two offsets that explain as many frames, but for what chance may do, the smaller is taken: a constant rate cannot
tell them."""


@dataclass(frozen=True, slots=True)
class Offset:
    """The constant difference between two cameras' times.

    Attributes
    ----------
    offset_us : float
        To be added to the first camera's times to have the second one's.
    support : float
        Share of the sampled frames that it explains, 0 to 1.
    rival : float
        Support of the next best offset as a share of this one's: near 1 where the rate is constant, and the offset
        is known only up to whole periods.
    """

    offset_us: float
    support: float
    rival: float


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pairs of two cameras' frames.

    Attributes
    ----------
    first, second : ndarray of int64, shape (pairs,)
        Indices into the two arrays of times, both ascending.
    offset : Offset
    tolerance_us : float
    residual_us : float
        Root mean square of what is left of the differences; 0 without pairs.
    ambiguous : int
        Frames left alone because several frames of the other camera lay within the tolerance.
    choice : Choice
        The offset that was taken, and how it is known. Without pairs if it is contradicted.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    offset: Offset
    tolerance_us: float
    residual_us: float
    ambiguous: int
    choice: Choice


def pair(
    first_us: Times,
    second_us: Times,
    tolerance_us: float,
    offset_limit_us: float | None = None,
    counters: tuple[Times, Times] | None = None,
    given_us: float | None = None,
    exposure_us: float = 0.0,
) -> Pairing:
    """Pair the frames of two cameras.

    Parameters
    ----------
    first_us, second_us : ndarray of int64
        Microseconds, ascending; equal times in a row may occur.
    tolerance_us : float
        How far two frames of a pair may lie apart once the offset is taken out; made smaller where it is more than a
        quarter of the shortest period.
    offset_limit_us : float, optional
        The offset that is estimated is no larger; default: the longest usual distance of two frames, and no more than
        computers are apart.
    counters : pair of ndarray of int64, optional
        The frame grabber's, of each frame.
    given_us : float, optional
        What was declared of the offset: where it is known up to whole periods only, the nearest to this is taken.
    exposure_us : float
        Frames are no closer; where there are too few to tell their period this bounds the offset.
    """
    shortest_us, longest_us = _periods(first_us, second_us)
    tolerance_us = min(tolerance_us, shortest_us / 4)
    empty = np.zeros(0, dtype=np.int64)
    if not len(first_us) or not len(second_us):
        return Pairing(empty, empty, Offset(0.0, 0.0, 0.0), tolerance_us, 0.0, 0, Choice(0.0, Known.ASSUMED))
    counted = counters or (np.full(len(first_us), -1), np.full(len(second_us), -1))
    one, other = Seen(first_us, counted[0]), Seen(second_us, counted[1])
    limit_us = offset_limit_us or min(longest_us, LARGEST_US)
    around_us = 0
    if min(len(first_us), len(second_us)) < _FEW:
        around_us = round(given_us or 0)
        limit_us = min(limit_us, max(_least_period(one, other, exposure_us) / 2, tolerance_us))
    offset = estimate_offset(first_us + around_us, second_us, tolerance_us, limit_us)
    offset = replace(offset, offset_us=offset.offset_us + around_us)
    choice = choose(one, other, offset.offset_us, tolerance_us, given_us)
    offset = replace(offset, offset_us=choice.offset_us)
    if choice.known is Known.CONTRADICTED:
        return Pairing(empty, empty, offset, tolerance_us, 0.0, 0, choice)
    shifted = first_us.astype(np.float64) + offset.offset_us
    first, second, ambiguous = _mutual(shifted, second_us.astype(np.float64), tolerance_us)
    left = second_us[second] - shifted[first]
    residual_us = float(np.sqrt(np.mean(left**2))) if len(left) else 0.0
    return Pairing(first, second, offset, tolerance_us, residual_us, ambiguous, choice)


def _periods(*cameras: Times) -> tuple[float, float]:
    """Return the shortest and the longest usual distance of two frames, equal times and gaps left out."""
    steps = np.concatenate([np.diff(times) for times in cameras])
    steps = steps[steps > 0]
    if not len(steps):
        return np.inf, 1e6
    return float(np.percentile(steps, 2)), float(np.percentile(steps, 95))


def _least_period(one: Seen, other: Seen, exposure_us: float) -> float:
    """Return the shortest distance of two frames between which none is lost; where no two are, what exposing takes."""
    steps = [np.diff(camera.times_us)[np.diff(camera.counters) <= 1] for camera in (one, other)]
    periods = np.concatenate(steps)
    periods = periods[periods > 0]
    return float(periods.min()) if len(periods) else exposure_us


def estimate_offset(first_us: Times, second_us: Times, tolerance_us: float, limit_us: float) -> Offset:
    """Find the offset that explains most frames; among equals the smallest.

    Both arrays hold at least one time. Differences to a few neighbours are gathered, and the window as wide as twice
    the tolerance is sought that holds most of them.
    """
    sample = np.linspace(0, len(first_us) - 1, min(len(first_us), _MOST_SAMPLES)).astype(np.int64)
    differences = _differences(first_us[sample], second_us, limit_us)
    if not len(differences):
        return Offset(0.0, 0.0, 0.0)
    peaks = _peaks(differences, tolerance_us)
    most = peaks[0][1]
    share = min(1.0, most / len(sample))
    by_chance = 1 + _SIGMAS * np.sqrt(2 * len(sample) * share * (1 - share))  # frames are lost at random
    equal = [peak for peak in peaks if peak[1] >= most - by_chance]
    centre, count = min(equal, key=lambda peak: abs(peak[0]))
    others = [peak[1] for peak in peaks if peak[0] != centre]
    return Offset(centre, min(1.0, count / len(sample)), max(others, default=0) / count)


def _differences(first_us: Times, second_us: Times, limit_us: float) -> NDArray[np.float64]:
    places = np.searchsorted(second_us, first_us)
    around = places[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS)
    is_there = (around >= 0) & (around < len(second_us))
    found = second_us[np.clip(around, 0, len(second_us) - 1)] - first_us[:, None]
    return np.sort(found[is_there & (np.abs(found) <= limit_us)].astype(np.float64))


def _peaks(differences: NDArray[np.float64], tolerance_us: float) -> list[tuple[float, int]]:
    """Return the fullest windows, fullest first, that do not overlap: centre and number of differences."""
    ends = np.searchsorted(differences, differences + 2 * tolerance_us, side="right")
    counts = ends - np.arange(len(differences))
    is_free = np.ones(len(differences), dtype=bool)
    peaks: list[tuple[float, int]] = []
    for _ in range(2 * _NEIGHBOURS):
        if not is_free.any():
            break
        best = int(np.argmax(np.where(is_free, counts, 0)))
        centre = float(np.median(differences[best : ends[best]]))
        inside = np.abs(differences - centre) <= tolerance_us
        peaks.append((centre, int(inside.sum())))
        is_free &= np.abs(differences - centre) > 3 * tolerance_us
    return sorted(peaks, key=lambda peak: -peak[1])


def _mutual(
    first: NDArray[np.float64], second: NDArray[np.float64], tolerance_us: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the pairs that are each other's nearest, and how many frames had more than one to choose from."""
    partner, back = nearest(first, second), nearest(second, first)
    places = np.arange(len(first))
    is_pair = (back[partner] == places) & (np.abs(second[partner] - first) <= tolerance_us)
    is_one_near = _within(first, second, tolerance_us) <= 1
    is_alone = is_one_near & (_within(second, first, tolerance_us) <= 1)[partner]
    taken = is_pair & is_alone
    return places[taken], partner[taken], int((is_pair & ~is_alone).sum())


def _within(ones: NDArray[np.float64], others: NDArray[np.float64], tolerance_us: float) -> NDArray[np.int64]:
    last = np.searchsorted(others, ones + tolerance_us, side="right")
    counts: NDArray[np.int64] = last - np.searchsorted(others, ones - tolerance_us, side="left")
    return counts
