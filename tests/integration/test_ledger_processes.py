"""The ledger between processes: several at once, and one that is killed in the middle of a write."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from catalogue.ledger import Ledger
from catalogue.records import MovedFile

URL = "sqlite:///catalogue.db"
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)

OPEN = """
import datetime as dt, pathlib, sys
from catalogue.ledger import Ledger
from catalogue.records import MovedFile
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
ledger = Ledger.open("sqlite:///catalogue.db", pathlib.Path(sys.argv[1]))
"""

WRITE_RUNS = """
for number in range(100):
    run = ledger.start_run("sync", ["sha"], NOON, sys.argv[2], number)
    ledger.record_moved(run, sys.argv[2], "a:b", [MovedFile(b"%d" % number, number, 1.0)], NOON)
"""

WRITE_AND_HANG = """
run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
ledger.record_moved(run, "sha", "a:b", [MovedFile(b"before", 1, 1.0)], NOON)
from catalogue.insertion import Insertion
write = Insertion.insert
# a write held up before its end, as by a slow disk
def slowly(insertion, connection, rows):
    (hop, path, size, mtime, sum_, batch) = list(rows)[-1]
    write(insertion, connection, [(hop, b"%d" % n, n, mtime, sum_, batch) for n in range(200_000)])
    print("in the middle", flush=True)
    sys.stdin.read()
Insertion.insert = slowly
ledger.record_moved(run, "sha", "a:b", [MovedFile(b"x", 1, 1.0)], NOON)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process that works on the ledger."""
    command = [sys.executable, "-c", OPEN + program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_start_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four of them find no database at the same moment; one makes it, and every note of all four is kept."""
    names = ["sha", "shd", "spupnic", "mookodi"]
    processes = [start(WRITE_RUNS, tmp_path, name) for name in names]
    assert [process.communicate(timeout=60)[0] for process in processes] == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    with Ledger.open(URL, tmp_path) as ledger:
        assert len(ledger.unfinished_runs()) == 400
        assert [len(list(ledger.moved_files(name, "a:b"))) for name in names] == [100] * 4


def test_threads_may_share_one_ledger(tmp_path: Path) -> None:
    """As the steps of a night do."""
    with Ledger.open(URL, tmp_path) as ledger, ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda number: ledger.start_run("sync", ["sha"], NOON, "astro", number), range(100)))
        assert len(set(runs)) == 100


def test_a_write_killed_in_its_middle_leaves_the_old_state(tmp_path: Path) -> None:
    """200,000 rows are written and not committed when the process is killed: none of them is there, and all works."""
    process = start(WRITE_AND_HANG, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    with Ledger.open(URL, tmp_path, busy_timeout_s=5) as ledger:
        assert [file.path for file in ledger.moved_files("sha", "a:b")] == [b"before"]
        (crashed,) = ledger.unfinished_runs()
        ledger.record_moved(crashed.id, "sha", "a:b", [MovedFile(b"after", 1, 1.0)], NOON)
        assert len(list(ledger.moved_files("sha", "a:b"))) == 2


def test_a_reader_is_not_held_up_by_a_write(tmp_path: Path) -> None:
    """`status` answers while a sync notes its files."""
    process = start(WRITE_AND_HANG, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    with Ledger.open(URL, tmp_path, busy_timeout_s=5) as ledger:
        assert ledger.status("sha") == []
        assert len(ledger.unfinished_runs()) == 1
    process.kill()
    process.communicate(timeout=10)
