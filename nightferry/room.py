"""Whether a copy that we fill can take another night: our account may write there, and there is room.

Looks only. What one particular plan needs is syncer/safety.py's; this is for the day before.
"""

from __future__ import annotations

import os
import posixpath

from nightferry.workplace import Workplace
from observatory.endpoints.contract import OURS, Look, RootFacts
from observatory.errors import CouldNotTell
from observatory.spec.chain import Hop, Place, hops
from observatory.spec.models import Instrument
from reports.words import size_text


def why_it_takes_nothing(workplace: Workplace, instrument: Instrument, place: Place, facts: RootFacts) -> str | None:
    """Return why the next night will not go into a copy, and the remedy; None where it will, or where we fill nothing.

    Raises
    ------
    CouldNotTell
        The host was lost meanwhile.
    """
    into = [hop for hop in hops(instrument) if hop.destination == place]
    if not into or place.declared.fill is not None:
        return None
    return _not_writable(workplace.endpoint(place.host), place.root, facts) or _no_room(workplace, into, facts)


def _not_writable(endpoint: Look, root: str, facts: RootFacts) -> str | None:
    """Ask `test -w`, which minds file systems mounted read-only too; an account for SFTP alone cannot be asked."""
    if not endpoint.capabilities.has_shell:
        return None
    folder = os.fsencode(root)
    ours = [posixpath.join(folder, OURS)] if facts.marker is not None else []
    for path in (folder, *ours):
        if endpoint.run([b"test", b"-w", path]).status == 1:
            shown = os.fsdecode(path)
            return (
                f"{shown} cannot be written by this account: `ls -ld {shown}` and `findmnt -T {shown}` on that host"
                f" tell whose it is, and whether it is mounted read-only"
            )
    return None


def _no_room(workplace: Workplace, into: list[Hop], facts: RootFacts) -> str | None:
    """Compare with the largest night that the ledger knows; without a ledger, with nothing at all."""
    if facts.free_bytes is None:
        return None
    largest = max((_largest_night_bytes(workplace, hop) for hop in into), default=0)
    if facts.free_bytes == 0:
        return "there is no room left: make some"
    if facts.free_bytes < largest:
        return f"less than the largest night so far, {size_text(largest)}: make room"
    return None


def _largest_night_bytes(workplace: Workplace, hop: Hop) -> int:
    try:
        return workplace.ledger.largest_night_bytes(hop.instrument.instrument, hop.key)
    except CouldNotTell:  # the database has a line of its own
        return 0
