"""Hosts that differ: SFTP alone, no rsync, two remote ends that know one another or do not.

What is proven is that the files arrive and which way they went; the engines' own promises are in tests/contract.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hosts import Host, Hosts
from tests.observatory import Observatory, ours, tree

Capsys = pytest.CaptureFixture[str]


def carried(site: Observatory) -> list[str]:
    """Carry a night of three frames all the way, prove it by checksum, and return each hop's engine."""
    source = site.hosts[0]
    site.expose([source], [1, 2, 3])
    synced = site.fill("--json")
    assert site.call("verify", "--level", "checksum").status == 0
    for host in site.hosts[1:]:
        assert tree(site.root(host)) == tree(site.root(source)) != {}
        assert ours(site.root(host)) == ["root"]
    return [hop["engine"] for hop in synced.document["hops"]]


def test_a_source_with_sftp_alone_is_carried_and_proven(
    tmp_path: Path, sftp_host: Host, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """No shell, no rsync, no find: listed, hashed and read through SFTP."""
    site = Observatory(tmp_path, [sftp_host, three_hosts[1]], capsys)
    site.declare("sha")
    assert set(carried(site)) == {"sftp"}


def test_an_archive_with_sftp_alone_is_filled(
    tmp_path: Path, sftp_host: Host, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """The other way round: marker, lock and temporary names need no shell either."""
    site = Observatory(tmp_path, [three_hosts[0], sftp_host], capsys)
    site.declare("sha")
    carried(site)


def test_a_host_without_rsync_or_gnu_tools_is_carried(
    tmp_path: Path, plain_host: Host, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """A shell is there and little else, at both ends of a hop in turn."""
    site = Observatory(tmp_path, [three_hosts[0], plain_host, three_hosts[2]], capsys)
    site.declare("sha")
    assert set(carried(site)) == {"sftp"}


def test_between_two_remote_hosts_rsync_runs_on_the_destination(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """With that host's own key and known_hosts: its log-in is in the source's log, ours is not its key."""
    alpha, beta, _ = three_hosts
    site = Observatory(tmp_path, [alpha, beta], capsys)
    site.declare("sha")
    log = alpha.folder / "sshd.log"
    before = log.read_text().count("Accepted publickey")
    assert carried(site) == ["rsync"]
    fingerprint = _fingerprint(beta.folder / "id_ed25519.pub")
    accepted = [line for line in log.read_text().splitlines() if "Accepted publickey" in line][before:]
    assert any(fingerprint in line for line in accepted)


def _fingerprint(public_key: Path) -> str:
    said = subprocess.run(["ssh-keygen", "-lf", str(public_key)], capture_output=True, text=True, check=True)
    return said.stdout.split()[1]


def test_where_the_destination_cannot_log_in_the_files_are_relayed(
    tmp_path: Path, hosts: Hosts, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """The source lets in this machine's key alone: relayed through here, and all arrives all the same."""
    alone = hosts.start(f"alone{len(hosts.hosts)}")
    (alone.folder / "authorized_keys").write_text(hosts.client_key.with_suffix(".pub").read_text())
    site = Observatory(tmp_path, [alone, three_hosts[1]], capsys)
    site.declare("sha")
    assert set(carried(site)) == {"sftp"}


def test_from_and_to_this_very_machine(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> None:
    """Pulled to a local folder, copied to another, pushed to the next host: three engines in one chain."""
    alpha, _, gamma = three_hosts
    site = Observatory(tmp_path, [alpha, gamma], capsys)
    site.add_local("here")
    site.add_local("drive")
    copies = [site.copy(place) for place in (alpha, "here", "drive", gamma)]
    site.declare("sha", copies=copies)
    site.expose([alpha], [1, 2])
    synced = site.fill("--json")
    assert [hop["engine"] for hop in synced.document["hops"]] == ["rsync", "local", "rsync"]
    assert tree(site.root(gamma)) == tree(site.root("drive")) == tree(site.root("here")) == tree(site.root(alpha))
    assert site.call("verify", "--level", "checksum").status == 0


def test_an_engine_that_was_asked_for_is_taken(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys
) -> None:
    """transfer.engine on a copy decides, although rsync would do."""
    alpha, beta, _ = three_hosts
    site = Observatory(tmp_path, [alpha, beta], capsys)
    site.declare("sha", copies=[site.copy(alpha), site.copy(beta, transfer={"engine": "sftp"})])
    assert set(carried(site)) == {"sftp"}
