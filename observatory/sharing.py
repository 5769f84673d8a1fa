"""Whether two roots, or two nights of one root, share a folder: what lies there is no two copies.

What the roots themselves show is ends.py's. Of two roots on this machine it is asked before anything is moved; wherever
they are, what two listings told of their folders shows it without a question. Of one root it is asked where a listing
shows links, which is rare.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence

from observatory.endpoints.contract import Look, Survey, SurveyRequest
from observatory.endpoints.local import LocalEndpoint
from observatory.ends import SAME_FOLDER
from observatory.errors import EndsNotSeen, RootNotProven
from observatory.listing import HopScope
from observatory.spec.chain import Hop, Place

INSIDE = b"/."
"""Behind a link's name: the folder that it leads to, and not the link."""
_IF_CLONED = (
    "If this disk was cloned from the other (dd, zfs send), its folders bear the same numbers and times: there,"
    " `find %s -type d -exec touch {} +` tells them apart"
)


def refuse_shared_folders(scope: HopScope, source: Look, destination: Look) -> None:
    """Refuse ends of which a night's folder is one and the same, through a link or a mount above it.

    Raises
    ------
    EndsNotSeen
    """
    if not (isinstance(source, LocalEndpoint) and isinstance(destination, LocalEndpoint)):
        return
    here, there = _folders(source, scope.source.request), _folders(destination, scope.destination.request)
    _refuse(scope, destination, [there[identity] for identity in here.keys() & there.keys()])


def refuse_listed_twice(scope: HopScope, here: Survey, there: Survey, destination: Look) -> None:
    """Refuse ends whose listings, read to their ends, entered one and the same folder, on whatever machines they are.

    It may lie on a file server that both machines mount, or these are one machine under two names. A copy that others
    fill is not refused: what clones whole file systems (`zfs send`) gives folders the same numbers and times.

    Raises
    ------
    EndsNotSeen
    """
    if scope.hop.destination.declared.fill is not None:
        return
    seen = {identity for identity in here.folders.values() if identity}
    shared = [path for path, identity in there.folders.items() if identity in seen]
    _refuse(scope, destination, shared, _IF_CLONED % shlex.quote(scope.hop.destination.root))


class FoldersSeen:
    """Which folders the copies' listings entered, hop by hop in one verification: no two copies of a chain share one.

    Two archives of a fork are no two where the year's folder of one is a link to the other's, or both mount one disk.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[Place, str]] = {}

    def listed(self, scope: HopScope, here: Survey, there: Survey, names: tuple[str, str]) -> None:
        """Note what both listings of a hop entered; refuse a destination that entered a folder of another copy.

        Copies of other cameras may share it.

        Parameters
        ----------
        names : pair of str
            What reports call the two hosts.

        Raises
        ------
        EndsNotSeen
        """
        hop = scope.hop
        for place, survey, name in ((hop.source, here, names[0]), (hop.destination, there, names[1])):
            is_ours = place.declared.fill is None
            for path, identity in survey.folders.items() if is_ours else ():
                other, its_folder = self._first(hop, identity, (place, f"{name}:{_joined(place.root, path)}"))
                if place == hop.destination and (other.host, other.root) != (place.host, place.root):
                    raise EndsNotSeen(None, _shared(place, path, name, its_folder))

    def _first(self, hop: Hop, identity: str, found: tuple[Place, str]) -> tuple[Place, str]:
        """Return which copy of any of a hop's cameras was the first to show a folder, and as what."""
        keys = [(hop.instrument.instrument, hop.variant, camera, identity) for camera in hop.cameras if identity]
        firsts = [self._known.setdefault(key, found) for key in keys]
        return next((first for first in firsts if first != found), found)


def _joined(root: str, path: bytes) -> str:
    return os.path.join(root, os.fsdecode(path))  # noqa: PTH118


def _shared(place: Place, path: bytes, name: str, its_folder: str) -> RootNotProven:
    why = f"is one and the same folder as {its_folder}: one folder is no two copies"
    return RootNotProven(name, _joined(place.root, path), why, _IF_CLONED % shlex.quote(place.root))


def _refuse(scope: HopScope, destination: Look, shared: Sequence[bytes], remedy: str = "") -> None:
    if shared:
        place = _joined(scope.hop.destination.root, max(shared))
        raise EndsNotSeen(None, RootNotProven(destination.name, place, SAME_FOLDER, remedy))


def _folders(endpoint: LocalEndpoint, request: SurveyRequest) -> Mapping[str, bytes]:
    asked = sorted({folder for selection in request.selections for folder in selection.folders if folder})
    found = endpoint.stat(request.root, asked)
    return {facts.identity: facts.path for facts in found if facts.identity is not None}


def stands_for_two(scope: HopScope, source: Look, destination: Look, paths: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return those of some source files whose place is that of another one as well, with that other one.

    Their folders are one and the same on the destination. Where no numbers of folders are told (SFTP alone) none is
    found.

    Parameters
    ----------
    paths : sequence of bytes
        Source files whose places on the destination are reached through links.

    Raises
    ------
    CouldNotTell
    """
    if not paths:
        return {}
    same = _same_folders(scope, destination, {os.path.split(scope.target_of(path))[0] for path in paths})
    pairs = [
        (path, other)
        for path in paths
        for folder in same.get(os.path.split(scope.target_of(path))[0], ())
        if (other := scope.source_of(os.path.join(folder, os.path.split(path)[1]))) is not None  # noqa: PTH118
    ]
    others = sorted({other for _, other in pairs})
    there = {facts.path for facts in source.stat(scope.source.request.root, others) if facts.is_file}
    return {path: other for path, other in pairs if other in there}


def _same_folders(scope: HopScope, destination: Look, folders: set[bytes]) -> dict[bytes, list[bytes]]:
    """Return for each of some folders those of other nights and cameras that are the same one."""
    twins = {folder: list(_twins(scope, folder)) for folder in folders}
    asked = [folder + INSIDE for folder in sorted(folders.union(*twins.values()))]
    found = destination.stat(scope.destination.request.root, asked)
    numbers = {facts.path.removesuffix(INSIDE): facts.identity for facts in found if facts.identity is not None}
    return {
        folder: [twin for twin in its if folder in numbers and numbers.get(twin) == numbers[folder]]
        for folder, its in twins.items()
    }


def _twins(scope: HopScope, folder: bytes) -> Iterator[bytes]:
    """Yield what a folder within a night would be called in each other night and camera."""
    located = scope.destination.locate(folder + b"/file")
    for other in scope.destination.folders if located is not None else ():
        if located is not None and other != located[2]:
            yield other + folder[len(located[2]) :]
