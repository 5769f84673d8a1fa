"""Two thousand simulated sites keep every promise; a seed replays exactly."""

from __future__ import annotations

import pytest

from tests.simulation.play import WHOLE_HOUSE_EVERY, play

SEEDS = 2000
AT_ONCE = 100


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_no_file_is_lost_nothing_is_falsely_green_and_quiet_weather_converges(first: int) -> None:
    """Random trees, faults, deaths and interleavings; judged by one who sees every host at once."""
    for seed in range(first, first + AT_ONCE):
        play(seed)


@pytest.mark.parametrize("seed", [3, 7, 10 * WHOLE_HOUSE_EVERY])
def test_a_seed_tells_the_same_story_twice(seed: int) -> None:
    """So that a failing one can be looked into."""
    assert play(seed).story == play(seed).story
