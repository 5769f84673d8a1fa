"""Which engine moves a batch: local copies here, rsync where both ends have it, else the built-in one.

The engines themselves are rsync.py and stream.py. Between two remote hosts rsync runs on the destination;
where it cannot reach the source by itself, the bytes are relayed through here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import HostAccess, Look
from observatory.endpoints.openssh import SshOptions, command_line
from observatory.errors import CommandFailed
from observatory.spec.models import TransferOptions
from syncer.transfer.contract import Batch, CarryResult, Engine
from syncer.transfer.rsync import OLDEST, NotFromThere, RemoteShell, RsyncEngine, rsync_version
from syncer.transfer.stream import StreamEngine


@dataclass(frozen=True, slots=True)
class WithRelay:
    """rsync between two remote hosts, and the relay for where that cannot be."""

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
    sleep: Callable[[float], None] = time.sleep,
) -> Engine:
    """Return the engine for a hop; it may carry any number of the hop's batches.

    Parameters
    ----------
    source, destination : Look
        Asked for their rsync, unless that cannot matter.
    source_access, destination_access : HostAccess
    options : TransferOptions
        ``engine`` is honoured; what was not said is found out.
    remote_shell : callable
        Builds the ssh command for a host, without the host's name.
    clock_s, sleep : callables

    Raises
    ------
    CommandFailed
        rsync was asked for by name, and an end has none that is new enough.
    CouldNotTell
        A host cannot be reached.
    """
    here = [access.is_local for access in (source_access, destination_access)]
    stream = StreamEngine("local" if all(here) else "sftp", all(here), clock_s, sleep)
    if options.engine in ("sftp", "local") or (options.engine is None and all(here)):
        return stream
    versions = [rsync_version(source, source_access), rsync_version(destination, destination_access)]
    good = [version for version in versions if version is not None and version >= OLDEST]
    if len(good) < 2:
        if options.engine is None:
            return stream
        without = source if versions[0] not in good else destination
        raise CommandFailed(without.name, "rsync", "transfer.engine asks for it, and there is none of 3.0 or later")
    rsync = RsyncEngine(remote_shell, stream, min(good), clock_s, sleep)
    return rsync if any(here) else WithRelay(rsync, stream)
