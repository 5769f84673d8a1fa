"""Told to end while a host hangs in the middle of the work, a command ends soon, and not when the host is given up."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts import Host, Hosts, below, stopped
from tests.observatory import Observatory, age, folder_of
from tests.transfers import wait_until

ENDS_WITHIN_S = 25
"""On a machine that is busy with other tests; alone it takes three seconds, and it took at least a minute."""
FILE_BYTES = 16 << 20
SMALL_FILES, SMALL_BYTES = 1500, 1 << 16
SLOWLY_BYTES_PER_S = 4_000_000


@pytest.fixture(scope="module")
def far(hosts: Hosts) -> Host:
    """Give a host of its own: nobody else's work is to stand still."""
    return hosts.start("hangs")


@pytest.fixture
def site(far: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Give a dome here, and its archive on that host."""
    made = Observatory(tmp_path / "site", [far], capsys)
    made.add_local("here")
    return made


def declare(site: Observatory, engine: str) -> None:
    """Declare an instrument with one large file, which takes some seconds."""
    transfer = {"engine": engine, "rate_bytes_per_s": SLOWLY_BYTES_PER_S}
    site.declare(copies=[site.copy("here"), site.copy(site.hosts[0], transfer=transfer)])
    site.mark("here")
    site.mark(site.hosts[0])
    (path,) = site.expose(["here"], [1])
    site.put("here", path, os.urandom(1 << 20) * (FILE_BYTES >> 20))


@contextmanager
def at_work(site: Observatory, words: tuple[str, ...], is_begun: Callable[[], bool]) -> Iterator[subprocess.Popen[str]]:
    """Start a command and wait until it has begun; it is ended at the end."""
    process = subprocess.Popen(site.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            assert wait_until(is_begun)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("engine", ["rsync", "sftp"])
@pytest.mark.parametrize("is_whole", [False, True], ids=["its sessions", "all of it"])
def test_a_host_that_hangs_in_mid_file_keeps_nobody_who_wants_to_end(
    site: Observatory, far: Host, engine: str, is_whole: bool
) -> None:
    """It took a minute and a half: `systemctl stop` killed it before, and what it held was left behind."""
    declare(site, engine)
    temporary = site.root(far) / ".nightferry/tmp"

    def is_under_way() -> bool:
        return temporary.is_dir() and any(found.stat().st_size > 1 << 20 for found in temporary.iterdir())

    with at_work(site, ("sync",), is_under_way) as process, stopped([*below(far.pid), *([far.pid] * is_whole)]):
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 130, said
    assert "stopped before its end" in said
    assert (site.root(far) / ".nightferry/lock").exists() == is_whole  # who answers no more keeps it until it runs out
    assert site.call("sync").status == 0


def test_a_host_that_hangs_among_many_small_files_keeps_nobody_who_wants_to_end(site: Observatory, far: Host) -> None:
    """Their programs had been begun ahead, and were waited for: 70 s."""
    site.declare(copies=[site.copy("here"), site.copy(far)])
    site.mark("here")
    site.mark(far)
    for path in site.expose(["here"], range(100, 100 + SMALL_FILES)):
        site.put("here", path, bytes(SMALL_BYTES))
    night = site.path(far, folder_of(site.night(1)))

    def is_under_way() -> bool:
        return night.is_dir() and len(list(night.iterdir())) > 20

    with at_work(site, ("sync",), is_under_way) as process, stopped(below(far.pid)):
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 130, said
    assert site.call("sync").status == 0


def test_a_host_that_hangs_while_it_hashes_keeps_nobody_who_wants_to_end(site: Observatory, far: Host) -> None:
    """`verify` waited five minutes for its next answer."""
    declare(site, "sftp")
    (path,) = site.expose([far], [1])
    for host in (far, "here"):
        with site.path(host, path).open("r+b") as stream:
            stream.truncate(1 << 30)  # nothing is written of it; hashing it takes long enough to be met
        age(site.path(host, path), 1e6)

    def is_hashing() -> bool:
        return any(_reads(process, site.path(far, path)) for process in below(far.pid))

    with at_work(site, ("verify", "--level", "checksum"), is_hashing) as process, stopped(below(far.pid)):
        process.send_signal(signal.SIGTERM)
        assert "stopped before its end" in process.communicate(timeout=ENDS_WITHIN_S)[1]
    assert process.returncode == 130


def _reads(process: int, path: Path) -> bool:
    """Say whether a process has a file open; one that has ended has none."""
    try:
        return any(one.readlink() == path for one in Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return False
