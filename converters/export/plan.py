"""What an export will do: which archives hold frames of which observation, and which of them are done already.

Reads names and timing blocks, no pixels, and writes nothing. A dry run shows just this plan.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalogue.export_records import ExportRecord
from converters.export.frames import OVERLAP_NS, Before, Choice, choose
from converters.export.jobs import STILL_SPEAKING, External, Form, HeaderPlan
from converters.export.observations import Observation
from converters.export.reader import is_more, telemetry_state
from converters.export.staging import fingerprint
from converters.export.tree import Place
from converters.fits_writer import VERSION
from converters.stamps import NS_PER_S
from converters.telemetry import IMAGES, StampedFile, stamped_files
from converters.xrif import read_header, read_timing
from converters.xrif.archive import ACQUIRED_S, instants_ns
from converters.xrif.coding import DTYPES
from observatory.errors import CouldNotTell, FileUnreadable, NightferryError
from observatory.names import show

_DAY_NS = 86400 * NS_PER_S
_HOUR_NS = 3600 * NS_PER_S
_HEADER_BYTES = 4 * 2880
"""About what the header of one product takes."""
_PADDING_BYTES = 2880
_FACTS_KEPT = 4096
"""Archives whose timing is kept between the rounds of a watch: 80 MB where each has 512 frames."""


class Fate(StrEnum):
    """What will become of an archive."""

    MAKE = "to do"
    DONE = "done"
    TOLD = "done by lookyloo"
    FAILED = "failed"
    UNKNOWN = "could not tell"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Camera:
    """How one camera is exported."""

    header: HeaderPlan
    form: Form
    external: External | None = None

    @property
    def name(self) -> str:
        """The camera's name, that of its folder."""
        return self.header.camera


@dataclass(frozen=True, slots=True)
class Item:
    """One archive of one observation.

    Attributes
    ----------
    observation : Observation
    camera : Camera
    folder : str
        Where its products go, relative to the output.
    archive : str
    sources : tuple of Path
        The best first.
    begin_ns, end_ns : int
        Which frames are taken.
    fate : Fate
    why : str
        What made it so, in words.
    frames, before, after : int
    first_ns, last_ns : int
        The earliest and the latest frame that is taken.
    size_bytes : int
        About what the products will take.
    namesakes_ns : tuple of int
        When frames of archives before it were acquired, where frames of this one were at the same instant: files are
        named by it.
    digest : str
        Of what the products depend on, beside the source and the telemetry.
    record : ExportRecord or None
        What the ledger knows of it.
    """

    observation: Observation
    camera: Camera
    folder: str
    archive: str
    sources: tuple[Path, ...]
    begin_ns: int
    end_ns: int | None
    fate: Fate
    why: str = ""
    frames: int = 0
    before: int = 0
    after: int = 0
    first_ns: int = 0
    last_ns: int = 0
    size_bytes: int = 0
    namesakes_ns: tuple[int, ...] = ()
    digest: str = ""
    record: ExportRecord | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of earlier exports into this output.

    Attributes
    ----------
    output : Path
    records : callable
        Gives what the ledger knows of a folder (relative to the output).
    told : callable
        Gives what lookyloo says it exported: semester and camera to archives and their folders.
    is_ignored : bool
        Everything is made again.
    """

    output: Path
    records: Callable[[str], Sequence[ExportRecord]]
    told: Callable[[str, str], Mapping[str, Path]]
    is_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The items of one observation and camera, and what could not be looked at.

    `is_kept_nowhere`: no root holds a folder of this camera, so that nothing can be said of its archives.
    """

    items: tuple[Item, ...]
    unreadable: tuple[str, ...]
    is_kept_nowhere: bool


def plan(
    roots: Sequence[Path],
    one: Observation,
    place: Place,
    camera: Camera,
    memory: Memory,
    end_ns: int | None,
) -> Planned:
    """Plan one observation and camera.

    Parameters
    ----------
    roots : sequence of Path
    one : Observation
    place : Place
    camera : Camera
    memory : Memory
    end_ns : int or None
        Where its frames end: its own end, or how far it is known to go on.

    Notes
    -----
    The archive that begins last before the observation is looked at as well, up to a day back: the frames that belong
    are told by their own times. So are those of the minute before it: where a clock was set back they go on beyond it.
    """
    found = stamped_files(roots, camera.name, ("xrif",), IMAGES, one.begin_ns - OVERLAP_NS, end_ns)
    early = _early(found.files, one.begin_ns)
    folder = f"{place.path}/{camera.name}"
    known = {record.archive: record for record in memory.records(folder) if record.form == camera.form}
    told = memory.told(place.semester, camera.name)
    before = Before()
    items = []
    for archive, files in _by_name(found.files).items():
        if files[0].stamp_ns < one.begin_ns - _DAY_NS:
            continue
        bare = Item(one, camera, folder, archive, tuple(file.path for file in files), one.begin_ns, end_ns, Fate.MAKE)
        item = _looked_at(bare, files[0].stamp_ns, before)
        if item is not None and (item.fate is Fate.MAKE or archive not in early):
            items.append(_remembered(item, known.get(archive.encode()), told, memory))
    is_kept = any((root / IMAGES / camera.name).is_dir() for root in roots) or bool(found.files)
    return Planned(tuple(items), found.unreadable, not is_kept)


def _early(files: Sequence[StampedFile], begin_ns: int) -> set[str]:
    """Return the archives that another follows, in their root, before an observation begins."""
    last: dict[Path, int] = {}
    for file in files:
        if file.stamp_ns <= begin_ns:
            last[file.root] = max(file.stamp_ns, last.get(file.root, file.stamp_ns))
    followed = {file.path.name for file in files if file.stamp_ns < last.get(file.root, file.stamp_ns)}
    return followed - {file.path.name for file in files if file.stamp_ns >= last.get(file.root, file.stamp_ns)}


