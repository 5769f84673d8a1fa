"""Nights away may hold files all the same: they are carried and proven, and only an absence is excused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.observatory import Observatory, Settings, tree


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """One instrument over two folders of this machine, marked and away for all of its window."""
    observatory = Observatory(tmp_path, (), capsys)
    observatory.add_local("dome")
    observatory.add_local("archive")
    span: Settings = {"from": f"{observatory.night(30):%Y%m%d}", "until": f"{observatory.night(0):%Y%m%d}"}
    copies = [observatory.copy("dome"), observatory.copy("archive")]
    observatory.declare(copies=copies, away=[span | {"reason": "in the workshop"}])
    observatory.mark("dome")
    observatory.mark("archive")
    return observatory


def test_what_nights_away_hold_all_the_same_is_carried(site: Observatory) -> None:
    """An instrument taken off in the middle of its window leaves nights that nobody has copied yet."""
    site.expose(["dome"], range(3))
    answer = site.call("sync", "--json")
    assert (answer.status, answer.hop["state"], answer.hop["transferred"]) == (0, "ok", 3)
    assert tree(site.root("archive")) == tree(site.root("dome"))


def test_nights_away_that_hold_nothing_are_away(site: Observatory) -> None:
    """Nothing was expected and nothing is there."""
    answer = site.call("sync", "--json")
    assert (answer.status, answer.hop["state"]) == (0, "away")
    assert "in the workshop" in answer.hop["reason"]


def test_a_source_that_is_off_while_away_is_no_alarm(site: Observatory) -> None:
    """The instrument's computer may have gone with it."""
    site.root("dome").rename(site.folder / "gone")
    answer = site.call("sync", "--json")
    assert (answer.status, answer.hop["state"]) == (0, "away")
