"""A VAMPIRES night killed on the way, at every step: the next run ends with the same tree, and no id is given twice."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from catalogue.frame_id_records import Series, Subject
from catalogue.ledger import Ledger
from catalogue.records import StepRecord
from converters.base import step_models
from converters.nightstep import NightStepSection
from converters.pipeline import convert
from observatory.listing import Scope, scope_of
from observatory.nights import NightClock
from observatory.spec.chain import Place
from observatory.spec.models import Instrument
from observatory.truth import State
from tests.cubes import NIGHT, Night
from tests.observatory import tree
from tests.vampires import STEPS

URL = "sqlite:///ledger.db"


def instrument(root: Path) -> Instrument:
    """Declare it with one copy."""
    cameras = {name: {"files": [f"{name}/*.fits"], "companions": ["{stem}.txt"]} for name in ("vcam1", "vcam2")}
    keys = {"layout": "%Y%m%d", "rollover": "utc", "cameras": cameras | {"rest": {"files": ["*"]}}}
    return Instrument.model_validate(
        {"instrument": "vampires", "copies": [{"host": "sc5", "root": str(root)}], "settle_s": "0"} | keys
    )


def scope(root: Path) -> Scope:
    """Ask for the night."""
    declared = instrument(root)
    place = Place("sc5", "sc5", str(root), declared.layout, declared.copies[0])
    return scope_of(declared, place, declared.cameras, (NIGHT,), NightClock.from_spec("UTC", "utc"))


def steps_here() -> list[NightStepSection]:
    """Return the steps, all of which work in the process of the run: it is the one that dies here."""
    made = []
    for keys in STEPS:
        model = step_models()[str(keys["step"])]
        assert issubclass(model, NightStepSection)
        here = type(model.__name__, (model,), {"needs_memory": True, "__module__": model.__module__})
        made.append(here.model_validate(keys))
    return made


class Dying(Ledger):
    """A ledger under which the process is killed: before a note, or right after numbers were given out."""

    left = -1
    dies_with_ids = False

    def record_step(self, record: StepRecord) -> None:
        """Note it, or die."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super().record_step(record)

    def reserve_frame_ids(
        self, series: Series, instrument: str, night: dt.date, wanted: Sequence[Subject], at_utc: dt.datetime
    ) -> dict[Subject, int]:
        """Give them out, and perhaps die with the answer."""
        given = super().reserve_frame_ids(series, instrument, night, wanted, at_utc)
        if self.dies_with_ids:
            os.kill(os.getpid(), signal.SIGKILL)
        return given


def expose(root: Path) -> Mapping[tuple[int, int], tuple[int, str]]:
    """Make a small night of two cubes a camera."""
    night = Night(root / f"{NIGHT:%Y%m%d}", jitter_us=500, frames=30, drops=0.0)
    night.expose(triggers=60)
    return night.truth


def killed(root: Path, state: Path, note: int, dies_with_ids: bool = False) -> int:
    """Run in a process of its own that dies; return how it ended."""
    child = os.fork()
    if child == 0:
        with Dying.open(URL, state) as ledger:
            ledger.left, ledger.dies_with_ids = note, dies_with_ids
            convert(instrument(root), scope(root), steps_here(), ledger)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def finish(root: Path, state: Path) -> dict[str, str]:
    """Run to the end; return the tree."""
    with Ledger.open(URL, state) as ledger:
        assert convert(instrument(root), scope(root), steps_here(), ledger).state is State.OK
    return tree(root)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tree of a night that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    expose(folder / "data")
    return finish(folder / "data", folder)


TASKS = 1 + 1 + 4 + 4 + 1 + 4 + 1
"""Plan, summary, four cubes written, fixed, named and packed, manifest; each notes that it begins, publishes, ends."""


@pytest.mark.parametrize("note", range(6, 3 * TASKS + 1, 9))
def test_killed_at_any_step_the_next_run_ends_with_the_same_tree(
    tmp_path: Path, whole: dict[str, str], note: int
) -> None:
    """Byte for byte: packed files too, as nothing in them tells when they were packed."""
    root = tmp_path / "data"
    expose(root)
    assert killed(root, tmp_path, note) == -signal.SIGKILL
    assert finish(root, tmp_path) == whole


def test_killed_with_the_ids_in_hand_the_same_ids_are_used(tmp_path: Path, whole: dict[str, str]) -> None:
    """They were reserved before a file bore them, and stay whose they are: none is spent in vain, none given twice."""
    root = tmp_path / "data"
    expose(root)
    assert killed(root, tmp_path, -1, dies_with_ids=True) == -signal.SIGKILL
    assert killed(root, tmp_path, -1, dies_with_ids=True) == -signal.SIGKILL
    assert finish(root, tmp_path) == whole
    with Ledger.open(URL, tmp_path) as ledger:
        given = ledger.known_frame_ids("VMPA", "vampires", NIGHT)
    assert sorted(given.values()) == [425199, 425200, 425201, 425202]
