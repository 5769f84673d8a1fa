"""Processes of jobs: what the program that starts them has loaded is not loaded again in each."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

from converters.base import NightFolder, Task
from converters.crew import Job, LocalCrew
from converters.outcome import fault_words
from converters.workspace import Halter, TaskLeash
from tests.integration.test_night_steps import FIRST, expose, instrument
from tests.nightsteps import Gather
from tests.shared import REPOSITORY

HEAVY = """
import os
with open(os.environ["LOADED"], "a") as stream:
    stream.write(f"{os.getpid()}\\n")

def words():
    return "heavy"
"""
PROGRAM = """
import sys
from pathlib import Path
from heavy import words

if __name__ == "__main__":
    from catalogue.ledger import Ledger
    from converters.pipeline import convert
    from tests.integration.test_night_steps import instrument, scope
    from tests.nightsteps import Gather, Stamp

    with Ledger.open("sqlite:///catalogue.db", Path(sys.argv[2])) as ledger:
        outcome = convert(instrument(), scope(Path(sys.argv[1])), [Gather(), Stamp()], ledger)
    print(*(row.result.value for row in outcome.rows), words())
"""


def test_a_programs_modules_are_loaded_once_for_the_processes_of_all_its_jobs(tmp_path: Path) -> None:
    """A command loads them once, and the process that those of the jobs are forked from once: not each job."""
    (tmp_path / "heavy.py").write_text(HEAVY)
    (tmp_path / "program.py").write_text(PROGRAM)
    expose(tmp_path / "data", FIRST)
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path}:{REPOSITORY}",
        "LOADED": str(tmp_path / "loaded"),
    }
    words = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "data"), str(tmp_path / "state")]
    ended = subprocess.run(words, env=environment, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
    assert ended.stdout.split() == ["done"] * 4 + ["heavy"]
    assert len(set((tmp_path / "loaded").read_text().split())) == 2


def test_a_process_that_cannot_even_note_itself_says_so_in_a_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As on a full disk: no traceback, the reason stands in the report where the other failures do."""
    expose(tmp_path / "data", FIRST)
    (tmp_path / "job" / "group").mkdir(parents=True)
    folder = NightFolder(FIRST, None, tmp_path / "data", b"20251106", ())
    task = Task(folder, b"20251106", (), (b"made",), "")
    job = Job(
        Gather(), task, [tmp_path / "made"], 60.0, instrument(), "here", dt.datetime.now(dt.UTC), tmp_path / "job", {}
    )
    with LocalCrew([Gather()]) as crew:
        done = crew.do(job, TaskLeash(tmp_path / "job", Halter()), None)
    assert done.failure == f"{tmp_path}/job/group: Is a directory"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied", "/data/n\udcff"), "/data/n\\xff: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("no number"), "OSError: no number"),
        (KeyError("FRAMEID"), "KeyError: 'FRAMEID'"),
    ],
)
def test_what_breaks_a_job_off_is_said_in_the_systems_words_where_it_has_any(error: Exception, words: str) -> None:
    """With the file, where it names one."""
    assert fault_words(error) == words
