"""Which part of a root the nights asked for are: from a hop and its nights to two questions.

Pure. Settles layouts, cameras, nights found by name and trees without nights once, for planner and
verifier alike, so that both work on the same window. Asking is the endpoints', comparing compare.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from observatory.endpoints.contract import Selection, SurveyRequest
from observatory.layouts import Layout
from observatory.names import matcher
from observatory.nights import NightClock, stamp_expression
from observatory.records import FILE, NUL, UNRECOGNISED, path_of
from observatory.spec.chain import Hop, Place, fill
from observatory.spec.models import Camera, Instrument

ANY_NIGHT = dt.date.min
"""Stands for the night of files that belong to none (``nights: none``)."""
NO_DATE = dt.date.max
"""Stands for the date of a folder that has none: the root itself, where nights are found by name."""
NEAR = dt.timedelta(days=1)
"""A folder that counts UT dates holds parts of its own night and of its neighbours."""
EVERYWHERE = b"//"
"""Stands before the name that a file has on every copy, where paths below a root are noted too: none begins so."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked of one end of a hop.

    Attributes
    ----------
    place : Place
    nights : tuple of date
        Ascending.
    cameras : mapping of camera name to Camera
    folders : mapping of folder to (night, camera)
        Every night's folder below the root; where cameras share one, the camera is ``""``.
    by_name : callable or None
        Night of a base name, where nights are found by name; None where folders alone decide.
    request : SurveyRequest
    asked : frozenset of date
        The nights again, to look one up.
    folder_date : callable or None
        With `by_name`: the date of the folder in which a base name belongs, the UT date where it has an instant.
    nesting : frozenset of bytes
        Those of `folders` in which others of them lie.
    only : frozenset of bytes or None
        The files that are asked about, by path; None: all.
    """

    place: Place
    nights: tuple[dt.date, ...]
    cameras: Mapping[str, Camera]
    folders: Mapping[bytes, tuple[dt.date, str]]
    by_name: Callable[[bytes], dt.date | None] | None
    request: SurveyRequest
    asked: frozenset[dt.date]
    folder_date: Callable[[bytes], dt.date | None] | None = None
    nesting: frozenset[bytes] = frozenset({b"."})
    only: frozenset[bytes] | None = None
    _located: dict[bytes, tuple[dt.date, str, bytes] | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def locate(self, path: bytes) -> tuple[dt.date, str, bytes] | None:
        """Return night, camera (``""`` where cameras share the folder) and folder; None: of no night asked."""
        if self.by_name is not None:
            return self._search(path)
        folder = path.rpartition(b"/")[0]  # without stamps in names, all files of a folder are of one night
        if folder not in self._located:
            self._located[folder] = self._search(path)
        return self._located[folder]

    def _search(self, path: bytes) -> tuple[dt.date, str, bytes] | None:
        parts = path.split(b"/")
        for depth in range(len(parts) - 1, -1, -1):
            folder = b"/".join(parts[:depth]) or b"."
            if folder in self.folders:
                return self._settle(folder, parts[-1])
        return None

    def _settle(self, folder: bytes, name: bytes) -> tuple[dt.date, str, bytes] | None:
        date, camera = self.folders[folder]
        if self.by_name is None or date == ANY_NIGHT:
            return date, camera, folder
        night = self.by_name(name)
        if night is not None and date != NO_DATE and abs(night - date) > NEAR:
            night = date  # its clock began anew in 1970, say: in no other night would it be looked for here
        return (night, camera, folder) if night in self.asked else None

    def night_of(self, path: bytes) -> dt.date | None:
        """Return the night of a path below the root, None where it is of no night asked."""
        located = self.locate(path)
        return located[0] if located else None

    def camera_of(self, path: bytes) -> str | None:
        """Return the camera that a path belongs to, by its folder or else by its name."""
        located = self.locate(path)
        if located is None:
            return None
        _, camera, folder = located
        if camera:
            return camera
        below = path if folder == b"." else path[len(folder) + 1 :]
        for name, declared in self.cameras.items():
            if takes(declared, below):
                return name
        return None

    def asked_about(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Drop what names show to be of another night, and files not asked about; else listings pass as they are.

        A file whose name tells no night is unrecognised, whatever patterns take it: it is said, not lost.
        """
        if self.only is not None:
            chunks = _with_files_of(self.only, chunks)
        if self.by_name is None:
            return iter(chunks)
        return self._filtered(chunks)

    def _filtered(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        nameless: list[bytes] = []
        for chunk in chunks:
            kept = []
            for record in chunk[:-1].split(NUL):
                if record[:1] not in (FILE, UNRECOGNISED) or self.night_of(path_of(record)) is not None:
                    kept.append(record)
                elif self._tells_no_night(path_of(record)):
                    nameless.append(UNRECOGNISED + record[1:])
            files = [record for record in kept if record[:1] != UNRECOGNISED]
            nameless += kept[len(files) :]
            if files:
                yield NUL.join(files) + NUL
        if nameless:  # the last kind there is: they stand where they belong
            yield NUL.join(sorted(nameless)) + NUL

    def _tells_no_night(self, path: bytes) -> bool:
        """Say whether a name tells no night, in a folder that is asked about or that tells none either."""
        name = path.rpartition(b"/")[2]
        if self.by_name is None or self.by_name(name) is not None:
            return False
        date = self._date_of_folder(path)
        return date is not None and (date == NO_DATE or date in self.asked)

    def _date_of_folder(self, path: bytes) -> dt.date | None:
        parts = path.split(b"/")
        folders = (b"/".join(parts[:depth]) or b"." for depth in range(len(parts) - 1, -1, -1))
        return next((self.folders[folder][0] for folder in folders if folder in self.folders), None)


def name_of(scope: Scope, path: bytes) -> tuple[dt.date, bytes] | None:
    """Return a file's night and the name that it has on every copy; None where it is of no night asked."""
    located, camera = scope.locate(path), scope.camera_of(path)
    if located is None or camera is None:
        return None
    night, _, folder = located
    return night, camera.encode() + b"/" + (path if folder == b"." else path[len(folder) + 1 :])


def takes(camera: Camera, below: bytes) -> bool:
    """Say whether a camera's patterns take a path below its night's folder."""
    return matcher(_encoded(camera.taken), _encoded(camera.exclude))(below) == "taken"


def is_taken(scope: Scope, name: bytes) -> bool:
    """Say whether its camera's patterns take what is called so on every copy: of a folder of its own all is its."""
    camera, _, below = name.partition(b"/")
    return takes(scope.cameras[camera.decode()], below)


def _with_files_of(only: Container[bytes], chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        records = chunk[:-1].split(NUL)
        kept = [record for record in records if record[:1] != FILE or path_of(record) in only]
        if kept:
            yield NUL.join(kept) + NUL


def selection_of(camera: Camera, folders: Iterable[bytes]) -> Selection:
    """Return the question for a camera's files in some folders."""
    return Selection(tuple(folders), _encoded(camera.taken), _encoded(camera.exclude))


def _encoded(patterns: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(pattern.encode() for pattern in patterns)


def camera_layout(place: Place, camera_name: str, camera: Camera) -> str:
    """Return the layout of one camera at one place, ``{camera}`` filled in; ``.`` where nights are in names alone."""
    if camera.nights == "none":
        return fill(camera.layout or camera_name, {"camera": camera_name})
    text = camera.layout or place.layout
    if text is None:
        return "."
    return fill(text, {"camera": camera_name})


def _neighbours(nights: Iterable[dt.date]) -> list[dt.date]:
    """Widen by a day to either side."""
    return sorted({night + step for night in nights for step in (-NEAR, dt.timedelta(), NEAR)})


def _camera_folders(
    place: Place, name: str, camera: Camera, nights: Iterable[dt.date], by_name: bool
) -> dict[bytes, dt.date]:
    text = camera_layout(place, name, camera)
    if camera.nights == "none":
        return {text.encode(): ANY_NIGHT}
    if text == ".":
        return {b".": NO_DATE if by_name else ANY_NIGHT}
    layout = Layout(text)
    return {layout.folder(night): night for night in (_neighbours(nights) if by_name else nights)}


def scope_of(
    instrument: Instrument,
    place: Place,
    cameras: Mapping[str, Camera],
    nights: tuple[dt.date, ...],
    clock: NightClock,
) -> Scope:
    """Return what to ask of one place for some nights of some cameras."""
    by_name = _by_name(instrument, clock)
    folders: dict[bytes, tuple[dt.date, str]] = {}
    selections = []
    for name, camera in cameras.items():
        its_folders = _camera_folders(place, name, camera, nights, by_name is not None)
        for folder, night in its_folders.items():
            folders[folder] = (night, "" if folder in folders else name)
        selections.append(selection_of(camera, its_folders))
    selections += _of_others(instrument, place, cameras, nights, set(folders))
    request = SurveyRequest(
        root=place.root.encode(),
        selections=tuple(selections),
        night_globs=_night_globs(place, cameras),
        night_name=_night_name(place, instrument),
        symlinks=instrument.symlinks,
        one_file_system=place.declared.transfer.one_file_system,
    )
    folder_date = _by_name(instrument, NightClock(clock.zone, None))
    return Scope(place, nights, cameras, folders, by_name, request, frozenset(nights), folder_date, _nesting(folders))


def _of_others(
    instrument: Instrument,
    place: Place,
    cameras: Mapping[str, Camera],
    nights: tuple[dt.date, ...],
    asked: set[bytes],
) -> Iterator[Selection]:
    """Yield what keeps the files of cameras that are at this place too, but not asked about, from being unrecognised.

    Those of VAMPIRES' raw cubes lie beside what is made of them, and only the latter travels.
    """
    at_place = place.declared.cameras
    for name, camera in instrument.cameras.items():
        if name in cameras or not (at_place is None or name in at_place):
            continue
        its = _camera_folders(place, name, camera, nights, instrument.night_in_name is not None)
        shared = tuple(folder for folder in its if folder in asked)
        if shared:
            yield Selection(shared, (), (*_encoded(camera.taken), *_encoded(camera.exclude)))


def _by_name(instrument: Instrument, clock: NightClock) -> Callable[[bytes], dt.date | None] | None:
    if instrument.night_in_name is None:
        return None
    expression = stamp_expression(instrument.night_in_name)
    return lambda name: expression.night_of(name, clock)


def _night_globs(place: Place, cameras: Mapping[str, Camera]) -> tuple[bytes, ...]:
    texts = {camera_layout(place, name, camera) for name, camera in cameras.items() if camera.nights != "none"}
    return tuple(Layout(text).glob() for text in sorted(texts) if text != ".")


def _night_name(place: Place, instrument: Instrument) -> bytes:
    if place.layout is not None or instrument.night_in_name is None:
        return b""
    return b"[0-9]{8}|[0-9]{4}[-_][0-9]{2}[-_][0-9]{2}"


@dataclass(frozen=True, slots=True)
class HopScope:
    """Both questions of one hop, and how a source path is called on the destination."""

    hop: Hop
    nights: tuple[dt.date, ...]
    source: Scope
    destination: Scope
    is_renamed: bool = field(init=False)

    def __post_init__(self) -> None:
        """Settle whether the two places lay out their nights differently, so that paths change on the way."""
        is_renamed = any(
            camera_layout(self.hop.source, name, camera) != camera_layout(self.hop.destination, name, camera)
            for name, camera in self.hop.cameras.items()
        )
        object.__setattr__(self, "is_renamed", is_renamed)

    def names_only(self) -> HopScope:
        """Return the same questions without sizes and times."""
        ends = (replace(end, request=replace(end.request, names_only=True)) for end in (self.source, self.destination))
        source, destination = ends
        return HopScope(self.hop, self.nights, source, destination)

    def only_files(self, paths: Iterable[bytes]) -> HopScope:
        """Return the same questions about some files of the source alone."""
        return replace(self, source=replace(self.source, only=frozenset(paths)))

    def target_of(self, path: bytes) -> bytes:
        """Return where a source path belongs below the destination root."""
        return _moved(path, self.source, self.hop.destination) if self.is_renamed else path

    def source_of(self, target: bytes) -> bytes | None:
        """Return the source path whose place a destination path is; None where no source path leads there."""
        if not self.is_renamed:
            return target
        path = _moved(target, self.destination, self.hop.source)
        return path if _moved(path, self.source, self.hop.destination) == target else None

    def in_source_names(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Give a destination listing the names that its files have on the source, sorted anew.

        Passes the stream as it is where both places share one layout; else it is held in memory.
        """
        if not self.is_renamed:
            return chunks
        records = (record for chunk in chunks for record in chunk[:-1].split(NUL))
        renamed = sorted(filter(None, (self._in_source_name(record) for record in records)))
        return [NUL.join(renamed) + NUL] if renamed else []

    def _in_source_name(self, record: bytes) -> bytes | None:
        """Rename a record; what is no file and has no place of its own there is dropped, as nobody asks for it.

        A file that lies where no source file belongs keeps its name, so that it is nobody's copy; with ``./``
        before it where a source file might bear the same.
        """
        path = path_of(record)
        name = self.source_of(path)
        if name is None and record[:1] != FILE:
            return None
        if name is None:
            name = path if self.source.locate(path) is None else b"./" + path
        return record[:1] + name + record[1 + len(path) :]


def _moved(path: bytes, scope: Scope, place: Place) -> bytes:
    """Return the path that a file of `scope` has below another place of the same hop."""
    located = scope.locate(path)
    camera_name = scope.camera_of(path)
    if located is None or camera_name is None:
        return path
    _, _, folder = located
    below = path if folder == b"." else path[len(folder) + 1 :]
    camera = scope.cameras[camera_name]
    text = camera_layout(place, camera_name, camera)
    if text == ".":
        return below
    if camera.nights == "none":
        return text.encode() + b"/" + below
    date = scope.folders[folder][0]
    if date == NO_DATE and scope.folder_date is not None:
        date = scope.folder_date(path.rpartition(b"/")[2]) or date
    return Layout(text).folder(date) + b"/" + below


def hop_scope(hop: Hop, nights: tuple[dt.date, ...], clock: NightClock) -> HopScope:
    """Return what to ask of both ends of a hop for some nights."""
    return HopScope(
        hop,
        nights,
        scope_of(hop.instrument, hop.source, hop.cameras, nights, clock),
        scope_of(hop.instrument, hop.destination, hop.cameras, nights, clock),
    )


def count_by_night(scope: Scope, block: bytes, counts: dict[dt.date, int]) -> None:
    """Add the FILE records of a sorted block to `counts`, by night, without parsing each.

    A folder's records stand together, so the last one of a folder ends its run; not so where another night's
    folder lies within it, or where names tell the night.
    """
    position = 0
    while position < len(block):
        record_end = block.index(NUL, position)
        if block[position : position + 1] != FILE:
            position = record_end + 1
            continue
        located = scope.locate(path_of(block[position:record_end]))
        end = record_end + 1
        if located is not None and scope.by_name is None and located[2] not in scope.nesting:
            last = block.rfind(NUL + FILE + located[2] + b"/", position)
            end = end if last < 0 else block.index(NUL, last + 1) + 1
        if located is not None:
            counts[located[0]] = counts.get(located[0], 0) + block.count(NUL, position, end)
        position = end


def _nesting(folders: Iterable[bytes]) -> frozenset[bytes]:
    """Return the folders within which others of them lie, and the root."""
    known = set(folders)
    found = {b"."}
    for folder in known:
        parts = folder.split(b"/")
        found |= {parent for depth in range(1, len(parts)) if (parent := b"/".join(parts[:depth])) in known}
    return frozenset(found)
