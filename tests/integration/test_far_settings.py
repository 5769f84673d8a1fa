"""What an account at the far end has set for itself changes no listing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts import Hosts
from tests.observatory import Observatory, folder_of


@pytest.mark.parametrize("setting", ["CDPATH={}", "POSIXLY_CORRECT=1", "TMPDIR=/nonexistent", "LC_ALL=tr_TR.UTF-8"])
def test_a_link_that_leads_round_is_followed_no_further_whatever_is_set(
    hosts: Hosts, tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    """With a CDPATH each file was listed, and carried, a second time below the link."""
    elsewhere = tmp_path / "elsewhere"
    name = f"set-{setting.partition('=')[0].lower()}"
    lines = f'SetEnv "{setting.format(elsewhere)}" "HOME={tmp_path}" "PATH=/usr/local/bin:/usr/bin:/bin"'
    host = hosts.start(name, (lines,))
    try:
        site = Observatory(tmp_path, (host,), capsys)
        site.add_local("archive")
        site.declare(copies=[site.copy(host), site.copy("archive")])
        site.mark(host)
        site.mark("archive")
        night = folder_of(site.night(1))
        (elsewhere / night).mkdir(parents=True)
        frames = site.expose([host], range(2))
        site.path(host, f"{night}/round").symlink_to("..")
        told = site.call("verify", "--json")
        assert (told.hop["missing"], told.hop["unrecognised"]) == (frames, [f"{night}/round"])
    finally:
        hosts.stop(host)
