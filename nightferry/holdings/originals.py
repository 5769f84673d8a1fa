"""Which originals stay although their bytes were moved: other datasets lead to them, or are those very files.

Whether what lies in the datastore is what was read, syncer/ingest/place.py sees to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from syncer.ingest.model import Source, Transfer

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue


def why_they_stay(catalogue: Catalogue, sources: Sequence[Source], hosts: Collection[str]) -> dict[bytes, str]:
    """Return, by its own place, why an original must not be removed; a hard link keeps the bytes and needs it not.

    Parameters
    ----------
    sources : sequence of Source
    hosts : collection of str
        What the catalogue calls this machine.
    """
    places = sorted({one.real for one in sources})
    stay = {
        place: f"a dataset reaches the original by {way}; it stays"
        for place, way in catalogue.reached_originals(places, hosts).items()
        if way != Transfer.HARDLINK.value
    }
    for number, host, root in catalogue.known_datastores():
        below = {place[len(root) + 1 :]: place for place in places if host in hosts and place.startswith(root + b"/")}
        tracked = catalogue.ids_at(number, sorted(below))
        stay |= {below[path]: "the original is the file of a dataset; it stays" for path in tracked}
    return stay
