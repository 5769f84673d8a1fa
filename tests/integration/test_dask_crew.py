"""``workers: tcp://scheduler:port``: a real scheduler and two workers on loopback, one of which dies on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalogue.ledger import Ledger
from converters.command import CommandStep
from converters.outcome import RowResult
from converters.pipeline import ConvertOptions, convert
from observatory.errors import SchedulerSilent
from observatory.truth import State
from tests.integration.test_night_steps import CHAIN, FIRST, expose, instrument, made, scope
from tests.nightsteps import Pack

REPOSITORY = Path(__file__).parents[2]
START_S = 60.0


@dataclass
class Cluster:
    """A scheduler's address, and its workers."""

    address: str
    workers: list[subprocess.Popen[bytes]]


def begin(*words: str) -> subprocess.Popen[bytes]:
    """Start one of dask's programs."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        cwd="/",
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a scheduler with two workers of one thread each."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    scheduler = begin(
        "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)
    )
    options = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--host", "127.0.0.1")
    workers = [
        begin("worker", "--scheduler-file", str(file), *options, "--local-directory", str(folder / name))
        for name in ("one", "two")
    ]
    try:
        yield Cluster(address_in(file), workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def address_in(file: Path) -> str:
    """Wait for a scheduler to say where it listens."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if file.exists() and file.stat().st_size:
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.05)
    raise AssertionError("no scheduler began")


def test_a_cluster_takes_a_night_through_its_steps_though_a_worker_dies(cluster: Cluster, tmp_path: Path) -> None:
    """What the dead worker had in hand the other one does; each product is whole, and nothing else is left."""
    root = tmp_path / "data"
    expose(root, FIRST)
    steps = (*CHAIN[:3], Pack(dies_once=str(tmp_path / "died")), CHAIN[4])
    options = ConvertOptions(workers=cluster.address)
    with Ledger.open("sqlite:///catalogue.db", tmp_path) as ledger:
        outcome = convert(instrument(), scope(root), steps, ledger, options)
        assert outcome.state is State.OK, [row.reason for row in outcome.rows]
        again = convert(instrument(), scope(root), steps, ledger, options)
        assert {row.result for row in again.rows} == {RowResult.SKIPPED}
    assert sorted(worker.poll() is None for worker in cluster.workers) == [False, True]
    assert made(root) == ["N0001.cube.z", "N0002.cube.z", "manifest-20251106.json"]
    assert not (root / ".nightferry").exists()


def test_a_program_is_run_where_a_worker_is(cluster: Cluster, tmp_path: Path) -> None:
    """A command's failure comes back with its last words."""
    root = tmp_path / "data"
    expose(root, FIRST)
    text = "import os, sys; open(sys.argv[2], 'w').write(str(os.getppid())); sys.exit('2.raw' in sys.argv[1])"
    run = [sys.executable, "-c", text, "{input}", "{output}"]
    step = CommandStep.model_validate(
        {"step": "command", "run": run, "inputs": ["cam1/*.raw"], "outputs": ["{stem}.parent"]}
    )
    with Ledger.open("sqlite:///catalogue.db", tmp_path) as ledger:
        outcome = convert(instrument(), scope(root), [step], ledger, ConvertOptions(workers=cluster.address))
    assert [row.result for row in outcome.rows] == [RowResult.DONE, RowResult.FAILED]
    assert outcome.rows[1].reason == "exit status 1"
    parent = int((root / "20251106/cam1/f1.parent").read_text())
    assert parent in [worker.pid for worker in cluster.workers]


def test_a_scheduler_that_is_away_is_said_and_nothing_is_done(tmp_path: Path) -> None:
    """It could not be told, and the next run tries again."""
    expose(tmp_path / "data", FIRST)
    with (
        Ledger.open("sqlite:///catalogue.db", tmp_path) as ledger,
        pytest.raises(SchedulerSilent, match="no scheduler"),
    ):
        convert(instrument(), scope(tmp_path / "data"), CHAIN, ledger, ConvertOptions(workers="tcp://127.0.0.1:9"))


def test_a_task_that_takes_too_long_on_a_worker_is_given_up(cluster: Cluster, tmp_path: Path) -> None:
    """By its own time limit, which counts from when a worker begins; the last test, as that worker sleeps on."""
    root = tmp_path / "data"
    expose(root, FIRST)
    steps = (*CHAIN[:3], Pack(sleep_s=10.0, timeout_s=0.5))
    with Ledger.open("sqlite:///catalogue.db", tmp_path) as ledger:
        outcome = convert(instrument(), scope(root), steps, ledger, ConvertOptions(workers=cluster.address))
    (reason, _) = [row.reason for row in outcome.rows if row.step == "pack"]
    assert reason == "it took longer than 0.5 s and was given up"
