"""In which of its two states the ferroelectric liquid crystal stood at each frame, told from the frames' distances.

The trigger waits twice the jitter J longer after a frame of state A than after one of state B. One distance alone may
deceive (camera noise is up to a third of J), so some are judged together; frames that cannot be told are dubious.
What makes cubes of them is cutting.py's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

A, B, DUBIOUS = -1, 1, 0
"""States as numbers."""
LETTERS = {A: "A", B: "B", DUBIOUS: "D"}

_WINDOW = 12
"""Distances judged together: as many as VAMPIRES' own pipeline takes (facts of scxkw, 2024)."""
_SURE = 0.4
"""Mean evidence, in units of J, from which a state is taken for sure."""
_LEAST_SHARE = 0.3
"""Short and long distances are equally many, however frames are lost; fewer of one kind are no pattern."""
_SIGMAS = 4.0
"""How many standard deviations of a window's mean must fit between the two states."""

States = NDArray[np.int8]


def flc_states(times_us: NDArray[np.int64], jitter_us: float, noise_us: float) -> States:
    """Tell the state of every frame of one camera.

    Parameters
    ----------
    times_us : ndarray of int64, shape (frames,)
        Ascending; frames may be lost in between.
    jitter_us : float
        J: between A and B the trigger waits 2 J longer than between B and A.
    noise_us : float
        Standard deviation of one time.

    Returns
    -------
    ndarray of int8, shape (frames,)
        -1 for A, +1 for B, 0 for dubious. All are dubious where J is less than twice the noise, or where the
        distances do not alternate by about 2 J.
    """
    states = np.zeros(len(times_us), dtype=np.int8)
    steps = np.diff(times_us)
    levels = _levels(steps, jitter_us)
    if levels is None or jitter_us < 2 * noise_us:
        return states
    short, long = levels
    is_break = (steps > long + short / 2) | (steps < short / 2)
    edges = np.concatenate([[0], np.flatnonzero(is_break) + 1, [len(times_us)]])
    evidence = np.clip((steps - (short + long) / 2) / jitter_us, -2, 2)
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        states[first:end] = _segment(evidence[first : end - 1], 2 * noise_us / jitter_us)
    return states


def _levels(steps: NDArray[np.int64], jitter_us: float) -> tuple[float, float] | None:
    """Return the short and the long distance; None where there are no two that differ by about 2 J.

    The short one is sought from below: distances over lost frames are all longer than both.
    """
    if len(steps) < 2:
        return None
    short = float(np.percentile(steps, 5, method="lower"))
    for _ in range(2):
        shorter = steps[np.abs(steps - short) <= jitter_us]
        short = float(np.median(shorter))
    longer = steps[np.abs(steps - short - 2 * jitter_us) < jitter_us]
    if len(longer) < _LEAST_SHARE * len(shorter) or len(shorter) < _LEAST_SHARE * len(longer):
        return None
    return short, float(np.median(longer))


def _segment(evidence: NDArray[np.float64], deviation: float) -> States:
    """Tell the states of frames in a row, of which none is lost; one evidence less than frames.

    `deviation` is that of the mean of one distance, in units of J. The noise of each time enters two neighbouring
    distances with opposite signs, and the alternating mean of n of them falls with the root of n.
    """
    count = len(evidence)
    size = min(count, _WINDOW)
    if size == 0 or _SIGMAS * deviation / np.sqrt(size) >= 1:
        return np.zeros(count + 1, dtype=np.int8)
    signs = np.where(np.arange(count + 1) % 2 == 0, 1, -1).astype(np.int8)
    sums = np.concatenate([[0.0], np.cumsum(evidence * signs[:-1])])
    starts = np.clip(np.arange(count + 1) - size // 2, 0, count - size)
    means = (sums[starts + size] - sums[starts]) / size
    # a long distance follows A: where evidence on even places is positive, even frames are A
    decided = np.where(np.abs(means) > _SURE, -np.sign(means), 0).astype(np.int8)
    return _without_slips(decided) * signs


def _without_slips(decided: States) -> States:
    """Make dubious what lies within a window of a change of mind: somewhere there the alternation slipped."""
    changes = np.flatnonzero(np.diff(decided))
    for change in changes.tolist():
        decided[max(0, change - _WINDOW // 2) : change + _WINDOW // 2 + 1] = DUBIOUS
    return decided


def agreed(first: States, second: States) -> States:
    """Return the states of pairs, told by both cameras: one trigger moves both, so a sure one speaks for both.

    Where the two are sure and disagree the pair is dubious.
    """
    together: States = np.where(
        first == DUBIOUS, second, np.where(second == DUBIOUS, first, np.where(first == second, first, DUBIOUS))
    ).astype(np.int8)
    return together