def _by_name(files: Sequence[StampedFile]) -> Mapping[str, list[StampedFile]]:
    """Return the places of each archive, the longest file first: of two copies one may be cut short."""
    by_name: dict[str, list[StampedFile]] = {}
    for file in files:
        by_name.setdefault(file.path.name, []).append(file)
    return {name: sorted(places, key=_shortness) for name, places in by_name.items()}


def _shortness(file: StampedFile) -> int:
    try:
        return -file.path.stat().st_size
    except OSError:
        return 1


def _looked_at(item: Item, stamp_ns: int, before: Before) -> Item | None:
    """Ask the archive's timing; None where no frame belongs to the observation."""
    failure: NightferryError | None = None
    for source in item.sources:
        try:
            timing, pixels = _facts(source)
        except NightferryError as error:
            failure = failure or error
            continue
        choice = choose(timing, item.begin_ns, item.end_ns)
        if not choice.taken.size:
            return None
        taken_ns = instants_ns(timing[choice.taken], ACQUIRED_S)
        size = len(choice.taken) * (pixels + _HEADER_BYTES + _PADDING_BYTES)
        item = replace(item, first_ns=int(taken_ns.min()), last_ns=int(taken_ns.max()), size_bytes=size)
        namesakes = before.namesakes_of(taken_ns) if item.camera.form == "frames" else ()
        return _chosen(replace(item, namesakes_ns=namesakes), choice)
    if stamp_ns < item.begin_ns - _HOUR_NS:
        return None  # an archive of another hour: no chunk lasts that long, so nothing of it is missed
    fate = Fate.UNKNOWN if isinstance(failure, CouldNotTell) else Fate.FAILED
    return replace(item, fate=fate, why=str(failure))


def _facts(source: Path) -> tuple[NDArray[np.uint64], int]:
    """Return an archive's timing, and the bytes of a frame's pixels; of one that is as it was, what was read then."""
    try:
        found = source.stat()
    except OSError as error:
        raise FileUnreadable("this machine", show(os.fsencode(source)), error.strerror or str(error)) from error
    return _facts_of(source, found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=_FACTS_KEPT)
def _facts_of(source: Path, size: int, mtime_ns: int) -> tuple[NDArray[np.uint64], int]:
    timing, header = read_timing(source), read_header(source)
    pixel_bytes = np.dtype(DTYPES.get(header.type_code, "<u2")).itemsize
    return timing, header.width * header.height * header.depth * pixel_bytes


def _chosen(item: Item, choice: Choice) -> Item:
    counts = (choice.taken.size, choice.before, choice.after)
    frames, before, after = map(int, counts)
    digest = _digest(item, [int(choice.taken[0]), *counts])
    return replace(item, frames=frames, before=before, after=after, digest=digest)


def _digest(item: Item, counts: Sequence[int]) -> str:
    """Return what the products depend on beside source and telemetry; where the roots lie is no part of it."""
    header = {key: value for key, value in asdict(item.camera.header).items() if key != "roots"}
    external = None if item.camera.external is None else item.camera.external.program
    said = [VERSION, item.begin_ns, item.camera.form, header, external, *map(int, counts), *item.namesakes_ns]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _remembered(item: Item, record: ExportRecord | None, told: Mapping[str, Path], memory: Memory) -> Item:
    item = replace(item, record=record)
    if item.fate is not Fate.MAKE or memory.is_ignored:
        return replace(item, why=item.why or "asked for again")
    if record is None:
        folder = told.get(item.archive)
        return replace(item, why="new") if folder is None else replace(item, fate=Fate.TOLD, why=str(folder))
    why = why_again(item, record, memory.output)
    return replace(item, why=why) if why else replace(item, fate=Fate.DONE, why="")


def why_again(item: Item, record: ExportRecord, output: Path) -> str:
    """Return why an archive that the ledger knows is made once more; empty where the record still holds."""
    if not record.is_done:
        return f"failed {record.attempts} time{'s' if record.attempts > 1 else ''}"
    if record.digest != item.digest:
        return "its frames, form or header map are others"
    if not _is_same_source(item, record):
        return "the archive is another"
    if not all(_stands(output, product.path, product.size_bytes) for product in record.products):
        return "a product is not there"
    return "there is more telemetry" if _may_lack_telemetry(record) and _has_more_telemetry(item, record) else ""


def _may_lack_telemetry(record: ExportRecord) -> bool:
    return record.absent_cards > 0 or not record.has_header or record.telemetry.startswith(STILL_SPEAKING)


def _has_more_telemetry(item: Item, record: ExportRecord) -> bool:
    then = record.telemetry.removeprefix(STILL_SPEAKING)
    return is_more(telemetry_state(item.camera.header, item.first_ns, item.last_ns), then)


def _is_same_source(item: Item, record: ExportRecord) -> bool:
    """Say whether any copy is the one that was read; other times, as on a copy of the root, are settled by the hash."""
    for source in item.sources:
        try:
            found = source.stat()
            if found.st_size != record.source_size_bytes:
                continue
            if found.st_mtime_ns == record.source_mtime_ns or fingerprint(source)[2] == record.source_sha256:
                return True
        except (OSError, NightferryError):
            continue
    return False


def _stands(output: Path, path: bytes, size_bytes: int) -> bool:
    try:
        return (output / path.decode("utf-8", "surrogateescape")).stat().st_size == size_bytes
    except OSError:
        return False
