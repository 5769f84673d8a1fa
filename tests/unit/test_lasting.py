"""Which hop of a run is said to have taken most of its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightferry.lasting import Durations
from nightferry.workplace import Workplace
from observatory.spec.chain import Hop, hops
from tests.unit.spec.folders import instrument, write


class Clock:
    """Goes when it is told."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now_s


@pytest.fixture
def two(tmp_path: Path) -> list[Hop]:
    """A hop of each of two instruments."""
    folder = write(tmp_path, sha=instrument("sha"), shd=instrument("shd"))
    with Workplace.at(folder) as workplace:
        return [hops(one)[0] for one in workplace.instruments.values()]


@pytest.mark.parametrize(
    ("sync_s", "verify_s", "other_s", "named"),
    [
        (3000.0, 720.0, 60.0, "took 1 h 02 min of the run's 1 h 03 min (sync 50 min 00 s, verify 12 min 00 s); hops"),
        (3000.0, 0.0, 3000.0, ""),
        (800.0, 0.0, 10.0, ""),
    ],
)
def test_the_hop_that_took_most_of_a_long_run_is_named(
    two: list[Hop], sync_s: float, verify_s: float, other_s: float, named: str
) -> None:
    """With what was done meanwhile; where two share the time, or all were quick, nobody is."""
    clock = Clock()
    durations = Durations(clock)
    for hop, doing, seconds in ((two[0], "sync", sync_s), (two[1], "sync", other_s), (two[0], "verify", verify_s)):
        with durations.of(hop, doing):
            clock.now_s += seconds
    sentences = [note.sentence for note in durations.notes()]
    assert len(sentences) == bool(named)
    assert all(named in sentence for sentence in sentences)


def test_the_only_hop_of_a_run_is_not_named(two: list[Hop]) -> None:
    """It held up nobody."""
    clock = Clock()
    durations = Durations(clock)
    with durations.of(two[0], "sync"):
        clock.now_s += 36_000
    assert durations.notes() == []
