"""Two copies of one chain that are one folder, though they are not the two ends of one hop: neither is a second copy.

A disk is not mounted, and what is seen in its place is the disk of another copy.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import Observatory, folder_of


def in_place_of(site: Observatory, copy: Host | str, other: Host | str) -> None:
    """Show one copy's folder where another's should be."""
    shutil.rmtree(site.root(copy))
    site.root(copy).symlink_to(site.root(other))


@pytest.fixture
def fork(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An instrument of which an archive and the town are each filled from the dome; all is there."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "archive", "town"):
        site.add_local(name)
    site.declare(copies=[site.copy("dome"), site.copy("archive"), site.copy("town", from_="dome")])
    site.expose(["dome"], range(3))
    site.fill()
    assert site.call("verify").status == 0
    return site


def test_two_copies_of_one_source_that_are_one_folder_are_one_copy(fork: Observatory) -> None:
    """Both were green, and the night proven on two copies, while one of the two disks was looked at by nobody."""
    in_place_of(fork, "town", "archive")
    fork.expose(["dome"], [7])
    for command in ("verify", "run", "sync", "run"):
        answer = fork.call(command, "--json")
        town = answer.document["transfers" if command == "run" else "hops"][-1]
        assert (answer.status, town["state"]) == (3, "unknown"), command
        assert f"bears the marker of archive:{fork.root('archive')}" in town["reason"]
    assert "1/2" in fork.call("status").out


def test_on_other_machines_too(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """Over ssh, where no number of a folder tells; also of a pair that was never anything else."""
    alpha, beta, gamma = three_hosts
    site = Observatory(tmp_path, three_hosts, capsys)
    site.declare(copies=[site.copy(alpha), site.copy(beta), site.copy(gamma, from_="alpha")])
    in_place_of(site, gamma, beta)
    site.expose([alpha], range(3))
    assert site.call("sync", *site.new_roots()).status == 3
    answer = site.call("run", "--json")
    assert answer.status == 3
    assert [hop["state"] for hop in answer.document["hops"]] == ["ok", "unknown"]
    assert f"bears the marker of {beta.address}:" in answer.document["hops"][1]["reason"]


def test_a_last_copy_that_is_the_first_ones_folder_is_no_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is marked as it is filled; from then on the first copy bears that marker."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "archive", "town"):
        site.add_local(name)
    site.declare(copies=[site.copy(name) for name in ("dome", "archive", "town")])
    in_place_of(site, "town", "dome")
    site.expose(["dome"], range(3))
    site.call("sync", *site.new_roots())
    answer = site.call("run", "--json")
    assert (answer.status, [hop["state"] for hop in answer.document["hops"]]) == (3, ["ok", "unknown"])


def test_disks_that_were_exchanged_are_two(fork: Observatory) -> None:
    """Each bears what the other did: all is there, twice."""
    aside = fork.folder / "aside"
    fork.root("town").rename(aside)
    fork.root("archive").rename(fork.root("town"))
    aside.rename(fork.root("archive"))
    for command in ("verify", "sync", "run"):
        assert fork.call(command).status == 0, command


def test_a_copy_whose_marker_was_copied_is_one_again_without_it(fork: Observatory) -> None:
    """The remedy that the report names."""
    marker = fork.path("town", ".nightferry/root")
    shutil.copyfile(fork.path("archive", ".nightferry/root"), marker)
    refused = fork.call("verify")
    assert refused.status == 3 and f"rm {marker}" in refused.out
    marker.unlink()
    assert fork.call("sync").status == 0
    assert fork.call("verify").status == 0
    assert marker.read_text() != fork.path("archive", ".nightferry/root").read_text()


@pytest.mark.parametrize("command", ["verify", "run"])
@pytest.mark.parametrize("source", ["dome", "archive"], ids=["a fork", "a chain"])
def test_a_year_that_two_copies_share_is_one_copy(fork: Observatory, command: str, source: str) -> None:
    """Their roots and markers are two; by size both were green and the night proven on two copies."""
    fork.declare(copies=[fork.copy("dome"), fork.copy("archive"), fork.copy("town", from_=source)])
    year = fork.path("town", f"{fork.night(1):%Y}")
    shutil.rmtree(year)
    whose = "archive" if source == "dome" else "dome"
    year.symlink_to(fork.path(whose, year.name))
    answer = fork.call(command, "--json")
    first, second = [hop for hop in answer.document["hops"] if "compared" in hop]
    assert (answer.status, first["state"], second["state"]) == (3, "ok", "unknown")
    folder = folder_of(fork.night(1))
    assert f"is one and the same folder as {whose}:{fork.path(whose, folder)}" in second["reason"]


def test_copies_of_other_cameras_may_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is two hosts: frames come to it over the one, and logs over the other."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "archive", "town"):
        site.add_local(name)
    copies = [
        site.copy("dome"),
        site.copy("archive", cameras=["sha"]),
        site.copy("town", from_="dome", cameras=["log"]),
    ]
    site.declare(cameras={"sha": {"files": ["SHA_*.fits"]}, "log": {"files": ["*.log"]}}, copies=copies)
    in_place_of(site, "town", "archive")
    site.mark("archive")
    site.expose(["dome"], range(3))
    site.put("dome", f"{folder_of(site.night(1))}/night.log", b"seeing 1.1")
    for command in ("sync", "verify", "run"):
        assert site.call(command).status == 0, command
