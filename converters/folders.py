"""Finds the nights of a copy on this machine's disk: which files each night's folder holds.

Which folder is which night's `observatory.listing` says; what is done with the files the steps.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from converters.base import NightFolder
from observatory.endpoints.contract import MARKER, NEVER_ENTERED
from observatory.ends import NO_SIGN
from observatory.errors import RootNotProven
from observatory.listing import ANY_NIGHT, Scope


@dataclass(frozen=True, slots=True)
class Trouble:
    """A night's folder, relative to the root, that could not be read: nothing can be said of that night."""

    night: dt.date
    folder: bytes
    reason: str


def check_root(scope: Scope, found_files: bool) -> None:
    """Make sure that a root is the root and not an empty mount point.

    Raises
    ------
    RootNotProven
    """
    root, host = scope.place.root, scope.place.host
    try:
        os.scandir(root).close()
    except OSError as error:
        raise RootNotProven(host, root, f"cannot be listed ({error.strerror})") from error
    if found_files or os.path.lexists(Path(root, os.fsdecode(MARKER))):
        return
    if not any(next(Path(root).glob(os.fsdecode(night)), None) for night in scope.request.night_globs):
        raise RootNotProven(host, root, NO_SIGN)


def night_folders(scope: Scope) -> Iterator[NightFolder | Trouble]:
    """Yield every night's folder that holds a file, by night; instead of one that cannot be read, why.

    Trees without nights are left out.
    """
    by_night: dict[dt.date, list[NightFolder | Trouble]] = defaultdict(list)
    for folder, (night, camera) in sorted(scope.folders.items()):
        if night == ANY_NIGHT:
            continue
        try:
            files = sorted(_walk(_absolute(scope, folder)))
        except OSError as error:
            reason = f"{os.fsdecode(error.filename or folder)} could not be listed: {error.strerror or error}"
            for poisoned in [night] if scope.by_name is None else scope.nights:
                by_night[poisoned].append(Trouble(poisoned, folder, reason))
            continue
        for its_night, its_files in _by_night(scope, folder, files).items():
            by_night[its_night].append(_night_folder(scope, its_night, camera, folder, its_files))
    for night in sorted(by_night):
        yield from by_night[night]


def night_folder(scope: Scope, before: NightFolder) -> NightFolder:
    """Look at a night's folder again.

    Raises
    ------
    OSError
    """
    files = sorted(_walk(_absolute(scope, before.folder)))
    return replace(before, files=tuple(_by_night(scope, before.folder, files).get(before.night, ())))


def _absolute(scope: Scope, folder: bytes) -> bytes:
    return os.fsencode(scope.place.root) + b"/" + folder


def _night_folder(scope: Scope, night: dt.date, camera: str, folder: bytes, files: list[bytes]) -> NightFolder:
    known = camera or (next(iter(scope.cameras)) if len(scope.cameras) == 1 else None)
    return NightFolder(night, known, Path(scope.place.root), folder, tuple(files), scope.by_name is not None)


def _by_night(scope: Scope, folder: bytes, files: list[bytes]) -> dict[dt.date, list[bytes]]:
    by_night: dict[dt.date, list[bytes]] = defaultdict(list)
    for path in files:
        night = scope.night_of(path if folder == b"." else folder + b"/" + path)
        if night is not None and night in scope.asked:
            by_night[night].append(path)
    return by_night


def _walk(top: bytes, below: bytes = b"") -> Iterator[bytes]:
    """Yield the regular files below a folder, relative to it; one that is absent holds none. Links are not followed."""
    try:
        entries = list(os.scandir(top + b"/" + below))
    except FileNotFoundError:
        return
    for entry in entries:
        path = below + b"/" + entry.name if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in NEVER_ENTERED:
                yield from _walk(top, path)
        elif entry.is_file(follow_symlinks=False):
            yield path
