"""What the tests start for themselves is gone after them, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import leftovers
from tests.shared import REPOSITORY
from tests.transfers import programs_that_name, wait_until

RUN = """
import subprocess, sys, time
from tests import leftovers
with leftovers.run_folder() as folder:
    for place in (folder / "server", sys.argv[1]):
        subprocess.Popen([sys.executable, "-ISsc", "import time; time.sleep(600)", place], stdout=subprocess.DEVNULL)
    leftovers.also(folder, sys.argv[1])
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a run that has started a program in its own folder and one in a folder of pytest's."""
    words = [sys.executable, "-c", RUN, str(tmp_path / "pytest")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=REPOSITORY, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()
    leftovers.end(tmp_path, is_over=True)


def started(run: subprocess.Popen[str]) -> Path:
    """Return the run's folder once both programs are there."""
    assert run.stdout is not None
    folder = Path(run.stdout.readline().strip())
    assert wait_until(lambda: len(programs(run, folder.parent)) == 2)
    return folder


def programs(run: subprocess.Popen[str], folder: Path) -> list[int]:
    """Return the ids of what a run started with a name below a folder."""
    return [pid for pid in programs_that_name(folder, b"sleep") if pid != run.pid]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_run_started_ends_with_it_also_if_it_is_killed(
    run: subprocess.Popen[str], number: int, tmp_path: Path
) -> None:
    """Its guard outlives it for a moment: programs, and its folder, are gone."""
    folder = started(run)
    run.send_signal(number)
    assert wait_until(lambda: not programs(run, tmp_path) and not folder.exists())


def test_a_run_that_comes_to_its_end_leaves_alone_what_is_not_in_its_folder(
    run: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A person may be looking at a folder of pytest's: only what is killed off leaves its own programs there."""
    folder = started(run)
    run.communicate()
    assert wait_until(lambda: not folder.exists())
    assert len(programs(run, tmp_path)) == 1


def test_where_the_guard_was_killed_too_the_next_run_clears(
    run: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as a run lives, its folder is not another's to clear."""
    folder = started(run)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    leftovers.clear()
    assert folder.exists()
    for guard in children(run.pid, b"leftovers.py"):
        os.kill(guard, signal.SIGKILL)
    run.kill()
    run.wait()
    assert len(programs(run, tmp_path)) == 2
    leftovers.clear()
    assert not folder.exists()
    assert not programs(run, tmp_path)


def children(parent: int, program: bytes) -> list[int]:
    """Return the ids of a process's children that run a program."""
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [pid for pid in map(int, text.split()) if program in Path(f"/proc/{pid}/cmdline").read_bytes()]
