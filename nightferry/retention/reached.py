"""Which files of a copy a datastore reaches by link or in their own place: what is freed there would be gone here too.

Deciding what may be freed is pruning.py's; what a datastore holds is the catalogue's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from nightferry.holdings.datastores import open_catalogue
from nightferry.workplace import Workplace
from observatory.spec.chain import Place


def reached_by_datastores(workplace: Workplace, place: Place, paths: Sequence[bytes]) -> dict[bytes, str]:
    """Return, by its path below the root, why each file that a datastore reaches stays.

    Raises
    ------
    RecordsUnavailable
    """
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
    with open_catalogue(workplace) as catalogue:
        reached = catalogue.reached_originals(sorted(whole), hosts)
    return {
        whole[origin]: f"the datastore reaches it by {way}: `nightferry datasets remove`"
        for origin, way in reached.items()
    }
