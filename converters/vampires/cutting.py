"""Cuts a row of frames into the pieces that become cubes, and says briefly which frames of which cube those are.

Which frames stand in the row is night.py's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from converters.vampires.plan import Run

Integers = NDArray[np.int64]


def cut(times_us: Integers, groups: Integers, longest_us: int, gap_us: int) -> Iterator[slice]:
    """Yield the pieces of a row of frames, in their order.

    Parameters
    ----------
    times_us : ndarray of int64, shape (frames,)
        Ascending.
    groups : ndarray of int64, shape (frames,)
        Frames of different groups never share a piece.
    longest_us : int
        A piece lasts no longer, from its first frame to its last.
    gap_us : int
        Where two frames are further apart a new piece begins.
    """
    is_break = (np.diff(times_us) > gap_us) | (np.diff(groups) != 0)
    edges = np.concatenate([[0], np.flatnonzero(is_break) + 1, [len(times_us)]]).tolist()
    for first, end in itertools.pairwise(edges):
        start = first
        while start < end:
            last = start + int(np.searchsorted(times_us[start:end], times_us[start] + longest_us, side="right"))
            yield slice(start, last)
            start = last


def runs_of(sources: Integers, frames: Integers) -> tuple[Run, ...]:
    """Return frames in their order as few runs: alternate frames of one cube are one run of step 2."""
    runs: list[Run] = []
    start = 0
    edges = (np.flatnonzero(np.diff(sources)) + 1).tolist()
    for end in [*edges, len(sources)]:
        if end > start:
            runs += _runs_of_one(int(sources[start]), frames[start:end])
        start = end
    return tuple(runs)


def _runs_of_one(source: int, frames: Integers) -> Iterator[Run]:
    steps = np.diff(frames)
    start = 0
    while start < len(frames):
        step = int(steps[start]) if start < len(steps) else 1
        if step < 1:  # times went back within a cube: such frames stand alone
            yield Run(source, int(frames[start]), 1)
            start += 1
            continue
        others = np.flatnonzero(steps[start:] != step)
        end = start + (int(others[0]) if len(others) else len(steps) - start) + 1
        yield Run(source, int(frames[start]), end - start, step if end - start > 1 else 1)
        start = end
