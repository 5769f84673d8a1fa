"""A full or read-only disk behind a real SFTP server, whose protocol has no word for it: the reason is found.

The server runs in a mount namespace of its own, on a file system of a few pages.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from observatory.endpoints.sftp import SftpSession
from tests.faults.mounts import not_played, unshare
from tests.hosts import need

STARTS = 'mount -t tmpfs -o "$3" none "$1" && echo mounted && exec "$2"'


class Talk:
    """The server's standard input and output, as a pipe."""

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        assert server.stdin is not None and server.stdout is not None
        self._to, self._from = server.stdin, server.stdout

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._to.write(data)
        self._to.flush()

    def receive(self, size: int) -> bytes:
        """Return some bytes, at most so many."""
        return os.read(self._from.fileno(), size)

    def close(self) -> None:
        """Let go of it."""
        self._to.close()


@pytest.fixture
def session(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SftpSession]:
    """A server whose folder is a file system of 64 KiB, unless the test says another."""
    program = need(
        shutil.which("sftp-server", path="/usr/lib/openssh:/usr/libexec/openssh:/usr/lib/ssh"), "sftp-server"
    )
    words = [
        *unshare(),
        "sh",
        "-c",
        STARTS,
        "sh",
        str(tmp_path),
        program,
        getattr(request, "param", "size=64k,mode=777"),
    ]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        if os.read(server.stdout.fileno(), 8) != b"mounted\n":
            not_played("no leave to mount a tmpfs in a namespace")
        conversation = SftpSession(Talk(server))
        yield conversation
        conversation.close()


def test_a_write_that_finds_no_room_says_so(session: SftpSession, tmp_path: Path) -> None:
    """Not "Failure", at which nobody knows what to do."""
    writer = session.open_new(os.fsencode(tmp_path / "large"), 0o644)
    with pytest.raises(OSError) as refused:
        writer.write(bytes(200_000))
        writer.flush()
    with contextlib.suppress(OSError):
        writer.close()
    assert (refused.value.errno, refused.value.strerror) == (errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("session", "number"),
    [("size=64k,mode=777,ro", errno.EROFS), ("size=64k,nr_inodes=1,mode=777", errno.ENOSPC)],
    indirect=["session"],
    ids=["read-only", "no room for names"],
)
@pytest.mark.parametrize(
    "change",
    [
        lambda session, path: session.open_new(path, 0o644),
        lambda session, path: session.mkdir(path),
        lambda session, path: session.symlink(b"x", path),
    ],
    ids=["file", "folder", "link"],
)
def test_a_change_that_a_disk_takes_no_more_says_why(
    session: SftpSession, tmp_path: Path, number: int, change: Callable[[SftpSession, bytes], object]
) -> None:
    """An archive that its kernel had mounted read-only after a fault said "Failure" each morning."""
    with pytest.raises(OSError) as refused:
        change(session, os.fsencode(tmp_path / "new"))
    assert (refused.value.errno, refused.value.strerror) == (number, os.strerror(number))
