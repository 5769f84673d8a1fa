"""Where the program of a session runs, and how it reaches the other side: shared by the engines that start programs.

The ssh command comes from observatory/endpoints/openssh.py; what is run by it each engine knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import HostAccess, Look
from observatory.errors import CouldNotTell
from observatory.spec.models import TransferOptions
from syncer.transfer.contract import Batch

RemoteShell = Callable[[HostAccess, TransferOptions], Sequence[str]]
"""Builds the ssh command by which this machine reaches a host, without the host's name."""

UNSEEN_ROUND_TRIP_S = 0.02
"""Taken for a line between two remote hosts, which cannot be measured from here."""


class NotFromThere(CouldNotTell):
    """The destination cannot reach the source by itself, so the bytes have to be relayed."""

    def __init__(self, program: str, destination: str, source: str, why: str) -> None:
        super().__init__(f"{destination}: {program} there could not reach {source}: {why}")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a session's program runs and what it calls the two sides.

    Attributes
    ----------
    runs_at_source : bool
        The program is started at the source's host, else at the destination's.
    near : HostAccess
        The host on which it is started.
    far : HostAccess or None
        The host that it reaches by ssh; None where both sides are on one host.
    by_own_keys : bool
        Both hosts are remote: the destination reaches the source with its own keys and known_hosts.
    """

    runs_at_source: bool
    near: HostAccess
    far: HostAccess | None
    by_own_keys: bool = False


def route_of(source: HostAccess, destination: HostAccess) -> Route:
    """Return where a hop's program runs: here if one side is here, else on the destination."""
    one_host = source.name == destination.name or (source.is_local and destination.is_local)
    runs_at_source = source.is_local and not one_host
    near = source if runs_at_source else destination
    far = None if one_host else (destination if runs_at_source else source)
    return Route(runs_at_source, near, far, by_own_keys=far is not None and not near.is_local)


def round_trip_of(route: Route, batch: Batch) -> float:
    """Return the seconds of a question and its answer between a batch's two ends.

    Raises
    ------
    CouldNotTell
        The far host cannot be reached.
    """
    if route.far is None:
        return 0.0
    if route.by_own_keys:
        return UNSEEN_ROUND_TRIP_S
    far: Look = batch.destination if route.runs_at_source else batch.source
    return far.round_trip_s()


def shell_words(route: Route, batch: Batch, remote_shell: RemoteShell) -> Sequence[str]:
    """Return the ssh command of the near end, without the host's name; empty where the far one is here."""
    if route.far is None:
        return ()
    return own_keys_command(route.far) if route.by_own_keys else remote_shell(route.far, batch.options)


def own_keys_command(far: HostAccess) -> list[str]:
    """Return the ssh command by which a remote destination reaches a source: nothing of ours is forwarded.

    Keys, known_hosts and jump hosts are that host's own matter, as its ``~/.ssh/config`` says.
    """
    command = ["ssh", "-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    command += ["-o", f"ConnectTimeout={max(1, round(far.connect_timeout_s))}", "-o", "ServerAliveInterval=15"]
    if far.user is not None:
        command += ["-l", far.user]
    if far.port is not None:
        command += ["-p", str(far.port)]
    return command
