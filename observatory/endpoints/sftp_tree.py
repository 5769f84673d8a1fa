"""The folders of a far host as SFTP shows them: what walk.py walks, and what SFTP alone cannot say in one request.

The conversation is sftp.py's.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator, Sequence

from observatory.endpoints import shell
from observatory.endpoints.contract import Facts
from observatory.endpoints.sftp import SftpSession
from observatory.endpoints.walk import Kind, Node, join, reason_of


def exists(session: SftpSession, path: bytes) -> bool:
    """Say whether anything bears a name; a lost connection is raised."""
    try:
        session.lstat(path)
    except ConnectionError:
        raise
    except OSError:
        return False
    return True


def facts_by_sftp(session: SftpSession, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
    """Look at some paths below a root, many requests on the way at a time; see `contract.Look.stat`."""
    found = session.lstat_many([join(root, path) for path in paths if shell.is_below(path)])
    for path in paths:
        if not shell.is_below(path):
            yield Facts(path, reason=shell.NOT_BELOW)
            continue
        answer = next(found)
        if isinstance(answer, FileNotFoundError):
            yield Facts(path)
        elif isinstance(answer, OSError):
            yield Facts(path, reason=reason_of(answer))
        else:
            yield shell.facts_of(path, answer.mode, answer.size_bytes, float(answer.mtime_s))


def make_folder(session: SftpSession, path: bytes, mode: int | None) -> None:
    """Make one folder with these permission bits; one that is there stays as it is."""
    try:
        session.mkdir(path)
    except ConnectionError:
        raise
    except OSError:
        if not (exists(session, path) and stat.S_ISDIR(session.stat(path).mode)):
            raise
        return
    if mode is not None:
        session.set_attributes(path, None, mode)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


class SftpTree:
    """The disks of a far host through SFTP; see `walk.Tree`. It knows no file systems and no parts of seconds."""

    def __init__(self, session: SftpSession) -> None:
        self._session = session

    def scan(self, path: bytes) -> Iterator[Node]:
        """Give what lies in one folder."""
        for name, found in self._session.scan(path):
            yield Node(name, _kind(found.mode), found.size_bytes, found.mtime_s * 10**9)

    def look(self, path: bytes) -> Node:
        """Give one name, a last link as a link."""
        found = self._session.lstat(path)
        return Node(path.rpartition(b"/")[2], _kind(found.mode), found.size_bytes, found.mtime_s * 10**9)

    def follow(self, path: bytes) -> Node:
        """Give what one name leads to."""
        found = self._session.stat(path)
        return Node(path.rpartition(b"/")[2], _kind(found.mode), found.size_bytes, found.mtime_s * 10**9)

    def target(self, path: bytes) -> bytes:
        """Give the text of a link."""
        return self._session.readlink(path)

    def real(self, path: bytes) -> bytes:
        """Give the absolute path without links."""
        return self._session.realpath(path)

    def head(self, path: bytes, size: int) -> bytes:
        """Give the first bytes of a file."""
        with io.BufferedReader(self._session.open_read(path), size) as stream:
            return stream.read(size)
