"""A file whose name others need stays, whatever a step would take away: consumed, left over, or made no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from catalogue.ledger import Ledger
from converters.base import Done, NightFolder, Task
from converters.nightstep import Desk, NightStepSection, Survey
from converters.outcome import ConvertOutcome
from converters.pipeline import ConvertOptions, convert
from observatory.truth import State
from tests.integration.test_night_steps import FIRST, expose, instrument, made, scope
from tests.nightsteps import Gather, Pack

Carry = Callable[..., ConvertOutcome]


class Each(NightStepSection):
    """A file of each camera's cube, under an ending of its own; a plan is all that is to be made."""

    plans_all: ClassVar[bool] = True
    step: str = "each"
    ending: str = ".one"

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return one task a cube, known by what it makes."""
        cubes = [path for path in folder.files if path.endswith(b".cube")]
        return [self._task(folder, cube, cube + self.ending.encode()) for cube in cubes]

    def _task(self, folder: NightFolder, cube: bytes, name: bytes) -> Task:
        return Task(folder, folder.below_root(name), (cube,), (name,), "")

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write them."""
        for place in outputs:
            place.write_text(place.name)
        return Done()


class Renamed(Each):
    """The same, known by the cube: under another ending it is the same task, whose first product is made no more."""

    plans_all: ClassVar[bool] = False

    def _task(self, folder: NightFolder, cube: bytes, name: bytes) -> Task:
        return Task(folder, folder.below_root(cube), (cube,), (name,), self.ending)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a root with one night."""
    expose(tmp_path / "data", FIRST)
    return tmp_path / "data"


@pytest.fixture
def carry(root: Path, tmp_path: Path) -> Iterator[Carry]:
    """Give what takes steps over the night; a file of some name is needed by others."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as ledger:

        def carry_out(*steps: NightStepSection, needed: str = "") -> ConvertOutcome:
            def reached(paths: Sequence[bytes]) -> dict[bytes, str]:
                return {path: "somebody needs it" for path in paths if path == f"20251106/made/{needed}".encode()}

            return convert(instrument(), scope(root), steps, ledger, ConvertOptions(reached=reached))

        yield carry_out


def is_refused(outcome: ConvertOutcome, name: str) -> bool:
    """Say whether the night is not complete for the reason that a file is needed."""
    words = f"it would take away 20251106/made/{name}: somebody needs it"
    return outcome.state is State.DIFFERENT and words in {row.reason for row in outcome.rows}


def test_what_a_step_would_consume_stays(carry: Carry, root: Path) -> None:
    """And the step makes nothing of it; the others it makes."""
    assert is_refused(carry(Gather(), Pack(), needed="cam1.cube"), "cam1.cube")
    assert made(root) == ["cam1.cube", "cam2.cube.z"]
    assert carry(Gather(), Pack()).state is State.OK
    assert made(root) == ["cam1.cube.z", "cam2.cube.z"]


def test_what_a_killed_run_left_of_what_it_consumed_stays(carry: Carry, root: Path) -> None:
    """It was linked since."""
    carry(Gather())
    cube = root / "20251106/made/cam1.cube"
    whole = cube.read_bytes()
    carry(Gather(), Pack())
    cube.write_bytes(whole)
    assert is_refused(carry(Gather(), Pack(), needed="cam1.cube"), "cam1.cube")
    assert cube.read_bytes() == whole
    assert carry(Gather(), Pack()).state is State.OK
    assert not cube.exists()


@pytest.mark.parametrize("step", [Each, Renamed])
def test_what_is_made_no_more_stays(carry: Carry, root: Path, step: type[Each]) -> None:
    """Nothing is made beside it: two plans of a night would lie there together."""
    carry(Gather(), step())
    before = made(root)
    assert is_refused(carry(Gather(), step(ending=".two"), needed="cam1.cube.one"), "cam1.cube.one")
    assert "cam1.cube.one" in made(root)
    assert "cam1.cube.two" not in made(root)
    assert carry(Gather(), step(ending=".two")).state is State.OK
    assert made(root) == [name.replace(".one", ".two") for name in before]
