"""Whether the group that `modes` names can be given to what is written at a root: asked before, not after a night.

Looks only. Giving it is syncer/transfer/group.py's, which can but remark that it failed.
"""

from __future__ import annotations

import os

from observatory.endpoints.contract import Look
from observatory.errors import CommandFailed
from observatory.spec.chain import Place, hops
from observatory.spec.models import Instrument

_NO_GROUP = 1
_SCRIPT = b"""find "$2" -prune -group "$1" -perm -2000 2>/dev/null || exit; echo; id -u; id -G; id -G -n"""
"""By POSIX `find` knows whether there is a group, by name or number; a root that is setgid gives it by itself."""


def why_group_is_not_given(instrument: Instrument, place: Place, endpoint: Look, root: bytes) -> str | None:
    """Return why the group of an instrument would not be given on a copy, with the remedy; None where it would be.

    Parameters
    ----------
    root : bytes
        Of the copy; it was listed just now.

    Raises
    ------
    CouldNotTell
    """
    group = instrument.modes.group
    if group is None or not _is_filled_here(instrument, place):
        return None
    if not endpoint.capabilities.has_shell:
        return (
            f"modes: the group {group} cannot be given by an account for SFTP alone: leave it out, or give it a shell"
        )
    asked = endpoint.run([b"sh", b"-c", _SCRIPT, b"sh", os.fsencode(group), root])
    if asked.status == _NO_GROUP:
        return f"modes: {endpoint.name} has no group {group}: `groupadd {group}` there, or mend `modes.group`"
    if asked.status:
        raise CommandFailed(endpoint.name, f"asking after the group {group}", asked.stderr.decode("utf-8", "replace"))
    gives_itself, _, rest = asked.stdout.decode("utf-8", "surrogateescape").partition("\n")
    user, *groups = rest.strip().splitlines()
    if gives_itself or user == "0" or any(f" {group} " in f" {names} " for names in groups):
        return None
    return (
        f"modes: our account on {endpoint.name} is no member of the group {group}, and cannot give it:"
        f" `usermod -aG {group} ...` there"
    )


def _is_filled_here(instrument: Instrument, place: Place) -> bool:
    """Say whether we write at a copy; one that somebody else fills is theirs."""
    return place.declared.fill is None and any(hop.destination == place for hop in hops(instrument))
