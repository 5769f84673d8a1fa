"""What a prune that died had set aside comes back: before anything else is freed there, or brought there.

Moving the files is syncer/freeing.py's; which of them the ledger believes gone is noted here.
"""

from __future__ import annotations

import posixpath
from contextlib import suppress

from nightferry.retention.holders import holder_of
from nightferry.retention.witnesses import hops_from
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell, LockHeld
from observatory.spec.chain import Place, retention_of
from observatory.spec.models import Instrument
from syncer.freeing import FREEING, recover
from syncer.lock import destination_lock


def settle_aside(workplace: Workplace, instrument: Instrument, place: Place) -> tuple[list[bytes], list[str]]:
    """Put back what a dead run set aside on a copy, whose lock the caller holds; note of each file whether it is there.

    Returns
    -------
    list of bytes
        The paths that came back.
    list of str
        A sentence for each file that could not.

    Raises
    ------
    CouldNotTell
        The host was lost.
    """
    endpoint, root = workplace.endpoint(place.host), place.root.encode()
    back, left = recover(endpoint, root)
    for freeing in workplace.ledger.open_freeings(holder_of(workplace, instrument, place)):
        looked = endpoint.stat(root, [file.path for file in freeing.files])
        there = [facts.path for facts in looked if facts.reason is not None or facts.size_bytes is not None]
        hops = hops_from(instrument, place)
        workplace.ledger.finish_freeing(freeing.id, instrument.instrument, hops, there, workplace.now())
    return back, left


def settle_if_free(workplace: Workplace, instrument: Instrument, place: Place) -> None:
    """Put back what lies aside on a copy, unless somebody works there: then it is for them to see to it.

    A file that is brought from elsewhere to the place of one that lies aside would keep that one from ever coming back.
    """
    if retention_of(instrument, place) is None:
        return
    endpoint, root = workplace.endpoint(place.host), place.root.encode()
    with suppress(CouldNotTell, LockHeld):
        if endpoint.list_folder(posixpath.join(root, FREEING)):
            with destination_lock(endpoint, root):
                settle_aside(workplace, instrument, place)
