"""How each declared host is reached from the machine we run on: site.yaml's hosts as plain `HostAccess`.

Decides which host is this machine and where relative files lie; connects to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from observatory.endpoints.contract import HostAccess
from observatory.spec.models import Host, Specification


def host_access(name: str, host: Host, *, hostname: str, base: Path) -> HostAccess:
    """Return how one host is reached.

    Parameters
    ----------
    name : str
        Key below ``hosts``.
    host : Host
    hostname : str
        The machine we run on, short or full.
    base : Path
        The configuration folder, to which relative files are relative.
    """
    return HostAccess(
        name=name,
        address=host.address or name,
        is_local=is_this_machine(name, host, hostname),
        user=host.user,
        port=host.port,
        identity=_file(host.identity, base),
        known_hosts=_file(host.known_hosts, base),
        proxy_jump=host.proxy_jump,
        connect_timeout_s=host.connect_timeout_s,
        rsync_path=host.rsync_path,
    )


def accesses(specification: Specification) -> dict[str, HostAccess]:
    """Return how every declared host is reached from the machine that the specification was loaded on."""
    base, hostname = Path(specification.folder), specification.hostname
    return {
        name: host_access(name, host, hostname=hostname, base=base) for name, host in specification.site.hosts.items()
    }


def is_this_machine(name: str, host: Host, hostname: str) -> bool:
    """Say whether a host is the machine called `hostname`.

    With ``local: auto`` the machine's name, whole or up to its first dot, must equal the host's key or address.
    Never the other way round: astro.suth and astro.cape are both "astro" up to the first dot.
    """
    if host.local != "auto":
        return host.local
    ours = hostname.lower().rstrip(".")
    names = {name.lower(), (host.address or name).lower().rstrip(".")}
    return bool(ours) and bool({ours, ours.partition(".")[0]} & names)


def machine_name(hosts: Mapping[str, Host], hostname: str, full_name: Callable[[str], str | None]) -> str:
    """Return what the machine we run on is called, in full where only that tells which host it is.

    Most systems call themselves by the short name, "astro", and that may be astro.suth or astro.cape. Then, and only
    then, is the full name looked up, as ``hostname -f`` does: a name service that is down delays nobody else.

    Parameters
    ----------
    hosts : mapping of key to Host
    hostname : str
        What the system calls itself.
    full_name : callable
        Looks a name up; None where nobody knows it.
    """
    begins = f"{hostname.lower()}."
    automatic = {name: host for name, host in hosts.items() if host.local == "auto"}
    if any(is_this_machine(name, host, hostname) for name, host in automatic.items()):
        return hostname
    names = [one.lower() for name, host in automatic.items() for one in (name, host.address or name)]
    full = full_name(hostname) if any(one.startswith(begins) for one in names) else None
    return full if full is not None and full.lower().startswith(begins) else hostname


def local_path(text: str, base: Path) -> Path:
    """Return a file of this machine as the specification names it: ``~`` expanded, relative to `base`.

    Raises
    ------
    RuntimeError
        ``~user`` of nobody here.
    """
    return base / Path(text).expanduser()


def _file(text: str | None, base: Path) -> str | None:
    return None if text is None else str(local_path(text, base))
