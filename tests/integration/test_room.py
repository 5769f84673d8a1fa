"""What is said beforehand of a copy that will take no further night, and by sync of a source that is gone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nightferry.room import why_it_takes_nothing
from nightferry.workplace import Workplace
from observatory.endpoints.contract import RootFacts
from observatory.spec.chain import places
from tests.hosts import Host
from tests.observatory import Observatory

Capsys = pytest.CaptureFixture[str]
FACTS = RootFacts(0.0, 0.0, marker="", has_night=True, free_bytes=None)


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """A chain of three with a frame, carried."""
    observatory = Observatory(tmp_path, three_hosts, capsys)
    observatory.declare("sha")
    observatory.expose([three_hosts[0]], [1])
    for host in three_hosts[1:]:
        observatory.mark(host)
    assert observatory.call("sync").status == 0
    return observatory


def root_line(site: Observatory, host: Host) -> str:
    """Return the doctor's line of one root."""
    said = site.call("doctor").out.splitlines()
    return next(line for line in said if f" root sha {host.name}: " in line)


@pytest.mark.parametrize("below", ["", ".nightferry"])
def test_a_copy_that_the_account_may_not_write_to_is_said_by_the_doctor(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], observer_host: Host, capsys: Capsys, below: str
) -> None:
    """Sync would say so at night."""
    there = Observatory(tmp_path, (three_hosts[0], observer_host), capsys)
    there.declare("sha")
    there.expose(there.hosts, [1])
    there.mark(observer_host)
    if below:
        shutil.chown(there.root(observer_host), observer_host.user)
    folder = there.root(observer_host) / below
    folder.chmod(0o555)
    assert root_line(there, three_hosts[0]).startswith("ok"), "nobody writes there"
    said = root_line(there, observer_host)
    assert said.startswith("WRONG") and f"{folder} cannot be written by this account: `ls -ld {folder}`" in said
    folder.chmod(0o755)
    for path in (there.root(observer_host), there.root(observer_host) / ".nightferry"):
        shutil.chown(path, observer_host.user)
    assert root_line(there, observer_host).startswith("ok")


def test_a_copy_without_room_for_a_night_is_said_by_the_doctor(site: Observatory) -> None:
    """Room is held against the largest night carried there so far; nothing free is too little in any case."""
    with Workplace.at(site.config) as workplace:
        instrument = workplace.instruments["sha"]
        source, archive, _ = places(instrument)

        def said(free_bytes: int | None, place: object = archive) -> str | None:
            where = archive if place is archive else source
            return why_it_takes_nothing(workplace, instrument, where, replace(FACTS, free_bytes=free_bytes))

        assert said(None) is None
        assert said(10**9) is None
        assert said(100) == "less than the largest night so far, 5.8 kB: make room"
        assert said(0) == "there is no room left: make some"
        assert said(0, source) is None, "nobody writes there"


def test_sync_too_looks_for_the_disk_of_a_source_that_is_gone(site: Observatory) -> None:
    """As verify says it; and of a destination that is no folder nobody is told to make it a new root."""
    source, archive = site.root(site.hosts[0]), site.root(site.hosts[1])
    source.rename(source.with_name("off"))
    answer = site.call("sync", "--hop", "alpha:beta")
    assert answer.status == 3
    assert "does not exist; its disk may not be mounted. Earlier runs saw files below it: look on that" in answer.out
    source.with_name("off").rename(source)
    archive.rename(archive.with_name("off"))
    archive.write_bytes(b"")
    answer = site.call("sync", "--hop", "alpha:beta")
    archive.unlink()
    archive.with_name("off").rename(archive)
    assert (answer.status, "is not a folder" in answer.out, "--new-root" in answer.out) == (3, True, False)
