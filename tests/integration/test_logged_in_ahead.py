"""The programs that carry many files log in while the plan is made; once, and none stays where nothing is carried."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hosts import Host, below
from tests.observatory import Observatory, folder_of

FILES = 600
"""So many are carried by the pipe."""


def made_site(ends: Sequence[Host | str], folder: Path, far: Host, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Return an instrument computer with many new frames, and an archive; one of them is behind sshd."""
    made = Observatory(folder, [far], capsys)
    made.add_local("here")
    made.declare(copies=[made.copy(end) for end in ends])
    for number in range(FILES):
        made.put(ends[0], f"{folder_of(made.night())}/SHA_{number:04d}.fits", b"x" * number)
    return made


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, ...], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """The archive is here."""
    return made_site([three_hosts[0], "here"], tmp_path, three_hosts[0], capsys)


@pytest.fixture
def logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A note of each login by the ssh program."""
    note, folder = tmp_path / "logins", tmp_path / "bin"
    folder.mkdir()
    script = f'[ "$1" = -G ] || echo login >> {note}'  # -G asks what is configured, and connects to nobody
    (folder / "ssh").write_text(f'#!/bin/sh\n{script}\nPATH={os.environ["PATH"]} exec ssh "$@"\n')
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return note


def test_many_files_are_carried_by_one_login(site: Observatory, logins: Path) -> None:
    """What was begun ahead is what carries them; a run with nothing to do begins nothing."""
    site.fill()
    assert len(logins.read_text().split()) == 1
    assert site.call("verify").status == 0
    assert site.call("sync").status == 0
    assert len(logins.read_text().split()) == 1


def test_so_are_those_that_leave_from_here(
    tmp_path: Path, three_hosts: tuple[Host, ...], capsys: pytest.CaptureFixture[str], logins: Path
) -> None:
    """The far half receives."""
    site = made_site(["here", three_hosts[0]], tmp_path / "site", three_hosts[0], capsys)
    site.fill()
    assert len(logins.read_text().split()) == 1
    assert site.call("verify").status == 0


def test_a_dry_run_logs_in_for_nothing(site: Observatory, logins: Path) -> None:
    """It asks, and carries nothing."""
    site.call("sync", "--dry-run", *site.new_roots())
    assert not logins.exists()


def test_where_the_plan_comes_to_nothing_no_program_stays(site: Observatory) -> None:
    """Each name is taken by a folder: nothing is carried, and what was about to log in ends with the hop."""
    site.fill()
    for path in (site.root("here") / folder_of(site.night())).iterdir():
        path.unlink()
        path.mkdir()
        (path / "note").write_text("mine")
    assert site.call("sync").status == 1
    assert near_programs() == []


def near_programs() -> list[int]:
    """Return the halves of pipes that this process has started."""
    return [
        one for one in below(os.getpid()) if b"near" in (Path("/proc") / str(one) / "cmdline").read_bytes().split(b"\0")
    ]
