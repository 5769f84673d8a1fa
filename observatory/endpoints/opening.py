"""From a declared host to its endpoint: local or over SSH.

Nothing is reached here: a connection is made when the first question is asked. What SSH needs is loaded where a host is
far.
"""

from __future__ import annotations

from observatory.endpoints.contract import Act, HostAccess
from observatory.endpoints.local import LocalEndpoint


def open_endpoint(access: HostAccess) -> Act:
    """Return the endpoint of a host; the caller closes it."""
    if access.is_local:
        return LocalEndpoint(access)
    from observatory.endpoints.ssh import SshEndpoint

    return SshEndpoint(access)


def require_awake(endpoint: Act, root: bytes) -> None:
    """Raise where a root on this machine hangs: whoever is to read there by himself would wait for ever.

    Raises
    ------
    CouldNotTell
    """
    if isinstance(endpoint, LocalEndpoint):
        endpoint.require_awake(root)
