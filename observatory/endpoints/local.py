"""The machine we run on, as an endpoint.

Lists by the same script as a far host where GNU find is there, else folder by folder (walk.py).
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, TypeVar

from observatory.endpoints import shell
from observatory.endpoints.contract import (
    MTIME_TOLERANCE_S,
    Capabilities,
    Completed,
    Facts,
    Hashed,
    HostAccess,
    Inspection,
    Promise,
    Survey,
    SurveyRequest,
)
from observatory.endpoints.hanging import Disks
from observatory.endpoints.reading import hashed, inspected, open_regular
from observatory.endpoints.running import LocalRunning, complete
from observatory.endpoints.surveying import OtherTools
from observatory.endpoints.walk import Kind, Node, WalkSurvey, join, reason_of
from observatory.endpoints.watched import Pulse, Watch, Work
from observatory.errors import CommandFailed, CouldNotTell, FileUnreadable
from observatory.names import show

HASH_BLOCK_BYTES = 1 << 20
"""Read at a time while hashing: beyond it nothing gets faster."""

Answer = TypeVar("Answer")


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _node(name: bytes, found: os.stat_result) -> Node:
    return Node(name, _kind(found.st_mode), found.st_size, found.st_mtime_ns, found.st_dev)


class LocalTree:
    """The disks of this machine; see `walk.Tree`."""

    def scan(self, path: bytes) -> Iterator[Node]:
        """Give what lies in one folder; a name that vanishes meanwhile is left out."""
        with os.scandir(path) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    yield _node(entry.name, entry.stat(follow_symlinks=False))

    def look(self, path: bytes) -> Node:
        """Give one name, a last link as a link."""
        return _node(os.path.basename(path), os.lstat(path))  # noqa: PTH119 - names are bytes, which Path refuses

    def follow(self, path: bytes) -> Node:
        """Give what one name leads to."""
        return _node(os.path.basename(path), os.stat(path))  # noqa: PTH119, PTH116

    def target(self, path: bytes) -> bytes:
        """Give the text of a link."""
        return os.readlink(path)  # noqa: PTH115

    def real(self, path: bytes) -> bytes:
        """Give the absolute path without links."""
        return os.path.realpath(path)

    def head(self, path: bytes, size: int) -> bytes:
        """Give the first bytes of a file."""
        with open(path, "rb") as stream:  # noqa: PTH123
            return stream.read(size)


class LocalEndpoint:
    """This machine; see `contract.Act`.

    Parameters
    ----------
    access : HostAccess
    by_script : bool or None
        Whether listings are made by the script; None: where this machine's tools allow.
    """

    def __init__(self, access: HostAccess, by_script: bool | None = None) -> None:
        self.name = access.address or access.name
        self._access, self._by_script = access, by_script
        self._tree = LocalTree()
        self._disks, self._watch = Disks(self.name, self._start), Watch(self.name)
        self._beginning = threading.Lock()
        self._running: weakref.WeakSet[LocalRunning] = weakref.WeakSet()

    @functools.cached_property
    def capabilities(self) -> Capabilities:
        """What this machine can do."""
        return shell.probe(self._start, self.name, self._access.rsync_path)

    @property
    def has_shell(self) -> bool:
        """True: there is always /bin/sh."""
        return True

    def _start(self, script: bytes, stdin: Iterable[bytes]) -> LocalRunning:
        return self._started((b"/bin/sh", b"-c", script), stdin)

    def _started(self, argv: Sequence[bytes], stdin: Iterable[bytes]) -> LocalRunning:
        with self._beginning:  # one that is begun just as we are closed is ended too
            running = LocalRunning(argv, stdin)
            self._running.add(running)
        return running

    # ---- look

    def survey(self, request: SurveyRequest) -> Survey:
        """List some folders of a root; see `contract.Look.survey`."""
        with self._disks.asked(request.root):
            survey = self._survey(request)
        self._disks.found_awake(request.root)
        return survey

    def _survey(self, request: SurveyRequest) -> Survey:
        if self._by_script is not False:
            with contextlib.suppress(OtherTools):
                return shell.survey(self._start, request, self.name, tries_tools=self._by_script is None)
        free = None
        with contextlib.suppress(CouldNotTell):
            free = self.free_bytes(request.root)
        return WalkSurvey(self._tree, request, self.name, time.time(), 0.0, free)

    def _answers(self, root: bytes, doing: str, work: Work[Answer]) -> Iterator[Answer]:
        """Give what is read below a root, whose disk may hang from the beginning, or stop in the middle."""
        self._disks.require_awake(root)
        yield from self._disks.answers(root, self._watch.answers(f"{doing} below {show(root)}", work))

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look at some paths; see `contract.Look.stat`."""
        return self._answers(root, "looking", lambda pulse: (self._stat(root, path) for path in paths))

    def _stat(self, root: bytes, path: bytes) -> Facts:
        if not shell.is_below(path):
            return Facts(path, reason=shell.NOT_BELOW)
        try:
            found = os.lstat(join(root, path))
        except (FileNotFoundError, NotADirectoryError):
            return Facts(path)
        except OSError as error:
            return Facts(path, reason=reason_of(error))
        identity = f"{found.st_dev}:{found.st_ino}"
        modified_s, changed_s = found.st_mtime_ns / 1e9, found.st_ctime_ns / 1e9
        return shell.facts_of(path, found.st_mode, found.st_size, modified_s, identity, changed_s)

    def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
        """Look at some paths and give those that are not as promised; see `contract.Look.differing`."""

        def others(pulse: Pulse) -> Iterator[Facts]:
            for promise in promises:
                pulse()
                if not self._keeps(root, promise):
                    yield self._stat(root, promise.path)

        return self._answers(root, "looking", others)

    def _keeps(self, root: bytes, promise: Promise) -> bool:
        """Say so of what a quick look shows to be as promised; made for 100,000 files."""
        try:
            found = os.lstat(join(root, promise.path))
        except OSError:
            return False
        is_alike = found.st_size == promise.size_bytes and stat.S_ISREG(found.st_mode)
        return is_alike and abs(found.st_mtime - promise.mtime_s) <= MTIME_TOLERANCE_S and shell.is_below(promise.path)

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash some files; see `contract.Look.hash`."""

        def hashes(pulse: Pulse) -> Iterator[Hashed]:
            block = bytearray(HASH_BLOCK_BYTES)
            for path in paths:
                yield hashed(root, path, pulse, block)

        return self._answers(root, "hashing", hashes)

    def inspect(self, root: bytes, paths: Sequence[bytes], sums: bool) -> Iterator[Inspection]:
        """Judge some files by their own structure; see `contract.Look.inspect`."""
        return self._answers(root, "judging", lambda pulse: (inspected(root, path, sums, pulse) for path in paths))

    def open(self, path: bytes) -> BinaryIO:
        """Open an absolute path for reading; see `contract.Look.open`."""
        self._disks.require_awake(os.path.dirname(path))  # noqa: PTH120
        try:
            return open_regular(path)
        except OSError as error:
            raise FileUnreadable(self.name, show(path), reason_of(error)) from error

    def free_bytes(self, root: bytes) -> int:
        """Return what an ordinary user may still write on the root's file system."""
        self._disks.require_awake(root)
        with self._translated("asking for free space on", root):
            found = os.statvfs(root)
        return found.f_bavail * found.f_frsize

    def require_awake(self, root: bytes) -> None:
        """Raise where the disk of a root hangs; see `hanging.Disks.require_awake`."""
        self._disks.require_awake(root)

    def clock_ahead_s(self) -> float:
        """Return 0.0: this machine's clock is ours."""
        return 0.0

    def round_trip_s(self) -> float:
        """Return 0.0: there is no line."""
        return 0.0

    def run(
        self,
        argv: Sequence[bytes],
        stdin: Iterable[bytes] = (),
        timeout_s: float = 60.0,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """Run one program; see `contract.Look.run`. One that does not exist has status 127, as in a shell."""
        program = show(argv[0])
        try:
            running = self._started(argv, stdin)
        except FileNotFoundError as error:
            return Completed(127, b"", str(error).encode())
        except OSError as error:
            raise CommandFailed(self.name, program, reason_of(error)) from error
        return complete(running, self.name, program, timeout_s, on_output)

    def reach(self) -> None:
        """Nothing is to be made; see `contract.Look.reach`."""

    def close(self) -> None:
        """End what runs and reads on this machine: whoever waits for it waits no more."""
        self._watch.let_go()
        with self._beginning:
            for running in list(self._running):
                running.end()

    # ---- act

    @contextlib.contextmanager
    def _translated(self, doing: str, path: bytes) -> Iterator[None]:
        self._disks.require_awake(os.path.dirname(path))  # noqa: PTH120
        try:
            yield
        except OSError as error:
            raise CommandFailed(self.name, f"{doing} {show(path)}", reason_of(error)) from error

    def create(self, path: bytes, mode: int = 0o600) -> BinaryIO:
        """Create a new file for writing; see `contract.Act.create`."""
        self._disks.require_awake(os.path.dirname(path))  # noqa: PTH120
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            raise
        except OSError as error:
            raise CommandFailed(self.name, f"creating {show(path)}", reason_of(error)) from error
        return os.fdopen(descriptor, "wb", HASH_BLOCK_BYTES)

    def make_folders(self, root: bytes, paths: Sequence[bytes], mode: int | None = None) -> None:
        """Create folders with their parents; see `contract.Act.make_folders`."""
        with self._translated("making folders below", root):
            if not stat.S_ISDIR(os.stat(root).st_mode):  # noqa: PTH116
                raise NotADirectoryError(20, "is not a folder")
            for path in with_parents(paths):
                self._make_folder(join(root, path), mode)

    def _make_folder(self, path: bytes, mode: int | None) -> None:
        try:
            os.mkdir(path)  # noqa: PTH102
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116
                raise
            return
        if mode is not None:
            os.chmod(path, mode)  # noqa: PTH101 - the umask must not take bits away

    def set_attributes(self, path: bytes, mtime_ns: int | None, mode: int | None) -> None:
        """Set modification time and permission bits; see `contract.Act.set_attributes`."""
        with self._translated("setting time and mode of", path):
            if mode is not None:
                os.chmod(path, mode)  # noqa: PTH101
            if mtime_ns is not None:
                os.utime(path, ns=(mtime_ns, mtime_ns))

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename atomically; see `contract.Act.rename`."""
        with self._translated("renaming to", new):
            os.replace(old, new)  # noqa: PTH105

    def link(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link; see `contract.Act.link`."""
        try:
            os.symlink(target, path)  # noqa: PTH211
        except FileExistsError:
            raise
        except OSError as error:
            raise CommandFailed(self.name, f"linking {show(path)}", reason_of(error)) from error

    def remove(self, path: bytes) -> None:
        """Remove one file or empty folder; see `contract.Act.remove`."""
        with self._translated("removing", path), contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(path).st_mode):
                os.rmdir(path)  # noqa: PTH106
            else:
                os.unlink(path)  # noqa: PTH108

    def list_folder(self, path: bytes) -> list[bytes]:
        """Return the names in one folder, sorted; see `contract.Act.list_folder`."""
        self._disks.require_awake(path)
        with self._translated("listing", path):
            try:
                return sorted(os.listdir(path))  # noqa: PTH208
            except FileNotFoundError:
                return []

    def sync(self, root: bytes) -> None:
        """Bring the root's file system to disk; see `contract.Act.sync`."""
        has_program = shutil.which("sync") is not None and self.capabilities.has_sync_file_system
        if not has_program:
            os.sync()
            return
        completed = self.run((b"sync", b"-f", b"--", root), timeout_s=SYNC_S)
        if completed.status != 0:
            raise CommandFailed(self.name, f"sync -f {show(root)}", shell.first_line(completed.stderr))

    def sync_file(self, stream: BinaryIO) -> None:
        """Bring one file to disk; see `contract.Act.sync_file`."""
        try:
            stream.flush()
            os.fsync(stream.fileno())
        except OSError as error:
            raise CommandFailed(self.name, "fsync", reason_of(error)) from error


SYNC_S = 600.0
"""A night of 100 GB in the page cache goes to one slow disk in under this."""


def with_parents(paths: Sequence[bytes]) -> list[bytes]:
    """Return folders and every parent below the root, parents first.

    Raises
    ------
    ValueError
        A path leaves the root.
    """
    found: set[bytes] = set()
    for path in paths:
        if not shell.is_below(path):
            raise ValueError(f"{path[:200]!r} {shell.NOT_BELOW}")
        parts = [part for part in path.split(b"/") if part not in (b"", b".")]
        found.update(b"/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return sorted(found)
