"""From a declared host to its endpoint: local or over SSH.

Nothing is reached here: a connection is made when the first question is asked.
"""

from __future__ import annotations

from observatory.endpoints.contract import Act, HostAccess
from observatory.endpoints.local import LocalEndpoint
from observatory.endpoints.ssh import SshEndpoint


def open_endpoint(access: HostAccess) -> Act:
    """Return the endpoint of a host; the caller closes it."""
    return LocalEndpoint(access) if access.is_local else SshEndpoint(access)


def reach(endpoint: Act) -> None:
    """Connect now rather than with the first question, where there is a connection to make.

    Raises
    ------
    CouldNotTell
    """
    if isinstance(endpoint, SshEndpoint):
        endpoint.reach()


def require_awake(endpoint: Act, root: bytes) -> None:
    """Raise where a root on this machine hangs: whoever is to read there by himself would wait for ever.

    Raises
    ------
    CouldNotTell
    """
    if isinstance(endpoint, LocalEndpoint):
        endpoint.require_awake(root)
