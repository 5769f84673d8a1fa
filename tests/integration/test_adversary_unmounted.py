"""The archive's disk is unmounted between the look at its root and the first byte: what is beneath it is no archive."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from observatory.endpoints.contract import Act
from syncer.lock import Lease, destination_lock
from tests.hosts import Host
from tests.observatory import Observatory, dome_and_archive, tree


@pytest.fixture(params=["here", "far"])
def site(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A night is on the archive, here or over ssh; another waits."""
    if request.param == "here":
        return dome_and_archive(tmp_path, capsys)
    hosts: tuple[Host, Host, Host] = request.getfixturevalue("three_hosts")
    made = Observatory(tmp_path, hosts[:2], capsys)
    made.declare()
    made.mark(hosts[1])
    return made


def test_what_was_carried_to_a_mount_point_is_not_called_carried(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All arrived there, by every look at it; the lock is what was left on the disk."""
    dome, archive = site.hosts or ("dome", "archive")
    site.expose([dome], [1, 2], back=2)
    assert site.call("sync").status == 0
    waiting = site.expose([dome], [3, 4])
    root = site.root(archive)
    disk = root.with_name("disk")

    @contextmanager
    def unmounted(destination: Act, path: bytes) -> Iterator[Lease]:
        with destination_lock(destination, path) as lease:
            root.rename(disk)
            root.mkdir()
            yield lease

    with monkeypatch.context() as patch:
        patch.setattr("syncer.sync.destination_lock", unmounted)  # that instant cannot be met otherwise
        answer = site.call("sync", "--json")
    assert (answer.status, answer.hop["state"]) == (3, "unknown")
    assert "Look whether the disk was unmounted" in answer.hop["reason"]
    assert sorted(tree(root)) == waiting
    shutil.rmtree(root)
    disk.rename(root)
    assert site.call("verify", "--json").hop["missing"] == waiting
    (root / ".nightferry" / "lock").unlink()  # this very process took it; of a dead one it is void
    assert site.call("sync").status == 0
    assert tree(root) == tree(site.root(dome))
