"""Which engine moves a batch: local copies here, rsync or for many files the pipe, else the built-in one.

The engines themselves are pipe.py, rsync.py and stream.py. Between two remote hosts the program runs on the
destination; where it cannot reach the source by itself, the bytes are relayed through here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from observatory.asking import asking
from observatory.endpoints.contract import HostAccess, Look
from observatory.endpoints.openssh import SshOptions, command_line
from observatory.errors import CommandFailed, CouldNotTell
from observatory.spec.models import TransferOptions
from syncer.transfer.ahead import Ahead
from syncer.transfer.contract import Batch, CarryResult, Engine
from syncer.transfer.pipe import CannotPipe, PipeEngine
from syncer.transfer.route import NotFromThere, RemoteShell
from syncer.transfer.rsync import OLDEST, RsyncEngine, rsync_version
from syncer.transfer.stream import StreamEngine

MANY_FILES = 500
"""From so many files on the pipe wins clearly: each costs rsync 25 us of processor time, a list of exact names as much
again (2026-11-21). Fewer are over in a moment, and rsync is what everyone knows."""


@dataclass(frozen=True, slots=True)
class WithRelay:
    """An engine between two remote hosts, and the relay for where that cannot be."""

    direct: Engine
    relay: Engine

    @property
    def name(self) -> str:
        """What is tried first."""
        return self.direct.name

    def carry(self, batch: Batch) -> CarryResult:
        """Move the batch's files; a remark says why they were relayed.

        Raises
        ------
        CouldNotTell
            A host cannot be reached.
        """
        try:
            return self.direct.carry(batch)
        except NotFromThere as error:
            result = self.relay.carry(batch)
            remark = f"{error}; the files were relayed through this machine"
            return CarryResult(result.engine, result.arrived, result.failed, (remark, *result.remarks))


@dataclass(frozen=True, slots=True)
class ByNumber:
    """One engine for a few files, and the one that is quicker for many, or over a long line."""

    few: Engine
    many: PipeEngine

    @property
    def name(self) -> str:
        """The engine of a few."""
        return self.few.name

    def begin(self, batch: Batch) -> None:
        """Have the programs start that will carry a batch's files, and maybe more, where that is known by now.

        Raises
        ------
        CouldNotTell
            The far host cannot be reached.
        """
        if len(batch.items) >= MANY_FILES and not self.many.goes_through_here(batch):
            self.many.begin(batch)

    def carry(self, batch: Batch) -> CarryResult:
        """Move the batch's files.

        Raises
        ------
        CouldNotTell
            A host cannot be reached.
        """
        if 0 < len(batch.items) < MANY_FILES and not self.many.goes_through_here(batch):
            return self.few.carry(batch)
        try:
            return self.many.carry(batch)
        except CannotPipe as error:
            result = self.few.carry(batch)
            return replace(result, remarks=(f"{error}; {result.engine} took its place", *result.remarks))


def remote_shell_of(access: HostAccess, options: TransferOptions) -> Sequence[str]:
    """Return the ssh command by which this machine reaches a host; compressing is left to rsync."""
    return command_line(access, SshOptions(cipher=options.cipher))


def choose(
    source: Look,
    destination: Look,
    source_access: HostAccess,
    destination_access: HostAccess,
    options: TransferOptions,
    remote_shell: RemoteShell = remote_shell_of,
    clock_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] | None = None,
    ahead: Ahead | None = None,
) -> Engine:
    """Return the engine for a hop; it may carry any number of the hop's batches.

    Parameters
    ----------
    source, destination : Look
        Asked for their rsync and python3, unless that cannot matter.
    source_access, destination_access : HostAccess
    options : TransferOptions
        ``engine`` is honoured; what was not said is found out.
    remote_shell : callable
        Builds the ssh command for a host, without the host's name.
    clock_s : callable
    sleep : callable, optional
    ahead : Ahead, optional
        Holds what an engine begins before its files are known.

    Raises
    ------
    CommandFailed
        An engine was asked for by name, and an end has not what it needs.
    CouldNotTell
        A host cannot be reached.
    """
    here = [access.is_local for access in (source_access, destination_access)]
    stream = StreamEngine("local" if all(here) else "sftp", all(here), clock_s, sleep)
    if options.engine in ("sftp", "local") or (options.engine is None and all(here)):
        return stream
    _ask_at_once(source, destination)
    versions = [rsync_version(source, source_access), rsync_version(destination, destination_access)]
    good = [version for version in versions if version is not None and version >= OLDEST]
    if len(good) < 2 and options.engine == "rsync":
        without = source if versions[0] not in good else destination
        raise CommandFailed(without.name, "rsync", "transfer.engine asks for it, and there is none of 3.0 or later")
    rsync = RsyncEngine(remote_shell, stream, min(good), clock_s, sleep or time.sleep) if len(good) == 2 else None
    usual = rsync or stream
    if _may_pipe(source, destination, options):
        pipe = PipeEngine(remote_shell, usual, sleep=sleep or time.sleep, ahead=ahead or Ahead())
        if options.engine == "pipe":
            return pipe if any(here) else WithRelay(pipe, stream)
        if any(here) and not _is_declared_for_rsync(options, source_access, destination_access):
            return ByNumber(usual, pipe)
    return WithRelay(rsync, stream) if rsync is not None and not any(here) else usual


def _ask_at_once(*ends: Look) -> None:
    """Have the ends say what they can do, neither waiting for the other; what fails is met again by whoever asks."""

    def ask(end: Look) -> None:
        with contextlib.suppress(CouldNotTell):
            _ = end.capabilities

    with asking(ends, len(ends), "capabilities") as pool:
        list(pool.map(ask, ends))


def _may_pipe(source: Look, destination: Look, options: TransferOptions) -> bool:
    """Say whether both ends have python3; asked only where it matters.

    Raises
    ------
    CommandFailed
        It was asked for by name, and an end has none.
    """
    if options.engine == "rsync":
        return False
    if options.engine == "pipe" and options.compression:
        raise CommandFailed(source.name, "pipe", "it does not compress: leave transfer.engine or compression out")
    without = next((end for end in (source, destination) if not end.capabilities.has_python), None)
    if without is not None and options.engine == "pipe":
        raise CommandFailed(without.name, "python3", "transfer.engine asks for pipe, and there is none of 3.6 or later")
    return without is None


def _is_declared_for_rsync(options: TransferOptions, *ends: HostAccess) -> bool:
    """Say whether something was declared that only rsync does: other rights at an end, or to compress."""
    return options.engine == "rsync" or bool(options.compression) or any(end.rsync_path is not None for end in ends)
