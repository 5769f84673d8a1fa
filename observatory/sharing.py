"""Whether two roots on this machine share a folder of their nights: one folder under two names is no second copy.

What the roots themselves show is ends.py's. Between machines it is not asked: only one kernel's numbers of folders can
be compared, and a question to a far host would cost more than the case is worth.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from observatory.endpoints.contract import Look, SurveyRequest
from observatory.endpoints.local import LocalEndpoint
from observatory.ends import SAME_FOLDER
from observatory.errors import EndsNotSeen, RootNotProven
from observatory.listing import HopScope


def refuse_shared_folders(scope: HopScope, source: Look, destination: Look) -> None:
    """Refuse ends of which a night's folder is one and the same, through a link or a mount above it.

    Raises
    ------
    EndsNotSeen
    """
    if not (isinstance(source, LocalEndpoint) and isinstance(destination, LocalEndpoint)):
        return
    here, there = _folders(source, scope.source.request), _folders(destination, scope.destination.request)
    shared = sorted(there[identity] for identity in here.keys() & there.keys())
    if shared:
        place = os.path.join(os.fsdecode(scope.destination.request.root), os.fsdecode(shared[-1]))  # noqa: PTH118
        raise EndsNotSeen(None, RootNotProven(destination.name, place, SAME_FOLDER))


def _folders(endpoint: LocalEndpoint, request: SurveyRequest) -> Mapping[str, bytes]:
    asked = sorted({folder for selection in request.selections for folder in selection.folders if folder})
    found = endpoint.stat(request.root, asked)
    return {facts.identity: facts.path for facts in found if facts.identity is not None}
