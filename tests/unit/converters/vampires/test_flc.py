"""States of the FLC, told from the distances of frames: sure where it can be, dubious where not, never wrong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from converters.vampires.flc import DUBIOUS, A, B, agreed, flc_states


def switched(
    frames: int = 5000,
    jitter_us: float = 500.0,
    noise_us: float = 7.2,
    drops: float = 0.002,
    seed: int = 1,
    period_us: float = 2000.0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the times of the frames that were kept, and their true states."""
    random = np.random.default_rng(seed)
    steps = np.full(frames, float(period_us))
    steps[0::2] += 2 * jitter_us
    times = np.concatenate([[0.0], np.cumsum(steps[:-1])]) + random.normal(0, noise_us, frames)
    kept = np.flatnonzero(random.random(frames) >= drops)
    return np.rint(times[kept]).astype(np.int64), np.where(kept % 2 == 0, A, B)


@pytest.mark.parametrize("period_us", [400, 500, 1000, 7000])
@pytest.mark.parametrize("seed", range(8))
def test_however_many_frames_are_lost_no_state_is_wrong(period_us: int, seed: int) -> None:
    """Over a lost frame the distance is long as well: of A to A, or of B to B."""
    times, truth = switched(frames=600, drops=0.3, seed=seed, period_us=period_us)
    states = flc_states(times, 500.0, 7.2)
    sure = states != DUBIOUS
    assert (states[sure] == truth[sure]).all()
    assert sure.mean() > 0.5


def test_two_distances_alone_are_no_pattern() -> None:
    """Nor are times that say nothing at all."""
    assert not flc_states(np.array([0, 400, 100_400]), 500.0, 7.2).any()
    assert not flc_states(np.array([5, 5, 5, 5]), 500.0, 7.2).any()


@pytest.mark.parametrize("drops", [0.0, 0.002, 0.05])
def test_in_the_fast_mode_every_state_is_told_and_right(drops: float) -> None:
    """But for frames that stand alone between two losses."""
    times, truth = switched(drops=drops)
    states = flc_states(times, 500.0, 7.2)
    sure = states != DUBIOUS
    assert (states[sure] == truth[sure]).all()
    assert sure.mean() >= 1 - drops**2 * 2


def test_in_the_slow_mode_some_are_dubious_and_none_is_wrong() -> None:
    """A single distance would deceive for one frame in fifty."""
    times, truth = switched(noise_us=172.8)
    states = flc_states(times, 500.0, 172.8)
    sure = states != DUBIOUS
    assert (states[sure] == truth[sure]).all()
    assert sure.mean() > 0.97


@pytest.mark.parametrize("jitter_us", [100.0, 250.0, 340.0])
def test_a_jitter_below_the_noise_tells_nothing(jitter_us: float) -> None:
    """All are dubious, whatever it looks like."""
    times, _ = switched(jitter_us=jitter_us, noise_us=172.8)
    assert not flc_states(times, jitter_us, 172.8).any()


def test_times_without_the_pattern_tell_nothing() -> None:
    """The header says that the FLC switches, the trigger does not show it."""
    times, _ = switched(jitter_us=0.0)
    assert not flc_states(times, 500.0, 7.2).any()
    assert not flc_states(times[:2], 500.0, 7.2).any()
    assert flc_states(times[:0], 500.0, 7.2).shape == (0,)


def test_where_the_pattern_slips_frames_are_dubious_on_both_sides() -> None:
    """Two triggers of one kind in a row, without a gap that shows: right before, right after, dubious between."""
    times, truth = switched(frames=400, drops=0.0)
    slipped = np.concatenate([times[:200], times[200:-1] + (times[1] - times[0]) - (times[2] - times[1])])
    slipped[200:] = times[201:] - (times[201] - times[200]) + 2000
    after = truth[201:]
    states = flc_states(np.sort(slipped), 500.0, 7.2)
    sure_before, sure_after = states[:190], states[215:]
    assert (sure_before == truth[:190]).all()
    assert (sure_after == after[15:]).all()


def test_two_cameras_speak_for_each_other_and_never_against() -> None:
    """One sure camera suffices; two that disagree make the pair dubious."""
    one = np.array([A, A, DUBIOUS, B, DUBIOUS], dtype=np.int8)
    other = np.array([A, B, B, DUBIOUS, DUBIOUS], dtype=np.int8)
    assert agreed(one, other).tolist() == [A, DUBIOUS, B, B, DUBIOUS]
