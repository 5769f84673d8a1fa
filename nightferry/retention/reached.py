"""Which files of a copy a datastore reaches by link or in their own place: what is taken away there is gone here too.

Deciding what may be freed is pruning.py's, what steps may take away the converters'; what a datastore holds is the
catalogue's.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from nightferry.holdings.originals import LEADING
from nightferry.workplace import Workplace
from observatory.spec.chain import Place
from syncer.ingest.model import Transfer

NAMED = (*LEADING, Transfer.INSIDE.value)
"""Transfers after which a dataset needs the file's own name; a hard link keeps the bytes under another."""


def reached_by_datastores(workplace: Workplace, place: Place, paths: Sequence[bytes]) -> dict[bytes, str]:
    """Return, by its path below the root, why each file that a datastore reaches stays.

    Raises
    ------
    RecordsUnavailable
    """
    return _reached(workplace, place, paths)


def named_by_datastores(workplace: Workplace, place: Place, paths: Sequence[bytes]) -> dict[bytes, str]:
    """Return, by its path below the root, why each file stays whose own name a dataset needs; its bytes may be freed.

    Raises
    ------
    RecordsUnavailable
    """
    return _reached(workplace, place, paths, NAMED)


def _reached(workplace: Workplace, place: Place, paths: Sequence[bytes], *ways: Collection[str]) -> dict[bytes, str]:
    if not paths:
        return {}
    access = workplace.access(place.host)
    root = os.fsencode(place.root)
    if access.is_local:  # the catalogue keeps an original's own place, links followed
        root = os.path.realpath(root)
    hosts = {place.host, access.address} | ({workplace.hostname} if access.is_local else set())
    whole = {root + b"/" + path: path for path in paths}
    if access.is_local:
        whole |= {os.path.realpath(origin): path for origin, path in list(whole.items())}
    reached = workplace.catalogue.reached_originals(sorted(whole), hosts, *ways)
    return {
        whole[origin]: f"the datastore reaches it by {way}: `nightferry datasets remove`"
        for origin, way in reached.items()
    }
