"""Freeing on far hosts, under other layouts, of files of any name; drives on a shelf; trees that are never freed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import Observatory, fits_file, tree

RETENTION = {"keep_nights": 3, "copies": 2, "within_days": 30}
CHECKER = Path(__file__).resolve().parents[2] / "tools" / "check_proof.py"


def read(site: Observatory) -> None:
    """Carry everything and hash it once on every copy."""
    site.fill("-n", "30")
    answer = site.call("verify", "--level", "checksum", "-n", "30")
    assert answer.status == 0, answer


def test_a_far_host_is_freed_under_other_layouts_and_whatever_the_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], three_hosts: tuple[Host, Host, Host]
) -> None:
    """Over SSH from end to end; the other copies call the same file by another path."""
    site = Observatory(tmp_path, three_hosts, capsys)
    alpha, beta, gamma = three_hosts
    copies = [site.copy(alpha), site.copy(beta, layout="%Y%m%d"), site.copy(gamma, layout="%Y/%m/%d")]
    site.declare(copies=copies, retention=RETENTION)
    night = site.night(5)
    for name in (b"SHA_\xff 'a'\n.fits", b"SHA_-rf.fits", b"deep/SHA_1.fits"):
        site.put(alpha, f"{night:%Y/%m%d}/".encode() + name, fits_file(seed=len(name)))
    read(site)
    whole = tree(site.root(beta))
    assert len(whole) == 3
    answer = site.call("prune", "--yes", "--json")
    assert answer.status == 0, answer
    assert tree(site.root(alpha)) == {}
    assert tree(site.root(beta)) == whole
    (proof,) = answer.document["copies"][0]["proofs"]
    roots = ["--root", f"beta={site.root(beta)}", "--root", f"gamma={site.root(gamma)}"]
    checked = subprocess.run([sys.executable, "-I", str(CHECKER), proof, *roots], capture_output=True, check=False)
    assert checked.returncode == 0, checked
    assert site.call("sync", "-n", "30").status == 0
    assert site.call("verify", "-n", "30", "--reverse").status == 0


def test_an_account_with_sftp_alone_can_be_freed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], three_hosts: tuple[Host, Host, Host], sftp_host: Host
) -> None:
    """No program runs there: everything is renamed, read and removed over SFTP."""
    site = Observatory(tmp_path, (sftp_host, *three_hosts[:2]), capsys)
    site.declare(retention=RETENTION)
    site.expose([sftp_host], (1, 2), 5)
    read(site)
    answer = site.call("prune", "--yes")
    assert (answer.status, tree(site.root(sftp_host))) == (0, {}), answer


def test_a_drive_on_a_shelf_counts_where_that_is_wished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its last hash, and only beside a copy that was seen; a tree without nights is never freed."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill", "shelf"):
        site.add_local(name)
    cameras = {"sha": {"files": ["SHA_*.fits"]}, "calib": {"files": ["*"], "nights": "none"}}
    copies = [site.copy("dome"), site.copy("hill"), site.copy("shelf", removable=True)]
    site.declare(copies=copies, cameras=cameras, retention=RETENTION)
    (path,) = site.expose(["dome"], (1,), 5)
    site.put("dome", "calib/flat.fits", fits_file())
    read(site)
    os.rename(site.root("shelf"), site.folder / "in the bag")  # noqa: PTH104
    site.root("shelf").mkdir()
    refused = site.call("prune", "--yes")
    assert "shelf is a drive that is not there" in refused.out
    assert site.path("dome", path).exists()
    site.declare(copies=copies, cameras=cameras, retention=RETENTION | {"count_absent": True})
    freed = site.call("prune", "--yes", "--json")
    assert freed.status == 0, freed
    assert sorted(tree(site.root("dome"))) == ["calib/flat.fits"]
    (proof,) = freed.document["copies"][0]["proofs"]
    assert subprocess.run([sys.executable, "-I", str(CHECKER), proof], capture_output=True, check=False).returncode == 0
