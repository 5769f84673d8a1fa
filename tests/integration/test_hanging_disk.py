"""A disk that hangs below a machine that works: it is waited for once in a run, said with its reason, and no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from observatory.endpoints import channels, hanging, surveying, watched
from observatory.endpoints.contract import HostAccess, Promise, SurveyRequest
from observatory.endpoints.local import LocalEndpoint
from observatory.endpoints.ssh import SshEndpoint
from observatory.errors import CommandFailed, DiskSilent
from tests.hanging import hung
from tests.hosts import Host, below
from tests.observatory import Observatory
from tests.transfers import wait_until

PATIENCE_S = 2.0
INSTRUMENTS = ("sha", "shd", "spu")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute would be the test's only length."""
    monkeypatch.setattr(surveying, "PREAMBLE_S", PATIENCE_S)
    monkeypatch.setattr(hanging, "AWAKE_S", PATIENCE_S)


@pytest.fixture
def site(three_hosts: tuple[Host, Host, Host], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Three instruments on one host, and their archives: on the disk of another, and one beside it."""
    made = Observatory(tmp_path / "site", three_hosts[:2], capsys)
    made.add_local("here")
    return made


def declare(site: Observatory, archive: Host | str) -> None:
    """Declare the instruments with a night each."""
    for name in INSTRUMENTS:
        site.declare(name, copies=[site.copy(site.hosts[0], name), site.copy(archive, name)])
        site.mark(site.hosts[0], name)
        site.mark(archive, name)
        site.expose([site.hosts[0]], [1, 2], instrument=name)


@pytest.mark.parametrize(("job", "is_here"), [("verify", False), ("sync", True), ("run", False)])
def test_a_disk_that_hangs_is_waited_for_once_in_a_run(site: Observatory, job: str, is_here: bool) -> None:
    """Each hop that leads to it waited a minute, and a run twice: with twenty instruments the report was late."""
    archive: Host | str = "here" if is_here else site.hosts[1]
    declare(site, archive)
    disk = site.root(archive).parent
    with hung(disk):
        began_s = time.monotonic()
        told = site.call(job)
        assert time.monotonic() - began_s < 2 * PATIENCE_S + 5
    assert told.status == 3
    assert told.out.count(f"it is the disk below {disk} that hangs") == len(INSTRUMENTS) * (2 if job == "run" else 1)
    assert told.out.count("not waited for again") == len(INSTRUMENTS) * (2 if job == "run" else 1) - 1
    assert f"{site.root(archive, 'spu')}" in told.out


def test_other_disks_of_the_host_are_looked_at(site: Observatory) -> None:
    """One that hangs says nothing of the next one, whether it was looked at before or after."""
    declare(site, site.hosts[1])
    assert site.call("sync").status == 0
    with hung(site.root(site.hosts[1], "shd")):
        told = site.call("verify", "--json").document
    assert [hop["state"] for hop in told["hops"]] == ["ok", "unknown", "ok"]
    assert site.call("verify").status == 0, "the next run asks again"


def test_what_reads_by_itself_does_not_begin_on_a_disk_that_hangs(site: Observatory) -> None:
    """A process that waits for such a disk hears no word to end: the next morning's run found it at work."""
    site.copy("here")
    root = os.fsencode(site.root("here"))
    endpoint = LocalEndpoint(HostAccess("here", "here", is_local=True))
    with hung(site.root("here")):
        for ask in (
            lambda: list(endpoint.hash(root, [b"a"])),
            lambda: list(endpoint.stat(root, [b"a"])),
            lambda: endpoint.open(root + b"/a"),
            lambda: endpoint.free_bytes(root),
        ):
            with pytest.raises(DiskSilent):
                ask()


@pytest.mark.parametrize(
    "ask",
    [
        lambda endpoint, root: list(endpoint.hash(root, [b"a.fits"])),
        lambda endpoint, root: list(endpoint.stat(root, [b"a.fits"])),
        lambda endpoint, root: list(endpoint.differing(root, [Promise(b"a.fits", 1, 1.0)])),
        lambda endpoint, root: list(endpoint.inspect(root, [b"a.fits"], True)),
    ],
    ids=["hash", "stat", "differing", "inspect"],
)
def test_a_disk_that_stops_after_it_had_answered_is_waited_for_as_long_as_a_far_one(
    site: Observatory, monkeypatch: pytest.MonkeyPatch, ask: Callable[[LocalEndpoint, bytes], object]
) -> None:
    """What read there waited for ever, and so did the report of all other hosts; nobody is kept who wants to end."""
    monkeypatch.setattr(watched, "STILL_S", PATIENCE_S)
    site.copy("here")
    root, endpoint = os.fsencode(site.root("here")), LocalEndpoint(HostAccess("here", "here", is_local=True))
    ask(endpoint, root)
    with hung(site.root("here")):
        with pytest.raises(DiskSilent, match=f"within {PATIENCE_S:g} s while"):
            ask(endpoint, root)
        with pytest.raises(DiskSilent, match="not waited for again"):
            ask(endpoint, root)


def test_who_reads_a_disk_that_stops_is_let_go(site: Observatory) -> None:
    """Long before the disk is given up."""
    site.copy("here")
    root, endpoint = os.fsencode(site.root("here")), LocalEndpoint(HostAccess("here", "here", is_local=True))
    list(endpoint.stat(root, [b"a"]))
    with hung(site.root("here")):
        threading.Timer(0.5, endpoint.close).start()
        began_s = time.monotonic()
        with pytest.raises(CommandFailed, match="let go"):
            list(endpoint.stat(root, [b"a"]))
        assert time.monotonic() - began_s < 20


def test_a_host_with_sftp_alone_is_not_asked_again_either(
    sftp_host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints no list of its disks; so much is known of the root itself."""
    monkeypatch.setattr(channels, "SFTP_ANSWER_S", PATIENCE_S)
    root = sftp_host.root / tmp_path.name
    root.mkdir()
    with closing(SshEndpoint(sftp_host.access)) as endpoint, hung(root):
        request = SurveyRequest(os.fsencode(root), ())
        with pytest.raises(DiskSilent):
            endpoint.survey(request)
        began_s = time.monotonic()
        with pytest.raises(DiskSilent, match="not waited for again"):
            endpoint.survey(request)
        assert time.monotonic() - began_s < 1.0


@pytest.mark.parametrize("job", ["verify", "sync"])
def test_told_to_end_nobody_is_kept_by_a_disk_of_this_machine(site: Observatory, job: str) -> None:
    """It waited out the minute, or the quarter of an hour that a listing may take."""
    declare(site, "here")
    with (
        hung(site.root("here").parent),
        subprocess.Popen(site.command(job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert wait_until(lambda: any("cd " in words for words in map(words_of, below(process.pid))))
        process.send_signal(signal.SIGTERM)
        assert "stopped before its end" in process.communicate(timeout=10)[1]
    assert process.returncode == 130


def words_of(process: int) -> str:
    """Return what a process was called with; nothing of one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


IMPATIENT = f"""
from observatory.endpoints import hanging, surveying
hanging.AWAKE_S = surveying.PREAMBLE_S = {PATIENCE_S}
from nightferry.__main__ import run
run()
"""
"""The command, in a process that can be killed: what waits for such a disk by itself hears nothing else."""
STEP = {"step": "command", "run": ["cp", "{input}", "{output}"], "inputs": ["*.fits"], "outputs": ["{input}.twin"]}


@pytest.fixture
def worked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An archive here, whose nights went through a step and travel on after it, and are catalogued."""
    made = Observatory(tmp_path / "worked", (), capsys)
    for name in ("dome", "archive", "town"):
        made.add_local(name)
    copies = [made.copy("dome"), made.copy("archive"), made.copy("town", after="command")]
    made.declare(
        copies=copies,
        convert={"steps": [{**STEP, "copy": "archive"}]},
        catalogue={},
        retention={"keep_nights": 1, "copies": 1, "within_days": 30},
    )
    for name in ("dome", "archive", "town"):
        made.mark(name)
    made.expose(["dome"], [1, 2], back=2)
    assert made.call("run").status == 0
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("convert",),
        ("run",),
        ("restore", "-i", "sha", "-n", "7"),
        ("catalogue", "fill"),
        ("catalogue", "rebuild"),
        ("sync", "--hop", "archive:town"),
    ],
    ids=" ".join,
)
def test_no_command_waits_by_itself_for_a_disk_that_hangs(worked: Observatory, words: tuple[str, ...]) -> None:
    """`convert` did for ever, heard no word to end, and held the instrument's lock for the next morning's run."""
    call = [sys.executable, "-c", IMPATIENT, *worked.command(*words)[1:]]
    with hung(worked.root("archive")):
        told = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 3, told.stdout + told.stderr
    assert f"it is the disk below {worked.root('archive')} that hangs" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr
