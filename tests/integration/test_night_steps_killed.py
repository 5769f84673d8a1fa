"""Night steps killed on the way: at any note, before any file moves, and with a worker that lives on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalogue.ledger import Ledger
from catalogue.records import StepRecord
from converters.base import Done, NightFolder, Task
from converters.nightstep import Desk, NightStepSection, Survey
from converters.pipeline import convert
from observatory.truth import State
from tests.integration.test_night_steps import FIRST, expose, instrument, made, scope, tree
from tests.nightsteps import Gather, List, Number, Pack, Stamp


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a root with one night."""
    root = tmp_path / "data"
    expose(root, FIRST)
    return root


class _Dying:
    """A ledger of which the n-th note is the last: the process dies just before it."""

    def __init__(self, ledger: Ledger, note: int) -> None:
        self._ledger, self._left = ledger, note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def record_step(self, record: StepRecord) -> None:
        """Note it, or die."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._ledger.record_step(record)


class _Here:
    """What makes a step work in the process of the run, which is the one that dies here."""

    needs_memory = True


class _Gather(_Here, Gather): ...  # type: ignore[misc]


class _Stamp(_Here, Stamp): ...  # type: ignore[misc]


class _Pack(_Here, Pack): ...  # type: ignore[misc]


class _List(_Here, List): ...  # type: ignore[misc]


class _Twins(_Here, NightStepSection):  # type: ignore[misc]
    """Three files of one task, made of all packed cubes."""

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return the one task."""
        packed = tuple(path for path in folder.files if path.endswith(b".z"))
        return [Task(folder, folder.subject, packed, tuple(b"twins/%d" % one for one in range(3)), "")]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write all three."""
        for number, place in enumerate(outputs):
            place.write_text(f"{number} of {len(task.inputs)}\n")
        return Done()


HERE = (_Gather(), _Stamp(), Number(), _Pack(), _Twins(step="twins"), _List())
DEATHS = {
    # ten tasks of three notes each: begun, about to publish, done
    "before a note": 30,
    # each of them puts its outputs in their places, and six take away what they consumed
    "before a file moves or goes": 9 + 3 + 4,
}


@pytest.mark.parametrize("when", DEATHS)
def test_killed_at_any_instant_the_next_run_ends_with_the_same_tree(tmp_path: Path, when: str) -> None:
    """Nothing half, nothing twice, nothing left over."""
    expose(tmp_path / "whole", FIRST)
    with Ledger.open("sqlite:///w.db", tmp_path) as ledger:
        convert(instrument(), scope(tmp_path / "whole"), HERE, ledger)
    expected = tree(tmp_path / "whole")
    assert _killed(tmp_path / "all", "sqlite:///all.db", tmp_path, DEATHS[when] + 1, when) == 0, "count them again"
    for instant in range(1, DEATHS[when] + 1):
        root, url = tmp_path / f"at-{instant}", f"sqlite:///{instant}.db"
        assert _killed(root, url, tmp_path, instant, when) == -signal.SIGKILL
        with Ledger.open(url, tmp_path) as ledger:
            outcome = convert(instrument(), scope(root), HERE, ledger)
            assert outcome.state is State.OK
            assert len(ledger.letters("vampires")) == 1
        assert tree(root) == expected, instant


def _killed(root: Path, url: str, state: Path, instant: int, when: str) -> int:
    """Make a night and convert it in a process of its own that dies at an instant; return how it ended."""
    expose(root, FIRST)
    return killed_while_at_work(root, url, state, instant, when)


def killed_while_at_work(root: Path, url: str, state: Path, instant: int, when: str = "before a note") -> int:
    """Convert the night in a process of its own that dies at an instant, if it comes so far; return how it ended."""
    child = os.fork()
    if child == 0:
        with Ledger.open(url, state) as ledger:
            memory: Any = ledger
            if when == "before a note":
                memory = _Dying(ledger, instant)
            else:
                _die_at_file(instant)
            convert(instrument(), scope(root), HERE, memory)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _die_at_file(instant: int) -> None:
    """End this process just before the n-th file of a night is renamed to its place or removed."""
    left = [instant]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        target = str(arguments[1] if event == "os.rename" else arguments[0] if event == "os.remove" else "")
        if re.search(r"/20251106/(made|twins)/[^/]+$", target) and ".nightferry" not in target:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def test_what_a_killed_run_left_at_work_is_ended_by_the_next(tmp_path: Path, root: Path) -> None:
    """The run dies, its worker goes on; the next run ends it before it does the task anew."""
    state = tmp_path / "other"
    words = (
        "import sys; from pathlib import Path; from catalogue.ledger import Ledger;"
        "from converters.pipeline import convert; from tests.integration.test_night_steps import *;"
        f"convert(instrument(), scope(Path({str(root)!r})), (Gather(), Pack(sleep_s=60.0)),"
        f" Ledger.open('sqlite:///o.db', Path({str(state)!r})))"
    )
    run = subprocess.Popen([sys.executable, "-c", words], cwd=Path(__file__).parents[2])
    worker = noted_worker(root)
    run.kill()
    run.wait()
    assert Path(f"/proc/{worker}").exists()
    with Ledger.open("sqlite:///o.db", state) as opened:
        assert convert(instrument(), scope(root), (Gather(), Pack()), opened).state is State.OK
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)  # whoever inherited it buries it
    assert not Path(f"/proc/{worker}").exists()
    assert made(root) == ["cam1.cube.z", "cam2.cube.z"]
    assert not (root / ".nightferry").exists()


def noted_worker(root: Path) -> int:
    """Wait until both cubes are gathered and a task to pack one has noted its process; return that."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if len(made(root)) == 2:
            for note in root.glob(".nightferry/tmp/*/*/group"):
                words = note.read_text().split()
                if words and Path(f"/proc/{words[0]}").exists():
                    return int(words[0])
        time.sleep(0.02)
    raise AssertionError("nothing was begun")
