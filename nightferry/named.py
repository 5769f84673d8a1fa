"""Which one file of a night a person means by a name: by as much of the end of its path as tells it from all others.

Asks no host: what a name may stand for follows from the instrument's layouts and patterns, and from what the last
reports say of that night (reporting/mentions.py).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nightferry.retention.evidence import cameras_at
from observatory.counting import shortened
from observatory.errors import UsageError
from observatory.layouts import Layout
from observatory.listing import ANY_NIGHT, EVERYWHERE, NO_DATE, Scope, camera_layout, is_taken, name_of, scope_of
from observatory.names import show, typed
from observatory.nights import NightClock, night_text
from observatory.spec.chain import places
from observatory.spec.models import Instrument

MOST_LISTED = 10
"""So many are listed of the files that a name may stand for."""

MOST_AT_ONCE = 10_000
"""So many are named at once at most, in a run of numbers."""
_NO_NAME = re.compile(rb"[*?]|(?:^|/)\.{0,2}(?:/|$)")
"""A pattern, or a path with an empty part, ``.`` or ``..``: what is listed by such a name is told of by reports."""
_RUN = re.compile(r"\[([0-9]+)-([0-9]+)\]")

Key = tuple[dt.date, bytes]
"""A file's night, and the name that it has on every copy: its camera, and its path below the night's folder."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """One file, on however many copies it is.

    Attributes
    ----------
    night : date
        `ANY_NIGHT` of a tree without nights.
    name : bytes
        As it is noted.
    path : bytes
        Below a root, as a report shows it.
    is_told : bool
        A report says something of it.
    """

    night: dt.date
    name: bytes
    path: bytes
    is_told: bool


class FilesOfNight:
    """What names may stand for in one night of an instrument.

    Parameters
    ----------
    instrument : Instrument
    night : date
    clock : NightClock
        Of the instrument.
    told : mapping of Key to path
        Of which reports say something.
    """

    def __init__(self, instrument: Instrument, night: dt.date, clock: NightClock, told: Mapping[Key, bytes]) -> None:
        self._instrument, self._night, self._told = instrument.instrument, night, told
        self._ends = [
            scope_of(instrument, place, cameras_at(instrument, place), (night,), clock) for place in places(instrument)
        ]

    def meant(self, text: str, if_none: str = "") -> list[NamedFile]:
        """Return the file that a person means, or those of a run as reports fold them (``SHA_1.[0122-0163].fits``).

        Parameters
        ----------
        if_none : str
            What else is to be said where no file is called so.

        Raises
        ------
        UsageError
            It may be one of several, or none that the instrument could have in that night. Nothing was noted.
        """
        text = self._below_a_root(text)
        is_told = bool(self._told_as(typed(text)))
        return [self._one(name, if_none) for name in ([text] if is_told else _unfolded(text))]

    def _below_a_root(self, text: str) -> str:
        """Return a path without the root that a person may have written before it."""
        for root in {end.place.root.rstrip("/") + "/" for end in self._ends}:
            text = text.removeprefix(root)
        return text.removeprefix("./")

    def _one(self, text: str, if_none: str) -> NamedFile:
        forms = typed(text)
        files = self._told_as(forms) or self.may_be(forms[-1])
        if not files:
            where = f"{self._instrument} has no file called so in {self._where()}"
            raise UsageError(f"{text}: {where}; nothing was noted{if_none}")
        if len(files) > 1:
            names = shortened([show(name) for _, name in sorted(files)], MOST_LISTED)
            raise UsageError(f"{text}: one of {names}? Give so much of the path of the one meant; nothing was noted")
        (((night, name), path),) = files.items()
        return NamedFile(night, EVERYWHERE + name, path, (night, name) in self._told)

    def _told_as(self, forms: Sequence[bytes]) -> dict[Key, bytes]:
        """Return those of which reports speak, by whole paths before ends of paths."""
        for matches in (bytes.__eq__, bytes.endswith):
            found = {
                key: path
                for key, path in self._told.items()
                if any(matches(b"/" + called, b"/" + form) for called in (path, key[1]) for form in forms)
            }
            if found:
                return found
        return {}

    def may_be(self, name: bytes) -> dict[Key, bytes]:
        """Return what cameras may call so; of several readings those in which the name tells most of the folder."""
        if _NO_NAME.search(name):
            return {}
        possible = [(told, key, path) for end in self._ends for told, key, path in _readings(end, name)]
        most = max((told for told, _, _ in possible), default=0)
        if not most and any(_is_dated(end, name) for end in self._ends):
            return {}  # a path in another night's folder, and not one in a folder of that name within this night's
        return {key: path for told, key, path in reversed(possible) if told == most}

    def _where(self) -> str:
        """Return the night with its folders: a date that is a day off shows itself beside a path."""
        folders = {
            show(folder) for end in self._ends for folder, (date, _) in end.folders.items() if date == self._night
        }
        return f"the night {night_text(self._night)}" + (
            f" ({shortened(sorted(folders), MOST_LISTED)})" if folders else ""
        )


def _readings(end: Scope, name: bytes) -> Iterator[tuple[int, Key, bytes]]:
    """Yield what a name may stand for in the folders of one end: how much of it is folder or camera, key and path."""
    camera, _, rest = name.partition(b"/")
    for folder, (date, _) in end.folders.items():
        for told, below in _parted(folder, name):
            yield from ((told, *found) for found in _found(end, folder, date, below))
        if rest:
            found_there = _found(end, folder, date, rest)
            yield from ((len(camera), key, path) for key, path in found_there if key[1] == name)


def _parted(folder: bytes, name: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield how a name may be parted into an end of its folder, or nothing of it, and the path below the folder."""
    yield 0, name
    parts = folder.split(b"/")
    for end in (b"/".join(parts[first:]) for first in range(len(parts))):
        if name.startswith(end + b"/"):
            yield len(end), name[len(end) + 1 :]


def _found(end: Scope, folder: bytes, date: dt.date, below: bytes) -> Iterator[tuple[Key, bytes]]:
    """Yield key and path of a file where the instrument could have it in a folder."""
    path = below if folder == b"." else folder + b"/" + below
    key = name_of(end, path)
    if key is not None and is_taken(end, key[1]) and _is_at_home(end, path, date, key[0]):
        yield key, path


def _is_dated(end: Scope, name: bytes) -> bool:
    """Say whether a path begins with some night's folder."""
    dated = ((key, camera) for key, camera in end.cameras.items() if camera.nights != "none")
    texts = {camera_layout(end.place, key, camera) for key, camera in dated} - {"."}
    return any(Layout(text).night_of(name) is not None for text in texts)


def _is_at_home(end: Scope, path: bytes, date: dt.date, night: dt.date) -> bool:
    """Say whether a file belongs into the folder of a date; where its name tells when, it is in no other."""
    if date in (ANY_NIGHT, NO_DATE) or end.folder_date is None:
        return True
    return date == (end.folder_date(path.rpartition(b"/")[2]) or night)


def _unfolded(text: str) -> list[str]:
    """Return the names of a run; of anything else itself."""
    found = _RUN.search(text)
    if found is None or len(found[1]) != len(found[2]):
        return [text]
    numbers = range(int(found[1]), int(found[2]) + 1)
    if not 1 < len(numbers) <= MOST_AT_ONCE:
        return [text]
    before, after, width = text[: found.start()], text[found.end() :], len(found[1])
    return [f"{before}{number:0{width}d}{after}" for number in numbers]
