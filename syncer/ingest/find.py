"""Which files are meant by the paths, folders and patterns of an ``ingest``, and what lies in a datastore.

Looks only. What a file is for, its name tells, and that is read elsewhere.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from observatory.endpoints.contract import NEVER_ENTERED
from observatory.errors import UsageError
from observatory.names import show
from syncer.ingest.model import Present, Source

_MAGIC = frozenset(b"*?[")
_ABSENT = Present()


@dataclass(slots=True)
class Found:
    """What the paths of one ingest come to.

    Attributes
    ----------
    named : list of Source
        Files that were named, or that a pattern named: each is meant.
    inside : list of Source
        Files in folders that were named: those of no known type are passed over, and counted.
    troubles : list of (path, reason)
        What could not be looked at.
    """

    named: list[Source] = field(default_factory=list)
    inside: list[Source] = field(default_factory=list)
    troubles: list[tuple[bytes, str]] = field(default_factory=list)
    _real: dict[bytes, bytes] = field(default_factory=dict, repr=False)

    def real_folder(self, folder: bytes) -> bytes:
        """Return a folder's own place, links followed; asked once for all its files."""
        if folder not in self._real:
            real = os.path.realpath(folder or b"/")
            self._real[folder] = b"" if real == b"/" else real
        return self._real[folder]


def find(paths: Sequence[bytes]) -> Found:
    """Return the files that some paths, folders (with all below them) and patterns mean, each file once.

    Raises
    ------
    UsageError
        A path that is not there, or a pattern that matches nothing: nothing is done for the others either.
    """
    found = Found()
    seen: set[tuple[tuple[int, int], bytes]] = set()
    for path in paths:
        for match in _matches(path):
            _take(os.path.abspath(match), found, seen)
    return found


def find_files(paths: Sequence[bytes]) -> Found:
    """Return what is said of files that a listing named a moment ago; one that is gone is a trouble."""
    found = Found()
    seen: set[tuple[tuple[int, int], bytes]] = set()
    for path in paths:
        _add(path, found.inside, found, seen)
    return found


def _matches(path: bytes) -> list[bytes]:
    if os.path.lexists(path):
        return [path]
    matches = sorted(glob.glob(path, recursive=True)) if _MAGIC & set(path) else []
    if not matches:
        what = "the pattern matches nothing" if _MAGIC & set(path) else "there is no such file or folder"
        raise UsageError(f"{show(path)}: {what}; nothing was ingested")
    return matches


def _take(path: bytes, found: Found, seen: set[tuple[tuple[int, int], bytes]]) -> None:
    if os.path.isdir(path):
        for inside in _walk(path, found):
            _add(inside, found.inside, found, seen)
    else:
        _add(path, found.named, found, seen)


def _walk(folder: bytes, found: Found) -> Iterator[bytes]:
    """Yield every file below a folder, sorted; links to folders are not entered, our own folders neither."""
    refused: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=refused.append):
        folders[:] = sorted(name for name in folders if name not in NEVER_ENTERED)
        yield from (os.path.join(here, name) for name in sorted(files))
    for error in refused:
        found.troubles.append((os.fsencode(error.filename or folder), error.strerror or str(error)))


def _add(path: bytes, into: list[Source], found: Found, seen: set[tuple[tuple[int, int], bytes]]) -> None:
    try:
        facts = os.lstat(path)
        if stat.S_ISLNK(facts.st_mode):
            real, facts = os.path.realpath(path), os.stat(path)
        else:
            folder, _, name = path.rpartition(b"/")
            real = found.real_folder(folder) + b"/" + name
        if not stat.S_ISREG(facts.st_mode):
            return
        source = Source(path, real, facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino)
    except OSError as error:
        found.troubles.append((path, error.strerror or str(error)))
        return
    if (source.key, source.name) not in seen:
        seen.add((source.key, source.name))
        into.append(source)


def look(root: bytes, paths: Sequence[bytes]) -> dict[bytes, Present]:
    """Say what lies at some paths of a datastore, links followed."""
    absent: dict[bytes, bool] = {}
    found: dict[bytes, Present] = {}
    for path in paths:
        folder = path.rpartition(b"/")[0]
        if folder not in absent:  # where there is no folder nothing lies in it: one question instead of one for each
            absent[folder] = _is_absent(os.path.join(root, folder))
        found[path] = _ABSENT if absent[folder] else _look(os.path.join(root, path))
    return found


def _is_absent(folder: bytes) -> bool:
    try:
        os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # of each path in it that is said
    return False


def _look(path: bytes) -> Present:
    try:
        facts = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):
            return Present(reason="it is a link to a file that is gone")
        return Present()
    except OSError as error:
        return Present(reason=error.strerror or str(error))
    return Present(facts.st_size, facts.st_dev, facts.st_ino, stat.S_ISREG(facts.st_mode))
