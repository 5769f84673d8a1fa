"""What a sync could not read stands under the host that keeps it closed, in that host's own words."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import OLD_S, Observatory, age, fits_file, folder_of

DAY_S = 86400


@pytest.fixture(params=["source", "destination"])
def closing(request: pytest.FixtureRequest) -> str:
    """The end that an ordinary user's account is at: root could read everything."""
    return str(request.param)


@pytest.fixture
def site(tmp_path: Path, observer_host: Host, capsys: pytest.CaptureFixture[str], closing: str) -> Observatory:
    """A night with one frame on both ends."""
    made = Observatory(tmp_path, [observer_host], capsys)
    made.add_local("here")
    ends: list[Host | str] = [observer_host, "here"] if closing == "source" else ["here", observer_host]
    made.declare(copies=[made.copy(end) for end in ends])
    made.put(ends[0], f"{folder_of(made.night())}/SHA_0001.fits", fits_file())
    own(made, observer_host)
    made.fill()
    return made


def own(site: Observatory, host: Host) -> None:
    """Have everything on the observer's host be the observer's."""
    for folder, folders, files in os.walk(site.root(host)):
        for name in (".", *folders, *files):
            shutil.chown(Path(folder) / name, host.user)


def test_a_file_that_cannot_be_hashed_is_told_of_the_host_that_closes_it(
    site: Observatory, observer_host: Host, closing: str
) -> None:
    """As verify tells it: the same section, the same words; the JSON says on which end."""
    relative = f"{folder_of(site.night())}/SHA_0001.fits"
    source: Host | str = observer_host if closing == "source" else "here"
    age(site.path(source, relative), OLD_S - DAY_S)
    site.path(observer_host, relative).chmod(0)
    for command in (["sync"], ["verify", "--level", "checksum"]):
        answer = site.call(*command)
        assert answer.status == 3
        section = answer.out.partition(f"FILES THAT COULD NOT BE READ ON {observer_host.address}")[2]
        assert f"{relative}: Permission denied" in section, answer
    (hop,) = site.call("sync", "--json").document["hops"]
    assert [(one["path"], one["on"], one["reason"]) for one in hop["unreadable"]] == [
        (relative, closing, "Permission denied")
    ]


def test_a_folder_that_is_closed_is_told_of_its_own_host(site: Observatory, observer_host: Host) -> None:
    """Of the destination's as of the source's."""
    folder = site.path(observer_host, folder_of(site.night()))
    folder.chmod(0)
    answer = site.call("sync")
    folder.chmod(0o755)
    assert answer.status == 3
    assert answer.out.count("FILES THAT COULD NOT BE READ ON") == 1
    section = answer.out.partition(f"FILES THAT COULD NOT BE READ ON {observer_host.address}")[2]
    assert f"{folder_of(site.night())}: Permission denied" in section, answer
