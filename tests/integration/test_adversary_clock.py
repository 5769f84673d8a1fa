"""This machine's clock is wrong, and every copy lies on it: no host's clock differs, and the nights are long past."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from nightferry.clocks import running
from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Observatory, dome_and_archive

YEARS_S = 900 * 86400.0


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A site whose clock has been believed so far."""
    made = dome_and_archive(tmp_path, capsys)
    made.expose(["dome"], range(3))
    assert made.call("run").status == 0
    return made


def set_back(site: Observatory, is_started_anew: bool) -> None:
    """Have the clock be years behind what it showed: what was noted is of a later time than it shows now."""
    shown = running()
    assert shown is not None
    later = replace(shown, began_s=shown.began_s + YEARS_S, noted_s=shown.noted_s + YEARS_S)
    boot = "before" if is_started_anew else shown.boot
    (site.state / "clock.json").write_text(json.dumps(asdict(replace(later, boot=boot))))


@pytest.mark.parametrize("is_started_anew", [False, True], ids=["set", "battery dead"])
@pytest.mark.parametrize("command", ["verify", "run"])
def test_nights_counted_back_from_a_wrong_now_are_not_called_well(
    site: Observatory, command: str, is_started_anew: bool
) -> None:
    """They held nothing, nothing was missed, and it was ok; without its battery the clock was not even spoken of."""
    set_back(site, is_started_anew)
    for _ in range(2):
        answer = site.call(command, "--json")
        verdict = answer.document["hops"][0]
        assert (answer.status, verdict["state"]) == (3, "unknown")
        assert "which nights are the last cannot be told" in verdict["reason"]
        assert any("clock" in note["sentence"] for note in answer.document["notes"])
    assert site.call("verify", "-d", night_text(site.night(1))).status == 0
    (site.state / "clock.json").unlink()
    assert site.call(command).status == 0


def test_a_clock_that_is_ahead_leaves_no_night_out(site: Observatory) -> None:
    """A virtual machine that stood still for a weekend, say: the window reaches back to the last look."""
    shown = running()
    assert shown is not None
    (site.state / "clock.json").write_text(json.dumps(asdict(replace(shown, began_s=shown.began_s - YEARS_S))))
    assert "clock was set while it was running" in site.call("verify", "-q").out
    assert site.call("verify").status == 0


def test_another_hosts_clock_that_agrees_tells_which_time_is_right(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours was a day ahead for a while, and is set right: that note alone makes nothing unknown."""
    site = Observatory(tmp_path, three_hosts[:1], capsys)
    site.add_local("archive")
    site.declare(copies=[site.copy(three_hosts[0]), site.copy("archive")])
    site.expose([three_hosts[0]], range(3))
    site.fill()
    set_back(site, is_started_anew=False)
    answer = site.call("verify", "-q")
    assert answer.status == 0
    assert "clock was set while it was running" in answer.out


def test_nothing_is_freed_by_it(site: Observatory) -> None:
    """Its nights are of another time."""
    site.declare(
        copies=[site.copy("dome"), site.copy("archive")], retention={"keep_nights": 0, "copies": 1, "within_days": 30}
    )
    assert site.call("verify", "--level", "checksum").status == 0
    set_back(site, is_started_anew=True)
    assert site.call("prune", "--yes").status == 3
    (site.state / "clock.json").unlink()
    assert "3 files freed" in site.call("prune", "--yes").out
