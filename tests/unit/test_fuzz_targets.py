"""The targets of `make fuzz` hold for their seeds and some thousand mutations of them; millions are its own work."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.run import Result, mutated, page
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_holds_for_its_seeds_and_for_mutations_of_them(name: str) -> None:
    """So that a target that was left behind by its parser is noticed every day."""
    target, chance = TARGETS[name], random.Random(1)  # noqa: S311 (the same mutations each time)
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        target.check(seed)
    for _ in range(800):
        target.check(mutated(chance.choice(seeds), seeds, chance))


def test_the_page_says_what_broke() -> None:
    """A crash cannot be overlooked, and executions add up."""
    good, bad = Result("xrif_file", 1000, 1.0, 150, None), Result("telemetry_line", 17, 0.1, None, "AssertionError")
    said = page([good, bad], is_guided=True)
    assert "1,017 executions in all, 1 crashes or hangs" in said
    assert "| `telemetry_line` | A line of JSON | 17 | 0 |  | **yes** |" in said
