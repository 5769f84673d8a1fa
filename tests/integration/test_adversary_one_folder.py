"""One folder that two declared hosts share is no second copy, however its hosts hide that it is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import Observatory


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
