"""Command steps that are ended: by their time limit, by an interrupt, or killed; and what the next run makes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from catalogue.ledger import Ledger
from catalogue.records import StepResult
from converters.outcome import RowResult
from converters.pipeline import convert
from tests.integration.command.declared import FPACK, NIGHT, Carry, half_step, instrument, program, results, scope, step


def is_alive(process: int) -> bool:
    """Say whether a process runs; one that ended and was not buried yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that takes a moment."""
    deadline = time.monotonic() + 60  # a busy machine takes its time to start a program
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


SLOW = """
import os, subprocess, sys, time
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf])
open(sys.argv[1] + ".half", "w").write("half")
with open(sys.argv[2] + ".new", "w") as stream:
    stream.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[2] + ".new", sys.argv[2])
time.sleep(600)
"""


def test_the_time_limit_ends_the_program_and_all_that_it_started(carry: Carry, root: Path, tmp_path: Path) -> None:
    """A child that ignores TERM too; the half-made product is removed."""
    note = tmp_path / "processes"
    declared = step(run=program(SLOW, "{input}", str(note)), inputs=["c.fits"], outputs=["{input}.half"], timeout_s=5)
    (row,) = carry(declared).rows
    assert row.reason == "it took longer than 5 s and was ended"
    processes = [int(word) for word in note.read_text().split()]
    wait_until(lambda: not any(is_alive(process) for process in processes))
    assert not (root / "2016/0908/c.fits.half").exists()


def test_what_a_program_leaves_running_is_ended(carry: Carry, root: Path, tmp_path: Path) -> None:
    """It exits at once and well, its child holds its output open: no waiting, and nothing writes on unseen."""
    text = (
        "import subprocess, sys; open(sys.argv[1] + '.x', 'w').write('x');"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid,"
        " file=open(sys.argv[2], 'w'))"
    )
    note = tmp_path / "child"
    declared = step(run=program(text, "{input}", str(note)), inputs=["c.fits"], outputs=["{input}.x"], timeout_s=60)
    started_s = time.monotonic()
    assert results(carry(declared)) == [RowResult.DONE]
    assert time.monotonic() - started_s < 30
    wait_until(lambda: not is_alive(int(note.read_text())))


KILLED = """
import pathlib, sys
from catalogue.ledger import Ledger
from converters.pipeline import convert
from tests.integration.command.declared import NIGHT, half_step, instrument, scope
root, state, note = map(pathlib.Path, sys.argv[1:])
with Ledger.open("sqlite:///catalogue.db", state) as ledger:
    convert(instrument(), scope(root, (NIGHT,)), [half_step(note)], ledger)
"""


def is_noted(process: int, root: Path) -> bool:
    """Say whether the run has written down that it started a process."""
    notes = (note.read_text().splitlines() for note in (root / ".nightferry/tmp").glob("*/*/group"))
    return any(line.split()[0] == str(process) for lines in notes for line in lines)


def test_a_run_that_was_killed_is_gone_on_with_by_the_next(root: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle: what was done is skipped, what was half made is made whole, the orphan is ended."""
    note = tmp_path / "orphan"
    driver = subprocess.Popen([sys.executable, "-c", KILLED, root, tmp_path / "state", note])
    wait_until(note.exists)
    orphan = int(note.read_text())
    wait_until(lambda: is_noted(orphan, root))  # who is killed between a program's start and this note knows nothing
    driver.kill()
    driver.wait()
    assert is_alive(orphan)
    assert (root / "2016/0907/b.fits.half").read_text() == "half"
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as ledger:
        records = {record.subject: record.result for record in ledger.step_records("sha", NIGHT)}
        assert records == {b"2016/0907/a.fits": StepResult.DONE, b"2016/0907/b.fits": StepResult.STARTED}
        outcome = convert(instrument(), scope(root, (NIGHT,)), [half_step(note)], ledger)
    assert results(outcome) == [RowResult.SKIPPED, RowResult.DONE]
    wait_until(lambda: not is_alive(orphan))
    assert (root / "2016/0907/b.fits.half").read_text() == "whole"
    assert not (root / ".nightferry").exists()


def test_an_interrupted_run_ends_its_programs_at_once(root: Path, tmp_path: Path) -> None:
    """Ctrl-C, or the TERM of a shutdown: nothing is left running, and no half product."""
    note = tmp_path / "orphan"
    driver = subprocess.Popen([sys.executable, "-c", KILLED, root, tmp_path / "state", note], stderr=subprocess.DEVNULL)
    wait_until(note.exists)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=30) != 0
    assert not is_alive(int(note.read_text()))
    assert sorted(path.name for path in (root / "2016/0907").glob("*.half")) == ["a.fits.half"]


def test_a_lost_ledger_makes_everything_anew_and_loses_nothing(root: Path, tmp_path: Path) -> None:
    """The products of before are nobody's then: they are kept, and new ones made."""
    for state in ("one", "two"):
        with Ledger.open("sqlite:///catalogue.db", tmp_path / state) as ledger:
            outcome = convert(instrument(), scope(root), [step(**FPACK)], ledger)
            assert results(outcome) == [RowResult.DONE] * 3
    assert len(list(root.glob(".nightferry/replaced/*/*/*/*.fz"))) == 3


def test_only_so_many_programs_work_at_a_time_though_more_tasks_are_at_hand(carry: Carry, root: Path) -> None:
    for number in range(8):
        (root / f"2016/0908/x{number}.fits").write_bytes(b"frame")
    counts = program(
        "import os, pathlib, sys, time\n"
        "me = pathlib.Path(sys.argv[2]) / f'{os.getpid()}.busy'\n"
        "me.touch(); time.sleep(0.1); seen = len(list(me.parent.glob('*.busy'))); me.unlink()\n"
        "pathlib.Path(sys.argv[1]).write_text(str(seen))",
        "{output}",
        str(root.parent),
        "{stem}",
    )
    outcome = carry(step(run=counts, inputs=["x*.fits"], outputs=["{stem}.seen"]), workers=2)
    assert set(results(outcome)) == {RowResult.DONE}
    assert max(int(path.read_text()) for path in root.rglob("*.seen")) <= 2


def test_a_program_that_closes_its_output_and_works_on_is_waited_for_without_work(carry: Carry, root: Path) -> None:
    lines = "import os, pathlib, sys, time\nos.close(1); os.close(2); time.sleep(0.5)\n"
    run = program(lines + "pathlib.Path(sys.argv[1]).write_text('made')", "{output}", "{stem}")
    before_s = time.process_time()
    outcome = carry(step(run=run, inputs=["a.fits"], outputs=["{stem}.made"]))
    assert set(results(outcome)) == {RowResult.DONE}
    assert (root / "2016/0907/a.made").read_text() == "made"
    assert time.process_time() - before_s < 0.3
