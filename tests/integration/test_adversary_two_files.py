"""One chain over two machines whose files of the instrument differ: what the first brings the second passes over."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Answer, Observatory

FIRST, SECOND = ("--hop", "alpha:beta"), ("--hop", "beta:gamma")
SAYS = "by another sha.yaml than ours"

Call = Callable[..., Answer]


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """The first machine: three hosts, and a frame of last night."""
    made = Observatory(tmp_path, three_hosts, capsys)
    made.declare("sha")
    for host in three_hosts:
        made.mark(host)
    made.expose(three_hosts[:1], [1])
    return made


@pytest.fixture
def other(site: Observatory, tmp_path: Path) -> Call:
    """The second machine, whose files are those of today."""
    return functools.partial(site.call_elsewhere, shutil.copytree(site.config, tmp_path / "other"))


def told(answer: Answer) -> list[str]:
    """Return what a report says of the other machine's file."""
    return [line for line in answer.out.splitlines() if SAYS in line]


@pytest.mark.parametrize("command", ["sync", "verify", "run"])
def test_a_camera_that_only_the_first_machine_knows_is_told(site: Observatory, other: Call, command: str) -> None:
    """Its files lie on the first archive in folders of their own, where the second machine looks for nothing."""
    alpha, beta, _ = site.hosts
    frames = {"files": ["SHA_*.fits"]}
    site.declare("sha", cameras={"sha": frames, "log": {"files": ["*.log"], "layout": "logs/%Y%m%d"}})
    log = site.put(alpha, f"logs/{night_text(site.night(1))}/dome.log", b"closed\n")
    assert site.call("run", *FIRST).status == 0
    assert site.path(beta, str(log.relative_to(site.root(alpha)))).is_file()
    (line,) = told(other(command, *SECOND))
    assert line == (
        f"sha: alpha:beta was carried {SAYS}: camera log is in theirs alone. What it brings is carried on only as ours"
        " has it: give both machines the same file"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cameras": {"sha": {"files": ["SHA_*.fits", "*.txt"]}}}, "camera sha differs (files)"),
        ({"cameras": {"sha": {"files": ["SHA_*.fits"], "exclude": ["x*"]}}}, "camera sha differs (exclude)"),
        ({"cameras": {"shx": {"files": ["SHA_*.fits"]}}}, "camera sha is in ours alone; camera shx is in theirs alone"),
        ({"layout": "%Y%m%d"}, "camera sha differs (layout)"),
        ({"rollover": "utc"}, "nights are told otherwise"),
        ({"title": "SHOC", "window_nights": 9, "settle_s": 10}, None),
    ],
)
def test_what_differs_is_named(site: Observatory, other: Call, settings: dict[str, Any], words: str | None) -> None:
    """What changes nothing of which files lie where may differ."""
    site.declare("sha", **settings)
    assert site.call("run", *FIRST).status == 0
    lines = told(other("run", *SECOND))
    assert [words in line for line in lines if words] == ([] if words is None else [True])
    assert bool(lines) is (words is not None)


def test_the_same_file_on_both_is_well(site: Observatory, other: Call) -> None:
    """Which is as it should be."""
    assert site.call("run", *FIRST).status == 0
    assert told(other("run", *SECOND)) == []


@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ({"brings": {"cameras": {}, "nights": []}}, True),
        ({"brings": {"cameras": {}, "nights": []}, "completed_utc": "2026-11-01T08:00:00+00:00"}, False),
        ({"brings": {"cameras": {"sha": 1}, "nights": []}}, False),
        ({"brings": {"cameras": [], "nights": []}}, False),
        ({"brings": {"cameras": {}}}, False),
        ({"brings": []}, False),
        ({"brings": None}, False),
    ],
)
def test_a_word_of_yesterday_or_of_another_form_says_nothing_of_todays_file(
    site: Observatory, other: Call, said: dict[str, Any], is_told: bool
) -> None:
    """The first machine does not do its part alone any more, or was not brought up to date yet."""
    assert site.call("run", *FIRST).status == 0
    word = site.path(site.hosts[1], ".nightferry/completed-sha-alpha-to-beta")
    word.write_text(json.dumps(json.loads(word.read_text()) | said))
    assert bool(told(other("run", *SECOND))) is is_told
