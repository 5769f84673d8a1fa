"""Odd names, and runs that are killed: nothing half at a final name, the next run completes, nothing is left behind."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Answer, Observatory, fits_file, folder_of, ours, tree

Capsys = pytest.CaptureFixture[str]

ODD = [
    b"SHA_a\nb.fits",
    "SHA_\N{LATIN SMALL LETTER E WITH ACUTE}.fits".encode("latin-1"),
    b"-SHA_n --delete.fits",
    b"SHA_'quo\"te' $(id) `id` ;&|.fits",
    b"SHA_back\\slash *?[x].fits",
    b"SHA_" + b"x" * 245 + b".fits",
    b"SHA_ two  blanks .fits",
]


@pytest.mark.parametrize("engine", [None, "pipe", "sftp"])
def test_every_name_travels_and_is_reported(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys, engine: str | None
) -> None:
    """Newline, Latin-1, dash, quotes, stars and 254 bytes: missing by name, carried by every engine, proven."""
    alpha, beta, _ = three_hosts
    site = Observatory(tmp_path, [alpha, beta], capsys)
    transfer = {"engine": engine} if engine else {}
    copies = [site.copy(alpha), site.copy(beta, transfer=transfer)]
    site.declare("sha", cameras={"sha": {"files": ["*.fits"]}}, copies=copies)
    folder = folder_of(site.night()).encode()
    for number, name in enumerate(ODD):
        site.put(alpha, folder + b"/" + name, fits_file(seed=number))
    site.mark(beta)
    found = site.call("verify", "--json")
    assert found.status == 1
    assert [as_bytes(one) for one in found.hop["missing"]] == sorted(folder + b"/" + name for name in ODD)
    text = site.call("verify").out
    assert "SHA_a\\x0ab.fits" in text and "SHA_\\xe9.fits" in text
    assert site.call("sync").status == 0
    assert site.call("verify", "--level", "checksum").status == 0
    assert tree(site.root(beta)) == tree(site.root(alpha))
    assert len(tree(site.root(beta))) == len(ODD)
    assert ours(site.root(beta)) == ["root"]


def as_bytes(value: object) -> bytes:
    """Return a name as JSON carries it, in bytes again."""
    if isinstance(value, dict):
        return base64.b64decode(value["bytes"])
    assert isinstance(value, str)
    return value.encode()


@pytest.fixture
def heavy(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """One hop with a rate so low that twelve files of 400 kB take seconds; one of them is an older version there."""
    alpha, beta, _ = three_hosts
    site = Observatory(tmp_path, [alpha, beta], capsys)
    transfer = {"rate_bytes_per_s": 800_000, "sessions": 1}
    site.declare("sha", copies=[site.copy(alpha), site.copy(beta, transfer=transfer)])
    night = site.night()
    for number in range(12):
        name = f"{folder_of(night)}/SHA_{night_text(night)}.{number:04d}.fits"
        site.put(alpha, name, fits_file(400_000, seed=number))
    site.put(beta, f"{folder_of(night)}/SHA_{night_text(night)}.0000.fits", fits_file(100, seed=77))
    site.mark(beta)
    return site


def whole_or_absent(site: Observatory, old: dict[str, str]) -> None:
    """Whatever stands at a final name on the destination is the old file or the new one, whole."""
    source, there = tree(site.root(site.hosts[0])), tree(site.root(site.hosts[1]))
    for name, digest in there.items():
        assert digest in (source[name], old.get(name)), f"{name} is half there"


@pytest.mark.parametrize("engine", ["pipe", "rsync", "sftp"])
def test_a_killed_sync_leaves_nothing_half_and_the_next_completes(heavy: Observatory, engine: str) -> None:
    """SIGKILL in the middle of a copy, at three different moments; then one sync that goes on and tidies."""
    alpha, beta = heavy.hosts
    transfer = {"rate_bytes_per_s": 800_000, "sessions": 1, "engine": engine}
    heavy.declare("sha", copies=[heavy.copy(alpha), heavy.copy(beta, transfer=transfer)])
    old = tree(heavy.root(beta))
    for _ in range(2):
        kill_when_busy(heavy, beta)
        whole_or_absent(heavy, old)
    heavy.declare("sha", copies=[heavy.copy(alpha), heavy.copy(beta, transfer={"engine": engine})])
    after = completed(heavy)
    assert after.status == 0, after
    assert tree(heavy.root(beta)) == tree(heavy.root(alpha))
    assert [path for path in ours(heavy.root(beta)) if not path.startswith("replaced/")] == ["root"]
    assert heavy.call("verify", "--level", "checksum").status == 0


def completed(site: Observatory) -> Answer:
    """Sync; a receiver that outlives its killed sender may still hold on for a moment."""
    for _ in range(20):
        answer = site.call("sync")
        if answer.status != 4:
            break
        time.sleep(0.5)
    return answer


def kill_when_busy(site: Observatory, destination: Host) -> None:
    """Start a sync as a process and kill it once bytes lie below the destination's own folder."""
    process = subprocess.Popen(
        site.command("sync"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None and not busy(site.root(destination)):
        time.sleep(0.02)
    assert process.poll() is None, "the sync ended before it could be killed"
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def busy(root: Path) -> bool:
    """Say whether something is on its way, or the second file has arrived."""
    return any(path.split("/")[0] in ("tmp", "partial") for path in ours(root)) or len(tree(root)) > 1


@pytest.mark.parametrize(
    ("number", "engine", "rate"),
    [(signal.SIGINT, "pipe", 200_000), (signal.SIGTERM, "rsync", 100_000), (signal.SIGINT, "sftp", 20_000)],
)
def test_an_interrupted_sync_says_so_and_the_next_completes(
    heavy: Observatory, number: int, engine: str, rate: int
) -> None:
    """In the middle: no traceback, 130, no lock left, what is on the way is not waited for; the next goes on."""
    alpha, beta = heavy.hosts
    transfer = {"rate_bytes_per_s": rate, "sessions": 1, "engine": engine}  # all of it would take 24 s and more
    heavy.declare("sha", copies=[heavy.copy(alpha), heavy.copy(beta, transfer=transfer)])
    process = subprocess.Popen(heavy.command("sync"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None and not busy(heavy.root(beta)):
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "the next run goes on from here" in said
    assert "Traceback" not in said
    assert "lock" not in ours(heavy.root(beta))
    heavy.declare("sha", copies=[heavy.copy(alpha), heavy.copy(beta)])
    assert heavy.call("sync").status == 0
    assert tree(heavy.root(beta)) == tree(heavy.root(alpha))


def test_an_interrupted_verification_does_not_first_hash_the_rest(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """A hundred and twenty files of a gigabyte: hashing them takes minutes, ending takes one or two."""
    alpha, beta, _ = three_hosts
    site = Observatory(tmp_path, [alpha, beta], capsys)
    site.declare("sha")
    site.mark(beta)
    for path in site.expose(site.hosts, range(1, 121)):
        for host in site.hosts:
            os.truncate(site.path(host, path), 1 << 30)  # with holes: nothing is stored, all of it is read
    words = site.command("verify", "--level", "checksum")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=25)
    assert (process.returncode, "stopped before its end" in said) == (130, True)
