"""Nights away may hold files all the same: they are carried and proven, and only an absence is excused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from nightferry.hop_verify import VerifyWishes
from nightferry.runs import Run
from nightferry.selection import Asked
from nightferry.verifying import verify
from nightferry.workplace import Workplace
from observatory.truth import State
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


@pytest.fixture
def dismounted(site: Observatory) -> Observatory:
    """The same, taken off the telescope this morning; last night is not on the archive yet."""
    site.declare(copies=[site.copy("dome"), site.copy("archive")])
    site.expose(["dome"], range(3))
    return site


def _take_off(site: Observatory) -> None:
    site.call("away", "-i", "sha", "--until", f"{site.night(-60):%Y%m%d}", "--reason", "in the workshop")
    site.root("dome").rename(site.folder / "gone")


def test_what_was_seen_to_be_nowhere_else_is_not_excused_by_a_later_absence(dismounted: Observatory) -> None:
    """Nothing turns green because the host that has the only copy was switched off."""
    assert dismounted.call("verify").status == 1
    _take_off(dismounted)
    answer = dismounted.call("run", "--json")
    assert (answer.status, answer.document["state"]) == (3, "unknown")
    for told in (*answer.document["hops"], *answer.document["transfers"]):
        known = f"not all of 1 night before ({dismounted.night():%Y%m%d}) is known to have been carried"
        assert told["state"] == "unknown" and known in told["reason"]
    dismounted.call("accept", "-i", "sha", "-d", f"{dismounted.night():%Y%m%d}", "--reason", "lost")
    assert dismounted.call("run", "--json").document["state"] == "away"


def test_what_was_carried_before_a_later_absence_leaves_nothing_to_be_said(dismounted: Observatory) -> None:
    """The usual case: the last night was carried in the morning, then the instrument's computer was switched off."""
    assert dismounted.call("run").status == 0
    _take_off(dismounted)
    answer = dismounted.call("run", "--json")
    assert (answer.status, answer.document["state"]) == (0, "away")


def test_a_night_at_which_nobody_has_looked_is_not_excused_by_a_later_absence(dismounted: Observatory) -> None:
    """The machine that looks was off too, for three nights; what they hold is not known."""
    assert dismounted.call("run").status == 0
    off, *nights = (f"{dismounted.night(-ahead):%Y%m%d}" for ahead in (3, 1, 2))
    dismounted.call("away", "-i", "sha", "--from", off, "--until", off, "--reason", "in the workshop")
    dismounted.root("dome").rename(dismounted.folder / "gone")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    with Workplace.at(dismounted.config, now=lambda: later) as workplace:
        (verdict,) = verify(workplace, Run(workplace, "verify", ["sha"]), Asked(), VerifyWishes())
    assert verdict.state is State.UNKNOWN
    assert f"not all of 2 nights before ({', '.join(nights)})" in str(verdict.reason)
