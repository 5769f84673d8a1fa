"""Which disk it is that hangs, told by the list of mounts alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from observatory.endpoints import hanging
from observatory.endpoints.hanging import Disks, disk_of, mounts_in
from observatory.endpoints.running import LocalRunning
from observatory.errors import DiskSilent, ProgramSilent

LISTED = rb"""/dev/sda1 / ext4 rw,relatime 0 0
nas:/vol1 /data nfs4 rw,hard 0 0
nas:/vol2 /data/74in nfs4 rw,hard 0 0
nas:/vol3 /my\040data\134 nfs4 rw,hard 0 0
"""
SILENCE = ProgramSilent("archive", "looking at /data/sha", 60.0)


def shell_here(script: bytes, stdin: Iterable[bytes]) -> LocalRunning:
    """Run a script on this machine."""
    return LocalRunning((b"/bin/sh", b"-c", script), stdin)


@pytest.mark.parametrize(
    ("path", "disk"),
    [
        (b"/data/sha", b"/data"),
        (b"/data", b"/data"),
        (b"/data/", b"/data"),
        (b"/data/74in/sha", b"/data/74in"),
        (b"/data/74inch", b"/data"),
        (b"/database/sha", b"/database/sha"),
        (b"/my data\\/sha", b"/my data\\"),
    ],
)
def test_a_path_lies_on_the_disk_that_is_mounted_next_above_it(path: bytes, disk: bytes) -> None:
    """Of the system's own disk no more is blamed than the path: programs that answered lie there too."""
    assert disk_of(path, mounts_in(LISTED)) == disk


def test_what_is_no_list_of_mounts_names_none() -> None:
    """A host without /proc, or an account that runs nothing."""
    assert mounts_in(b"cat: /proc/self/mounts: No such file or directory\n\0\0\1") == []


def test_what_hangs_is_refused_from_then_on_and_nothing_else() -> None:
    """With what it was waited for, and what was not asked now."""
    disks = Disks("archive", shell_here)
    said = r"within 60 s while looking at /data/sha.* the disk below /nowhere/sha that hangs"
    with pytest.raises(DiskSilent, match=said), disks.asked(b"/nowhere/sha"):
        raise SILENCE
    with pytest.raises(DiskSilent, match="not waited for again, for /nowhere/sha/2016"):
        disks.require(b"/nowhere/sha/2016")
    disks.require(b"/nowhere/shared")


def test_of_a_host_that_hangs_as_a_whole_no_disk_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its list of disks does not come either."""
    monkeypatch.setattr(hanging, "MOUNTS_S", 0.1)
    disks = Disks("archive", lambda script, stdin: LocalRunning((b"sleep", b"60"), stdin))
    with pytest.raises(ProgramSilent), disks.asked(b"/data/sha"):
        raise SILENCE
    disks.require(b"/data/sha")
