"""Which frames of an archive belong to an observation, by their own times; and what the counters tell.

Pure: asks the timing block, never the name of a file. Reading archives is converters/xrif's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.stamps import NS_PER_S
from converters.xrif.archive import ACQUIRED_S, FRAME, WRITTEN_S, dropped_frames, instants_ns

Instants = NDArray[np.int64]
"""Unix nanoseconds, UTC."""
OVERLAP_NS = 60 * NS_PER_S
"""How far archives may overlap: one begins when its first frame was acquired, by a clock that may be set back."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The frames of one archive that belong to one observation.

    Attributes
    ----------
    taken : array of int
        Their places in the archive, ascending.
    before, after : int
        How many frames were acquired before the observation began, and when it had ended.
    lost : int
        How many numbers the frame counter skips among those taken: frames that the camera dropped.
    """

    taken: NDArray[np.int64]
    before: int
    after: int
    lost: int


def acquired_ns(timing: NDArray[np.uint64]) -> Instants:
    """Return when each frame was acquired."""
    return instants_ns(timing, ACQUIRED_S)


def written_ns(timing: NDArray[np.uint64]) -> Instants:
    """Return when each frame was written; -1 where that is not known.

    A writer that was not told sets it to the acquisition time, so the same instant means that it is not known.
    """
    written = instants_ns(timing, WRITTEN_S)
    return np.where(written == acquired_ns(timing), np.int64(-1), written)


def choose(timing: NDArray[np.uint64], begin_ns: int, end_ns: int | None) -> Choice:
    """Choose the frames acquired in ``[begin, end)``; a frame belongs to one observation, never to two.

    Parameters
    ----------
    timing : array of uint64, shape (frames, 5)
        As `converters.xrif.read_timing` gives it.
    begin_ns, end_ns : int
        Nanoseconds; without an end every later frame is taken.
    """
    instants = acquired_ns(timing)
    is_before = instants < begin_ns
    is_after = instants >= end_ns if end_ns is not None else np.zeros_like(is_before)
    taken = np.flatnonzero(~is_before & ~is_after)
    return Choice(taken, int(is_before.sum()), int(is_after.sum()), dropped_frames(timing[taken, FRAME]))


class Before:
    """The frames of an observation's archives so far, in the order of the archives' stamps: asked about the next one's.

    Two frames may be of one instant, as a clock of microseconds has it, and one of them the next archive's first.
    """

    def __init__(self) -> None:
        self._near: list[Instants] = []

    def namesakes_of(self, instants: Instants) -> tuple[int, ...]:
        """Return the instants of frames before these that are of one instant with one of these, and add these.

        Parameters
        ----------
        instants : array of int64
            At least one.
        """
        first = instants.min()
        self._near = [earlier for earlier in self._near if earlier.max() >= first - OVERLAP_NS]
        same = [earlier[np.isin(earlier, instants)] for earlier in self._near if earlier.max() >= first]
        self._near.append(instants)
        return tuple(sorted(int(at_ns) for some in same for at_ns in some))
