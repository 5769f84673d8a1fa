"""One folder that two declared hosts share is no second copy, however its hosts hide that it is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.ends import SAME_FOLDER
from tests.hosts import Host
from tests.observatory import Observatory, folder_of


@pytest.mark.parametrize("is_marked", [True, False], ids=["empty marker", "no marker"])
def test_a_folder_seen_here_and_over_sftp_is_one(
    tmp_path: Path, sftp_host: Host, capsys: pytest.CaptureFixture[str], is_marked: bool
) -> None:
    """SFTP shows no inode and a marker made by hand no id: the id that is written tells, from the first sync on."""
    site = Observatory(tmp_path, [sftp_host], capsys)
    site.add_local("here")
    declared = site.copy(sftp_host)
    site.declare(copies=[declared | {"host": "here"}, declared])
    site.expose([sftp_host], range(3))
    if is_marked:
        site.mark(sftp_host)
    for command in ("sync", "sync", "verify"):
        answer = site.call(command, "--json")
        assert (answer.status, answer.hop["state"]) == (3, "unknown"), command
        assert "one and the same folder" in answer.hop["reason"]


def test_an_empty_marker_of_a_destination_is_given_an_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A marker that says something already is left as it is, and so is the source's."""
    site = Observatory(tmp_path, (), capsys)
    site.add_local("dome")
    site.add_local("archive")
    site.declare(copies=[site.copy("dome"), site.copy("archive")])
    site.expose(["dome"], range(3))
    site.mark("dome")
    site.mark("archive")
    assert site.call("sync").status == 0
    given = site.path("archive", ".nightferry/root").read_text()
    assert len(given.strip()) == 32
    assert site.path("dome", ".nightferry/root").read_text() == ""
    assert site.call("sync").status == 0
    assert site.path("archive", ".nightferry/root").read_text() == given


@pytest.mark.parametrize("crosses_disks", [False, True])
def test_a_years_folder_that_is_the_sources_own_is_no_copy_between_machines_either(
    tmp_path: Path,
    three_hosts: tuple[Host, Host, Host],
    capsys: pytest.CaptureFixture[str],
    crosses_disks: bool,
) -> None:
    """Both machines mount one file server, and the archive's year leads to the telescope's: all was called proven."""
    dome, archive, _ = three_hosts
    site = Observatory(tmp_path, (dome, archive), capsys)
    transfer = {"transfer": {"one_file_system": not crosses_disks}}
    site.declare(copies=[site.copy(dome, **transfer), site.copy(archive, **transfer)])
    site.mark(archive)
    site.expose([dome], range(3))
    year = site.path(archive, f"{site.night(1):%Y}")
    year.symlink_to(site.path(dome, year.name))
    for command in ("verify", "run"):
        answer = site.call(command)
        assert answer.status == 3, answer
        assert f"{site.path(archive, folder_of(site.night(1)))} {SAME_FOLDER}" in answer.out
        assert f"`find {site.root(archive)} -type d -exec touch {{}} +`" in answer.out
    year.unlink()
    assert site.call("run").status == 0


def test_a_copy_that_others_fill_may_be_a_clone_of_the_source(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """`zfs receive` gives the folders of its copy the numbers and times of the others, each night anew."""
    dome, archive, _ = three_hosts
    site = Observatory(tmp_path, (dome, archive), capsys)
    site.declare(copies=[site.copy(dome), site.copy(archive, fill="external")])
    site.mark(archive)
    site.expose([dome], range(3))
    year = site.path(archive, f"{site.night(1):%Y}")
    year.symlink_to(site.path(dome, year.name))  # what no listing tells from a clone
    assert site.call("verify").status == 0


def test_a_last_copy_that_is_the_first_ones_folder_is_none_from_the_first_sync_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of them had a marker yet: the one that was just written stands in two places at once."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "mid", "far"):
        site.add_local(name)
    site.declare(copies=[site.copy("dome"), site.copy("mid"), site.copy("far")])
    site.expose(["dome"], range(3))
    site.root("far").rmdir()
    site.root("far").symlink_to(site.root("dome"))
    answer = site.call("sync", *site.new_roots(), "--json")
    first, last = answer.document["hops"]
    assert (answer.status, first["state"], last["state"]) == (3, "ok", "unknown"), answer
    assert "one folder is no two copies" in last["reason"]
