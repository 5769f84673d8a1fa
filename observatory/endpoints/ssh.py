"""A host over SSH, as an endpoint: through its shell where it has one, else by SFTP alone.

Connects when first asked, and again when a connection was lost between two questions. How a connection is
made is ssh_connection.py's, what its shell is told shell.py's, SFTP's packets sftp.py's.
"""

from __future__ import annotations

import contextlib
import io
import math
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, cast

from observatory.endpoints import shell
from observatory.endpoints.channels import ChannelPipe
from observatory.endpoints.contract import (
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
from observatory.endpoints.lifeline import Lifeline
from observatory.endpoints.local import HASH_BLOCK_BYTES, SYNC_S, with_parents
from observatory.endpoints.running import GRACE_S, Running, complete
from observatory.endpoints.script import command, quote
from observatory.endpoints.sftp import SftpSession, SftpWriter
from observatory.endpoints.sftp_tree import SftpTree, exists, facts_by_sftp, make_folder
from observatory.endpoints.ssh_connection import Connection, connected
from observatory.endpoints.streams import FarStream
from observatory.endpoints.surveying import OtherTools
from observatory.endpoints.through_here import hash_through_here, inspect_through_here
from observatory.endpoints.walk import WalkSurvey, join, reason_of
from observatory.errors import (
    CommandFailed,
    FileUnreadable,
    HostUnreachable,
    ListingBroken,
    NightferryError,
)
from observatory.names import show

CLOCK_S = 30.0
FOLDERS_S = 300.0
SFTP_SESSIONS = 4
"""At most; OpenSSH allows ten channels on a connection (MaxSessions), and commands need some of them."""


class SshEndpoint:
    """One host over SSH; see `contract.Act`. May be used by several threads.

    Parameters
    ----------
    access : HostAccess
    connect : callable
        Makes a connection.
    """

    def __init__(self, access: HostAccess, connect: Callable[[HostAccess], Connection] = connected) -> None:
        self.name = access.address or access.name
        self._access = access
        self._line = Lifeline(self.name, lambda: connect(access))
        self._disks = Disks(self.name, self._start)
        self._lock, self._probing = threading.Lock(), threading.Lock()
        self._asked: Connection | None = None
        self._capabilities: Capabilities | None = None
        self._sessions: list[tuple[ChannelPipe, SftpSession]] = []
        self._mine = threading.local()

    # ---- the connection

    def _connected(self) -> Connection:
        connection = self._line.connection()
        with self._lock:
            if connection is not self._asked:  # what was told over another one may not hold any more
                self._asked, self._capabilities = connection, None
                self._sessions.clear()
        return connection

    def reach(self) -> None:
        """Connect, where that is not done yet; see `contract.Look.reach`."""
        self._connected()

    def close(self) -> None:
        """Let go of the connection; see `contract.Look.close`."""
        self._line.close()
        with self._lock:
            self._sessions.clear()
            self._capabilities = None

    @property
    def capabilities(self) -> Capabilities:
        """What the host can do; asked once per connection."""
        with self._probing:
            self._connected()
            if self._capabilities is None:
                self._capabilities = self._probe()
            return self._capabilities

    def _probe_meanwhile(self, connection: Connection) -> None:
        """Ask what the host can do while something else is on the line, where asking later would cost round trips."""

        def ask() -> None:
            with contextlib.suppress(NightferryError, OSError), self._probing:
                if self._capabilities is None and connection.is_alive:
                    found = shell.probe(connection.start, self.name, self._access.rsync_path)
                    self._remember(found, connection)

        if connection.is_far:
            threading.Thread(target=ask, name="capabilities", daemon=True).start()

    def _remember(self, found: Capabilities, connection: Connection) -> None:
        with self._lock:
            if self._asked is connection:
                self._capabilities = found

    def _probe(self) -> Capabilities:
        try:
            return shell.probe(self._start, self.name, self._access.rsync_path)
        except HostUnreachable:
            if not self._connected().is_alive:
                raise
            return Capabilities()  # an account for SFTP alone may refuse to run anything

    @property
    def has_shell(self) -> bool:
        """Whether `run` can work."""
        return self.capabilities.has_shell

    def _start(self, script: bytes, stdin: Iterable[bytes]) -> Running:
        return self._connected().start(script, stdin)

    def _sftp(self) -> SftpSession:
        """Return an SFTP session for this thread; threads share a few, since a host allows ten channels in all."""
        connection = self._connected()
        with self._lock:
            self._sessions = [(pipe, session) for pipe, session in self._sessions if pipe.is_alive]
            mine: SftpSession | None = getattr(self._mine, "session", None)
            if mine is not None and any(session is mine for _, session in self._sessions):
                return mine
            if len(self._sessions) < SFTP_SESSIONS:
                self._sessions.append(self._new_session(connection))
                self._mine.session = self._sessions[-1][1]
            else:
                self._mine.session = self._sessions[threading.get_native_id() % SFTP_SESSIONS][1]
            return cast(SftpSession, self._mine.session)

    def _new_session(self, connection: Connection) -> tuple[ChannelPipe, SftpSession]:
        pipe = connection.sftp_pipe()
        try:
            return pipe, SftpSession(pipe)
        except ConnectionError as error:
            pipe.close()
            raise CommandFailed(self.name, "SFTP", str(error)) from error

    @contextlib.contextmanager
    def _translated(self, doing: str, path: bytes) -> Iterator[SftpSession]:
        try:
            with self._disks.asked(path):
                yield self._sftp()
        except ConnectionError as error:
            raise HostUnreachable(self.name, str(error)) from error
        except OSError as error:
            raise CommandFailed(self.name, f"{doing} {show(path)}", reason_of(error)) from error

    # ---- look

    def survey(self, request: SurveyRequest) -> Survey:
        """List some folders of a root; see `contract.Look.survey`."""
        with self._disks.asked(request.root):
            return self._survey(request)

    def _survey(self, request: SurveyRequest) -> Survey:
        if self._capabilities is None and (survey := self._surveyed_unasked(request)) is not None:
            return survey
        if self.capabilities.has_gnu_tools:
            return shell.survey(self._start, request, self.name)
        is_known = self.has_shell
        ahead_s = self.clock_ahead_s() if is_known else 0.0
        with self._translated("listing", request.root) as session:
            free = None
            with contextlib.suppress(OSError):
                free = session.free_bytes(request.root)
            return WalkSurvey(
                SftpTree(session), request, self.name, time.time() + ahead_s, ahead_s, free, clock_is_known=is_known
            )

    def _surveyed_unasked(self, request: SurveyRequest) -> Survey | None:
        """Begin a listing without asking first what the host can do; None where it is not to be had like that."""
        connection = self._connected()
        try:
            survey = shell.survey(self._start, request, self.name, tries_tools=True)
            self._probe_meanwhile(connection)
            return survey
        except (OtherTools, ListingBroken):
            return None
        except HostUnreachable:
            if not connection.is_alive:
                raise
            return None  # an account for SFTP alone may refuse to run anything

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look at some paths; see `contract.Look.stat`. Over SFTP alone times are whole seconds."""
        return self._disks.answers(root, self._stat(root, paths))

    def _stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        able = self.capabilities
        if able.has_python:
            return shell.stat_by_python(self._start, self.name, root, paths)
        if able.has_gnu_tools and able.has_stat:
            return shell.stat_by_program(self._start, self.name, root, paths)
        return self._stat_by_sftp(root, paths)

    def _stat_by_sftp(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        with self._translated("looking below", root) as session:
            yield from facts_by_sftp(session, root, paths)

    def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
        """Look at some paths and give those that are not as promised; see `contract.Look.differing`."""
        if self.capabilities.has_python and all(shell.is_below(promise.path) for promise in promises):
            return self._disks.answers(root, shell.differing_by_python(self._start, self.name, root, promises))
        return shell.differing_by_stat(self.stat(root, [promise.path for promise in promises]), promises)

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash some files where they lie, else streamed through here; see `contract.Look.hash`."""
        return self._disks.answers(root, self._hash(root, paths))

    def _hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        able = self.capabilities
        if able.has_python:
            return shell.hash_by_python(self._start, self.name, root, paths)
        if able.has_gnu_tools and able.hash_program:
            return shell.hash_by_program(self._start, self.name, root, paths, able.hash_program)
        return hash_through_here(self._open_by_sftp, self.name, root, paths)

    def inspect(self, root: bytes, paths: Sequence[bytes], sums: bool) -> Iterator[Inspection]:
        """Judge some files by their own structure; see `contract.Look.inspect`."""
        return self._disks.answers(root, self._inspect(root, paths, sums))

    def _inspect(self, root: bytes, paths: Sequence[bytes], sums: bool) -> Iterator[Inspection]:
        if self.capabilities.has_python:
            return shell.inspect_by_python(self._start, self.name, root, paths, sums)
        return inspect_through_here(self._open_by_sftp, self.name, root, paths, sums)

    def _open_by_sftp(self, path: bytes) -> BinaryIO:
        session = self._sftp()
        if not stat.S_ISREG(session.stat(path).mode):
            raise OSError(22, "not a regular file")
        return io.BufferedReader(session.open_read(path), HASH_BLOCK_BYTES)

    def open(self, path: bytes) -> BinaryIO:
        """Open an absolute path for reading; see `contract.Look.open`."""
        if self.has_shell:
            with self._disks.asked(path):
                return FarStream.opened(self._start, self.name, path)
        try:
            return self._open_by_sftp(path)
        except ConnectionError as error:
            raise HostUnreachable(self.name, str(error)) from error
        except OSError as error:
            raise FileUnreadable(self.name, show(path), reason_of(error)) from error

    def free_bytes(self, root: bytes) -> int:
        """Return what an ordinary user may still write; see `contract.Look.free_bytes`."""
        if self.has_shell:
            return self._free_by_df(root)
        with self._translated("asking for free space on", root) as session:
            found = session.free_bytes(root)
        if found is None:
            raise CommandFailed(self.name, "asking for free space", "its SFTP server cannot tell")
        return found

    def _free_by_df(self, root: bytes) -> int:
        return shell.free_in(self.run((b"df", b"-Pk", root), timeout_s=CLOCK_S), self.name, root)

    def clock_ahead_s(self) -> float:
        """Return the host's clock minus ours; CommandFailed where only SFTP is there, which has no clock."""
        before_s = time.time()
        completed = self.run((b"date", b"+%s.%N"), timeout_s=CLOCK_S)
        after_s = time.time()
        seconds, _, fraction = completed.stdout.strip().partition(b".")
        if not seconds.isdigit():
            raise CommandFailed(self.name, "date", shell.first_line(completed.stdout + completed.stderr))
        part = (
            float(b"0." + fraction) if fraction.isdigit() else 0.5
        )  # BSD prints a plain N: half a second is likeliest
        return int(seconds) + part - (before_s + after_s) / 2

    def round_trip_s(self) -> float:
        """Return the seconds of a question on the connection; see `contract.Look.round_trip_s`."""
        return self._connected().round_trip_s

    def run(
        self,
        argv: Sequence[bytes],
        stdin: Iterable[bytes] = (),
        timeout_s: float = 60.0,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """Run one program; see `contract.Look.run`. One that does not exist has status 127."""
        able, program = self.capabilities, show(argv[0])
        if not able.has_shell:
            raise CommandFailed(self.name, program, "this account runs no programs")
        limit = (b"timeout", b"-k", b"5", b"%d" % math.ceil(timeout_s)) if able.has_time_limit else ()
        script = command((*limit, *argv)) + b"; exit $?"
        began_s = time.monotonic()
        running = self._start(script, stdin)
        completed = complete(running, self.name, program, timeout_s + (GRACE_S if limit else 0.0), on_output)
        if limit and completed.status == 124 and time.monotonic() - began_s >= timeout_s:
            raise CommandFailed(self.name, program, f"not done within {timeout_s:g} s; it was ended")
        is_signal = 128 < completed.status <= 192
        return Completed(128 - completed.status, completed.stdout, completed.stderr) if is_signal else completed

    # ---- act

    def create(self, path: bytes, mode: int = 0o600) -> BinaryIO:
        """Create a new file for writing; see `contract.Act.create`."""
        is_there = False
        with self._translated("creating", path) as session:
            try:
                writer = session.open_new(path, mode)
            except ConnectionError:
                raise
            except OSError:
                is_there = exists(session, path)
                if not is_there:
                    raise
        if is_there:
            raise FileExistsError(17, "File exists", path)
        return cast(BinaryIO, io.BufferedWriter(writer, session.block_bytes))

    def make_folders(self, root: bytes, paths: Sequence[bytes], mode: int | None = None) -> None:
        """Create folders with their parents; see `contract.Act.make_folders`."""
        folders = with_parents(paths)
        able = self.capabilities
        if not (able.has_shell and able.has_gnu_tools):
            with self._translated("making folders below", root) as session:
                for folder in folders:
                    make_folder(session, join(root, folder), mode)
            return
        how = (b"-m", b"%o" % mode) if mode is not None else ()
        script = b"cd " + quote(root) + b" && xargs -0 -r " + command((b"mkdir", b"-p", *how, b"--"))
        running = self._start(script, (b"".join(b"./" + folder + b"\0" for folder in folders),))
        completed = complete(running, self.name, "mkdir", FOLDERS_S)
        if completed.status != 0:
            said = shell.first_line(completed.stderr)
            raise CommandFailed(self.name, f"making folders below {show(root)}", said)

    def set_attributes(self, path: bytes, mtime_ns: int | None, mode: int | None) -> None:
        """Set modification time, to whole seconds, and permission bits; see `contract.Act.set_attributes`."""
        with self._translated("setting time and mode of", path) as session:
            session.set_attributes(path, None if mtime_ns is None else mtime_ns // 10**9, mode)

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename atomically; see `contract.Act.rename`."""
        with self._translated("renaming to", new) as session:
            session.rename(old, new)

    def link(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link; see `contract.Act.link`."""
        is_there = False
        with self._translated("linking", path) as session:
            try:
                session.symlink(target, path)
            except ConnectionError:
                raise
            except OSError:
                is_there = exists(session, path)
                if not is_there:
                    raise
        if is_there:
            raise FileExistsError(17, "File exists", path)

    def remove(self, path: bytes) -> None:
        """Remove one file or empty folder; see `contract.Act.remove`."""
        with self._translated("removing", path) as session, contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(session.lstat(path).mode):
                session.rmdir(path)
            else:
                session.remove(path)

    def list_folder(self, path: bytes) -> list[bytes]:
        """Return the names in one folder, sorted; see `contract.Act.list_folder`."""
        with self._translated("listing", path) as session:
            try:
                return sorted(name for name, _ in session.scan(path))
            except FileNotFoundError:
                if exists(session, path):  # OpenSSH says "no such file" of a file that is no folder, too
                    raise
                return []

    def sync(self, root: bytes) -> None:
        """Bring the root's file system to disk; with SFTP alone only `sync_file` can. See `contract.Act.sync`."""
        able = self.capabilities
        if not able.has_shell:
            return
        argv = (b"sync", b"-f", b"--", root) if able.has_sync_file_system else (b"sync",)
        completed = self.run(argv, timeout_s=SYNC_S)
        if completed.status != 0:
            raise CommandFailed(self.name, f"sync of {show(root)}", shell.first_line(completed.stderr))

    def sync_file(self, stream: BinaryIO) -> None:
        """Bring one file to disk, where the far end can; see `contract.Act.sync_file`."""
        try:
            stream.flush()
            cast(SftpWriter, cast(io.BufferedWriter, stream).raw).sync()
        except ConnectionError as error:
            raise HostUnreachable(self.name, str(error)) from error
        except OSError as error:
            raise CommandFailed(self.name, "fsync", reason_of(error)) from error
