"""The daemon as a real process: jobs when they are due, made up when missed, ended cleanly by SIGTERM.

A missed job is due the moment the daemon starts, so nobody waits for a clock here; the schedule's own
arithmetic is tried in unit tests.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.date import DateTrigger

import nightferry.daemon
from nightferry.daemon import Daemon, trigger_of
from nightferry.workplace import Workplace
from observatory.truth import State
from tests.hosts import Host
from tests.observatory import ZONE, Observatory, fits_file, folder_of, ours, tree

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """One hop and a schedule that is never due while a test runs."""
    observatory = Observatory(tmp_path, three_hosts[:2], capsys)
    observatory.declare("sha")
    observatory.expose([three_hosts[0]], [1])
    observatory.mark(three_hosts[1])
    observatory.write_site(schedule={"run": "0 8 29 2 *"})
    return observatory


@pytest.fixture
def handlers() -> Iterator[None]:
    """Take the words to end back from a daemon that works in this process."""
    ours = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in ours.items():
        signal.signal(number, handler)


@contextmanager
def daemon(site: Observatory) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon; it is ended in any case."""
    process = subprocess.Popen(
        site.command("daemon"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ended(process: subprocess.Popen[str]) -> str:
    """Tell the daemon to end, wait, and return its standard error; its status is 0."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "daemon ended" in said
    return said


def wait_for(what: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def missed(site: Observatory, *jobs: str) -> None:
    """Make the ledger say that some jobs were last due long ago: the machine was off since."""
    with Workplace.at(site.config) as workplace:
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=9)
        for job in jobs:
            workplace.ledger.job_due(job, long_ago)
            workplace.ledger.job_finished(job, long_ago, long_ago, State.OK)


def reports(site: Observatory) -> list[Path]:
    """Return the folders of the reports that were kept whole."""
    return sorted(path.parent for path in (site.state / "reports").glob("*/record.json"))


def test_a_missed_run_is_made_up_and_said_in_its_report(site: Observatory) -> None:
    """The machine was off at the time: run at once, once, and the report says which run it is."""
    site.write_site(schedule={"run": "0 8 * * *"})
    missed(site, "run")
    with daemon(site) as process:
        wait_for(lambda: len(reports(site)) == 1)
        wait_for(lambda: bool(tree(site.root(site.hosts[1]))))
        said = ended(process)
    assert tree(site.root(site.hosts[1])) == tree(site.root(site.hosts[0]))
    notes = json.loads((reports(site)[0] / "report.json").read_text())["notes"]
    assert any("the run due at" in note["sentence"] and "was missed" in note["sentence"] for note in notes)
    assert said.count("job ended") <= 1


def test_the_first_start_misses_nothing(site: Observatory) -> None:
    """Nobody was asked before: no job is made up."""
    site.write_site(schedule={"run": "0 8 * * *"})
    with daemon(site) as process:
        wait_for((site.state / "catalogue.db").exists)
        time.sleep(1.0)
        ended(process)
    assert reports(site) == []


def test_a_second_daemon_exits_4_and_the_first_works_on(site: Observatory) -> None:
    """A unit of systemd and one by hand: each job would be done, and mailed, twice."""
    held = site.state / "locks" / "daemon"
    with daemon(site) as process:
        wait_for(lambda: held.exists() and bool(held.read_bytes()))
        second = subprocess.run(site.command("daemon"), capture_output=True, text=True, timeout=30, check=False)
        assert (second.returncode, second.stdout) == (4, "")
        assert f"daemon: another run holds the lock (process {process.pid} since" in second.stderr
        ended(process)
    with daemon(site) as later:
        wait_for(lambda: f"process {later.pid} " in held.read_text())
        ended(later)


def test_two_jobs_due_at_once_both_run(site: Observatory) -> None:
    """One waits for the other, neither vanishes, although both want the same instrument."""
    site.write_site(schedule={"run": "0 8 * * *", "verify": "0 8 * * *"})
    missed(site, "run", "verify")
    with daemon(site) as process:
        wait_for(lambda: len(reports(site)) == 2)
        ended(process)
    kinds = sorted(folder.name.rpartition("-")[2] for folder in reports(site))
    assert kinds == ["run", "verify"]


def test_sigterm_ends_a_job_and_the_daemon_cleanly(site: Observatory) -> None:
    """In the middle of a copy: the job is told to end and waited for; no lock, nothing half; the next run completes."""
    alpha, beta = site.hosts
    for number in range(12):
        site.put(alpha, f"{folder_of(site.night())}/SHA_x{number}.fits", fits_file(400_000, seed=number))
    slow = {"rate_bytes_per_s": 800_000, "sessions": 1}
    site.declare("sha", copies=[site.copy(alpha), site.copy(beta, transfer=slow)])
    site.write_site(schedule={"sync": "0 8 * * *"})
    missed(site, "sync")
    with daemon(site) as process:
        wait_for(lambda: any(path.split("/")[0] in ("tmp", "partial") for path in ours(site.root(beta))))
        ended(process)
    assert "lock" not in ours(site.root(beta))
    source = tree(site.root(alpha))
    assert all(source[name] == digest for name, digest in tree(site.root(beta)).items())
    site.declare("sha")
    assert site.call("sync").status == 0
    assert tree(site.root(beta)) == source


def test_the_job_that_was_cut_short_is_recorded_as_not_known(site: Observatory) -> None:
    """What the daemon ended itself is no success in the ledger."""
    alpha, beta = site.hosts
    site.put(alpha, f"{folder_of(site.night())}/SHA_big.fits", fits_file(4_000_000))
    slow = {"rate_bytes_per_s": 400_000, "sessions": 1}
    site.declare("sha", copies=[site.copy(alpha), site.copy(beta, transfer=slow)])
    site.write_site(schedule={"sync": "0 8 * * *"})
    missed(site, "sync")
    with daemon(site) as process:
        wait_for(lambda: any(path.split("/")[0] in ("tmp", "partial") for path in ours(site.root(beta))))
        ended(process)
    with Workplace.at(site.config) as workplace:
        last = workplace.ledger.last_job("sync")
    assert last is not None and last.state is State.UNKNOWN


def test_a_daemon_without_a_schedule_is_exit_2(site: Observatory) -> None:
    """It says what is lacking and does not pretend to work."""
    site.write_site(schedule={})
    answer = site.process("daemon")
    assert (answer.status, "schedule" in answer.err) == (2, True)


@pytest.mark.usefixtures("handlers")
def test_jobs_are_started_by_the_clock_one_after_the_other(site: Observatory) -> None:
    """Two jobs due in the same instant, soon: APScheduler fires both, the second when the first has ended."""
    soon = DateTrigger(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    started: list[list[str]] = []
    working: list[str] = []

    def start(words: list[str]) -> int:
        assert not working, "two jobs at a time"
        working.append(words[0])
        time.sleep(0.2)
        working.clear()
        started.append(words)
        if len(started) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0

    with Workplace.at(site.config) as workplace:
        Daemon(workplace, start, {"run": soon, "verify": soon}).serve()
    assert sorted(started) == [["run", "--scheduled"], ["verify", "--scheduled"]]


@pytest.mark.parametrize(
    ("expression", "since", "due"),
    [
        ("0 8 * * *", "2026-02-28T09:00", "2026-03-01T08:00"),
        ("0 8 29 2 *", "2026-03-01T00:00", "2028-02-29T08:00"),
        ("30 9 * * 1-5", "2026-11-20T10:00", "2026-11-23T09:30"),
        ("0 0 1 * 0", "2026-11-21T10:00", "2026-11-22T00:00"),
    ],
)
def test_an_expression_is_due_when_cron_would_be(expression: str, since: str, due: str) -> None:
    """Month ends, leap days, weekdays (Sunday is 0), and either of two days, in the site's zone."""
    zone = ZoneInfo(ZONE)
    after = dt.datetime.fromisoformat(since).replace(tzinfo=zone)
    fire = trigger_of(expression, zone).get_next_fire_time(None, after)
    assert fire == dt.datetime.fromisoformat(due).replace(tzinfo=zone)


def test_the_doctor_names_jobs_that_nothing_is_declared_for(site: Observatory) -> None:
    """A scheduled prune without `retention`, or convert without steps, would fail each time that it falls due."""
    site.write_site(schedule={"prune": "0 12 * * 1", "convert": "0 9 * * *"})
    lines = [line for line in site.call("doctor").out.splitlines() if " schedule " in line]
    assert [line.split(":")[0] for line in lines] == ["WRONG   schedule prune", "WRONG   schedule convert"]
    site.declare("sha", retention={"keep_nights": 60})
    site.write_site(schedule={"prune": "0 12 * * 1"})
    assert " schedule " not in site.call("doctor").out


@pytest.mark.usefixtures("handlers")
def test_a_schedule_that_is_edited_is_kept_from_then_on(
    site: Observatory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hour of before was kept until somebody started the daemon anew; nothing told."""
    monkeypatch.setattr(nightferry.daemon, "WATCH_S", 0.1)
    monkeypatch.setattr(nightferry.daemon, "trigger_of", soon_if_each_minute)  # cron has no seconds to wait for
    site.write_site(schedule={"run": "0 8 1 1 *"})
    started: list[list[str]] = []
    edits = edited_one_after_the_other(site)

    def start(words: list[str]) -> int:
        started.append(words)
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    with Workplace.at(site.config) as workplace, caplog.at_level(logging.INFO, "nightferry"):
        daemon = Daemon(workplace, start)
        edits.start()
        daemon.serve()
    edits.join()
    said = [record.message for record in caplog.records]
    assert [words[0] for words in started] == ["verify"]
    assert "the configuration is wrong; the schedule stays as it was" in said
    assert said.count("the schedule changed") == 1


def soon_if_each_minute(expression: str, zone: ZoneInfo) -> Any:
    """Return the trigger of an expression; what is due each minute is due in half a second."""
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.5)
    return DateTrigger(soon) if expression == "* * * * *" else trigger_of(expression, zone)


def edited_one_after_the_other(site: Observatory) -> threading.Thread:
    """Edit site.yaml while a daemon works: wrongly first, and then to a job that falls due each minute."""

    def edit() -> None:
        time.sleep(1.0)
        site.write_site(schedule={"verify": "* * * *"})
        time.sleep(1.0)
        site.write_site(schedule={"verify": "* * * * *"})

    return threading.Thread(target=edit)
