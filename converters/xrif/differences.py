"""Differences between frames and between pixels, in arithmetic that wraps at the width of the pixel, and back.

Works in place on arrays that the caller owns; which of them a block needs is coding.py's.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sum_along_frames(rows: NDArray[Any]) -> None:
    """Add to each row (a frame) the one before it, in place: row by row, while that one is still in the cache."""
    for before, row in itertools.pairwise(rows):
        np.add(before, row, out=row)


def add_first(rows: NDArray[Any]) -> None:
    """Add the first row (frame) to each later one, in place."""
    for row in rows[1:]:
        np.add(rows[0], row, out=row)


def sum_along_pixels(planes: NDArray[Any]) -> None:
    """Sum each row (the flattened plane of one frame and depth) along itself, in place."""
    for plane in planes:
        np.cumsum(plane, out=plane, dtype=plane.dtype)


def subtract_previous(rows: NDArray[Any]) -> None:
    """Subtract from each row the one before it, in place; undoes `sum_along_frames`."""
    for number in range(len(rows) - 1, 0, -1):
        np.subtract(rows[number], rows[number - 1], out=rows[number])


def subtract_first(rows: NDArray[Any]) -> None:
    """Subtract the first row from each later one, in place; undoes `add_first`."""
    for row in rows[1:]:
        np.subtract(row, rows[0], out=row)


def subtract_neighbour(planes: NDArray[Any]) -> None:
    """Subtract from each pixel the one before it in its row, in place; undoes `sum_along_pixels`."""
    for plane in planes:
        plane[1:] -= plane[:-1].copy()
