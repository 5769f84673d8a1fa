"""One chain over two machines, each with a ledger of its own: what the first does late the second must not miss."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Answer, Observatory

FIRST, SECOND = ("--hop", "alpha:beta"), ("--hop", "beta:gamma")

Call = Callable[..., Answer]


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """The first machine: three hosts, and an instrument that looks back a week."""
    made = Observatory(tmp_path, three_hosts, capsys)
    made.declare("sha")
    for host in three_hosts[1:]:
        made.mark(host)
    return made


@pytest.fixture
def other(site: Observatory, tmp_path: Path) -> Call:
    """The second machine, which has done its hop already."""
    call = functools.partial(site.call_elsewhere, shutil.copytree(site.config, tmp_path / "other"))
    site.expose(site.hosts[:1], [1, 2])
    assert site.call("run", *FIRST).status == 0
    assert call("run", *SECOND).status == 0
    return call


@pytest.mark.parametrize("command", ["sync", "run"])
def test_a_night_that_came_late_goes_on_by_the_second_machine(site: Observatory, other: Call, command: str) -> None:
    """Its own window did not hold that night any more, and both machines said that all is well."""
    alpha, _, gamma = site.hosts
    (late,) = site.expose([alpha], [7], back=20)
    assert site.call(command, *FIRST, "-d", night_text(site.night(20))).status == 0
    waits = other("verify", *SECOND, "--json")
    assert (waits.status, waits.hop["missing"]) == (1, [late])
    assert other(command, *SECOND).status == 0
    assert site.path(gamma, late).is_file()


def test_what_came_later_into_a_late_night_goes_on_too(site: Observatory, other: Call) -> None:
    """It was proven there, until more of it came."""
    alpha, _, gamma = site.hosts
    for number in (7, 8):
        (late,) = site.expose([alpha], [number], back=20)
        assert site.call("run", *FIRST, "-d", night_text(site.night(20))).status == 0
        for _ in range(2):  # the second says once more what was proven just before
            assert other("run", *SECOND).status == 0
        assert site.path(gamma, late).is_file()


def test_nothing_is_asked_of_a_machine_that_does_it_all(site: Observatory, other: Call) -> None:
    """No word is left, and none is looked for."""
    alpha, beta, _ = site.hosts
    site.expose([alpha], [7], back=20)
    word = site.path(beta, ".nightferry/completed-sha-alpha-to-beta")
    before = word.read_text()
    assert site.call("run", "-d", night_text(site.night(20))).status == 0
    assert word.read_text() == before
