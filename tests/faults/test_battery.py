"""Every fault of the battery, played: the right verdict, and what must still be true afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.battery import load, play, stems
from tests.faults.stage import Stage


@pytest.mark.parametrize("stem", stems())
def test_the_fault_gets_its_right_verdict_and_harms_nothing(
    stem: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Exactly that verdict, with its counts; originals untouched, nothing half there, no traceback."""
    stage = Stage(
        tmp_path,
        lambda: request.getfixturevalue("three_hosts"),
        lambda: request.getfixturevalue("observer_host"),
        lambda: request.getfixturevalue("hosts"),
    )
    play(load(stem), stage)


def test_there_are_at_least_sixty_faults_and_each_has_a_name_of_its_own() -> None:
    """And F1 to F14 of the field's battery are among them."""
    names = [load(stem).name for stem in stems()]
    assert len(names) == len(set(names)) >= 60
    assert {f"F{number}" for number in range(1, 15)} <= {name.rstrip("abc") for name in names}
