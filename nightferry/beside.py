"""What lies beside the nights, where no layout names it: `1120b` beside `1120`, a frame in the year's folder.

Neither end of a hop is asked about it, so that two listings that agree do not show it. The folders that hold the nights
are looked into once, by names alone; opened is only what is called like one of the nights.
"""

from __future__ import annotations

import datetime as dt
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nightferry.workplace import Workplace
from observatory.endpoints.contract import NEVER_ENTERED, Look
from observatory.endpoints.walk import join
from observatory.errors import CouldNotTell
from observatory.layouts import Layout
from observatory.listing import Scope, camera_layout, selection_of, takes
from observatory.records import FILE, NUL, path_of
from observatory.spec.chain import Place, places
from observatory.spec.models import Camera


@dataclass(frozen=True, slots=True)
class Stray:
    """One file of a camera that lies in no night's folder.

    Attributes
    ----------
    path : bytes
        Below the root.
    night : date or None
        After which the folder is called that holds it; None of a file beside the nights' folders.
    """

    path: bytes
    night: dt.date | None


def strays(workplace: Workplace, scope: Scope, nights: Collection[dt.date]) -> list[Stray]:
    """Return the files that a scope's cameras would take, beside some nights, by path; none where nobody can look."""
    endpoint = workplace.endpoint(scope.place.host)
    try:
        found = list(_unnamed(workplace, scope, nights))
        return sorted((*_loose(endpoint, scope, found), *_within(endpoint, scope, found)), key=lambda one: one.path)
    except CouldNotTell:  # nights may be open to us in a folder whose names are not: nothing is claimed of it
        return []


def _unnamed(workplace: Workplace, scope: Scope, nights: Collection[dt.date]) -> Iterator[Stray]:
    """Yield what lies beside the nights, and which no layout of this root names."""
    endpoint, root = workplace.endpoint(scope.place.host), scope.request.root
    known = list(_known_at(workplace, scope.place))
    named = {layout.folder(night): night for layout in _dated(scope.place, scope.cameras) for night in nights}
    for parent in sorted({posixpath.dirname(folder) for folder in named}):
        for name in endpoint.list_folder(join(root, parent)):
            path = posixpath.join(parent, name)
            if name not in NEVER_ENTERED and not any(layout.night_of(path) for layout in known):
                yield Stray(path, _night_meant(path, named))


def _night_meant(path: bytes, named: Mapping[bytes, dt.date]) -> dt.date | None:
    """Return the night after whose folder a path beside it is called: `1120b`, `old_1120`."""
    parent, name = posixpath.split(path)
    folders = (posixpath.split(folder) for folder in named)
    return next((named[posixpath.join(way, base)] for way, base in folders if way == parent and base in name), None)


def _known_at(workplace: Workplace, place: Place) -> Iterator[Layout]:
    """Yield how the nights of every instrument that keeps files below a root are called there."""
    for instrument in workplace.instruments.values():
        for one in places(instrument):
            if (one.host, one.root) == (place.host, place.root):
                yield from _dated(one, instrument.cameras)


def _dated(place: Place, cameras: Mapping[str, Camera]) -> Iterator[Layout]:
    """Yield the layouts of some cameras, each up to the folder that tells the night."""
    for name, camera in cameras.items():
        text = camera_layout(place, name, camera)
        if camera.nights != "none" and text != ".":
            parts = text.split("/")
            yield Layout("/".join(parts[: 1 + max(depth for depth, part in enumerate(parts) if "%" in part)]))


def _of_nights(scope: Scope) -> list[Camera]:
    return [camera for camera in scope.cameras.values() if camera.nights != "none"]


def _loose(endpoint: Look, scope: Scope, found: Iterable[Stray]) -> Iterator[Stray]:
    """Yield the files among what was found that a camera takes by their names."""
    cameras = _of_nights(scope)
    named = [one.path for one in found if any(takes(camera, posixpath.basename(one.path)) for camera in cameras)]
    if named:
        yield from (Stray(facts.path, None) for facts in endpoint.stat(scope.request.root, named) if facts.is_file)


def _within(endpoint: Look, scope: Scope, found: Iterable[Stray]) -> Iterator[Stray]:
    """Yield the files that cameras take within what is called like a night."""
    nights = {one.path: one.night for one in found if one.night is not None}
    if not nights:
        return
    selections = tuple(selection_of(camera, sorted(nights)) for camera in _of_nights(scope))
    survey = endpoint.survey(replace(scope.request, selections=selections, names_only=True))
    for path in (path_of(record) for chunk in survey for record in chunk[:-1].split(NUL) if record[:1] == FILE):
        folder = next((folder for folder in nights if path.startswith(folder + b"/")), None)
        if folder is not None:
            yield Stray(path, nights[folder])
