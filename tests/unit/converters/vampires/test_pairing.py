"""Pairs of frames by their times: the cases in which simpler rules found none, or wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from converters.vampires.pairing import pair

FAST_US = 7.2


@dataclass(frozen=True)
class Triggered:
    """Two cameras' times, and which trigger each frame is of."""

    first_us: NDArray[np.int64]
    second_us: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def triggered(
    period_us: float,
    offset_us: float,
    jitter_us: float = 0.0,
    triggers: int = 20_000,
    noise_us: float = FAST_US,
    drops: float = 0.002,
    seed: int = 1,
) -> Triggered:
    """Expose two cameras on one trigger, each of which loses frames by itself."""
    random = np.random.default_rng(seed)
    steps = np.full(triggers, float(period_us))
    steps[0::2] += 2 * jitter_us
    times = 1.7624e15 + np.cumsum(steps)
    kept = [np.flatnonzero(random.random(triggers) >= drops) for _ in range(2)]
    stamps = [
        np.rint(times[which] + random.normal(0, noise_us, len(which)) + behind).astype(np.int64)
        for which, behind in zip(kept, (0.0, offset_us), strict=True)
    ]
    return Triggered(stamps[0], stamps[1], kept[0], kept[1])


@pytest.mark.parametrize(
    ("period_us", "offset_us", "jitter_us", "tolerance_us"),
    [
        (2000, 300, 0, 465),
        (2000, 600, 0, 465),
        (1000, 0, 500, 465),
        (1000, 600, 500, 465),
        (7000, 1500, 0, 958),
        (2000, -900, 0, 465),
        (400, 60, 0, 465),
    ],
)
def test_no_pair_is_wrong_and_nearly_all_are_found(
    period_us: float, offset_us: float, jitter_us: float, tolerance_us: float
) -> None:
    """The cases of the matching experiment (facts of scxkw, 14.1): a plain two-pointer rule pairs 0 % or wrongly."""
    made = triggered(period_us, offset_us, jitter_us)
    found = pair(made.first_us, made.second_us, tolerance_us)
    assert (made.first[found.first] == made.second[found.second]).all()
    both = len(np.intersect1d(made.first, made.second))
    assert len(found.first) >= 0.999 * both
    assert found.offset.offset_us == pytest.approx(offset_us, abs=2)
    assert found.tolerance_us <= period_us / 4
    assert found.residual_us == pytest.approx(FAST_US * np.sqrt(2), rel=0.1)


def test_the_slow_mode_is_noisy_and_still_never_wrong() -> None:
    """Times scatter by 172.8 us; the tolerance is wider, the period too."""
    made = triggered(20_000, 900, noise_us=172.8)
    found = pair(made.first_us, made.second_us, 1163)
    assert (made.first[found.first] == made.second[found.second]).all()
    assert len(found.first) > 0.99 * 20_000


def test_an_offset_known_only_up_to_periods_says_so() -> None:
    """At a constant rate another offset explains as much; with the FLC's pattern none does."""
    plain, pattern = triggered(2000, 300), triggered(1000, 300, 500)
    assert pair(plain.first_us, plain.second_us, 465).offset.rival > 0.99
    assert pair(pattern.first_us, pattern.second_us, 465).offset.rival < 0.6


def test_frames_that_could_be_either_are_left_alone() -> None:
    """Equal times in a row: which of the two it is nobody can say."""
    times = 1_000_000 + 2000 * np.arange(100)
    doubled = np.sort(np.append(times, times[50]))
    found = pair(times, doubled, 400)
    assert (len(found.first), found.ambiguous) == (99, 1)
    assert 50 not in found.first


def test_an_empty_or_single_camera_gives_no_pairs_or_one() -> None:
    """Nothing to estimate from is no fault."""
    times = np.array([1_000_000], dtype=np.int64)
    assert len(pair(times, times[:0], 400).first) == 0
    assert len(pair(times[:0], times, 400).first) == 0
    assert len(pair(times, times + 300, 400).first) == 1
    assert len(pair(times, times + 5_000_000, 400).first) == 0


@pytest.mark.parametrize("triggers", [2, 3, 4, 5, 6, 8, 12, 20, 30, 64])
@pytest.mark.parametrize(("period_us", "jitter_us"), [(2000, 0), (7000, 0), (1000, 500)])
def test_in_a_short_burst_no_pair_is_wrong_either(triggers: int, period_us: float, jitter_us: float) -> None:
    """Of few differences the narrowest are so by chance: once a tenth of the bursts was paired one frame beside."""
    for seed in range(40):
        made = triggered(period_us, 300, jitter_us, triggers, drops=0.01, seed=seed)
        found = pair(made.first_us, made.second_us, 465, None, (made.first, made.second + 77), exposure_us=900.0)
        assert (made.first[found.first] == made.second[found.second]).all(), seed
        if len(made.first) == len(made.second) == triggers:
            assert len(found.first) == triggers, seed


def test_two_single_frames_further_apart_than_they_were_exposed_are_no_pair() -> None:
    """Any two frames could be made to fit by an offset of their own; a longer exposure leaves no other frame."""
    times = np.array([1_000_000], dtype=np.int64)
    assert len(pair(times, times + 1500, 400, exposure_us=1000.0).first) == 0
    assert len(pair(times, times + 1500, 400, exposure_us=5000.0).first) == 1
    assert len(pair(times, times + 1500, 400, given_us=1400.0, exposure_us=1000.0).first) == 1
    assert len(pair(times, times + 900_000, 400, exposure_us=2e6).first) == 0, "no static offset is so large"


@settings(max_examples=150)
@given(
    period_us=st.sampled_from([500, 1000, 2000, 7000]),
    part=st.floats(-0.4, 0.4),
    drops=st.floats(0, 0.3),
    seed=st.integers(0, 1000),
)
def test_however_frames_are_lost_no_pair_is_wrong(period_us: int, part: float, drops: float, seed: int) -> None:
    """As long as the offset is less than half a period; each frame is in one pair at most, in order."""
    made = triggered(period_us, part * period_us, triggers=300, drops=drops, seed=seed)
    found = pair(made.first_us, made.second_us, 465)
    assert (made.first[found.first] == made.second[found.second]).all()
    assert (np.diff(found.first) > 0).all()
    assert (np.diff(found.second) > 0).all()
