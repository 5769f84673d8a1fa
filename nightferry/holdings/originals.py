"""Which files must not be taken away because datasets lead to them: originals of a move, files of other datasets.

Whether what lies in the datastore is what was read, syncer/ingest/place.py sees to.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from catalogue.datasets.records import Dataset
from syncer.ingest.model import Source, Transfer

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue

LEADING = (Transfer.SYMLINK.value, Transfer.RELSYMLINK.value, Transfer.DIRECT.value)
"""Transfers that lead to the original's own name; a hard link keeps the bytes under its own, and needs it not."""


def why_they_stay(catalogue: Catalogue, sources: Sequence[Source], hosts: Collection[str]) -> dict[bytes, str]:
    """Return, by its own place, why an original must not be removed.

    Parameters
    ----------
    sources : sequence of Source
    hosts : collection of str
        What the catalogue calls this machine.
    """
    places = sorted({one.real for one in sources})
    reached = catalogue.reached_originals(places, hosts, LEADING)
    stay = {place: f"a dataset reaches the original by {way}; it stays" for place, way in reached.items()}
    for number, host, root in catalogue.known_datastores():
        below = {place[len(root) + 1 :]: place for place in places if host in hosts and place.startswith(root + b"/")}
        tracked = catalogue.ids_at(number, sorted(below))
        stay |= {below[path]: "the original is the file of a dataset; it stays" for path in tracked}
    return stay


def needed_by_others(catalogue: Catalogue, datasets: Sequence[Dataset]) -> dict[uuid.UUID, str]:
    """Return, by id, why some datasets cannot be removed alone: others that are not among them lead to their files."""
    leading = {one.origin for one in datasets if one.transfer in LEADING}
    own = [one for one in datasets if one.transfer != Transfer.DIRECT.value and not one.file.is_symlink()]
    places = {one.id: os.path.realpath(bytes(one.file)) for one in own}
    reached = catalogue.reached_originals(
        sorted(set(places.values()) - leading), {one.host for one in datasets}, LEADING
    )
    return {
        key: f"another dataset reaches its file by {reached[place]}: remove that one first"
        for key, place in places.items()
        if place in reached
    }
