"""Processes of jobs: what the program that starts them has loaded is not loaded again in each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.test_night_steps import FIRST, expose
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
