"""Raw archives and telemetry of observations copied below one new data root, each hashed on both sides.

The layout below the root stays what it was, so that `spans` and `export` work there as here. A manifest travels with
them. Which observations is asked elsewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from converters.export.frames import OVERLAP_NS, choose
from converters.export.observations import Observation
from converters.export.publish import made_folder
from converters.export.staging import fingerprint
from converters.stamps import NS_PER_S
from converters.telemetry import IMAGES, LOGS, TELEMETRY, StampedFile, devices, stamped_files
from converters.xrif import read_timing
from observatory.errors import NightferryError
from observatory.files import os_fault, sweep, to_disk, write_whole
from observatory.manifests import Listed, read_manifest, write_manifest

MANIFEST = "bundle.sha256"
"""Lies in the new root; ``sha256sum --check bundle.sha256`` proves the bundle wherever it went."""
_EXTENSIONS = {TELEMETRY: ("bintel", "ndjson", "ndjson.gz"), LOGS: ("binlog", "ndjson", "ndjson.gz")}
_AROUND_NS = 60 * NS_PER_S
_HOUR_NS = 3600 * NS_PER_S
_CHUNK_BYTES = 1 << 20


class Carried(StrEnum):
    """What became of a file."""

    PLANNED = "to do"
    COPIED = "copied"
    THERE = "there already"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file of a bundle.

    Attributes
    ----------
    source : Path
    relative : str
        Below the old root, and below the new one.
    size_bytes : int
    fate : Carried
    sha256 : str
        Of the copy, read again from where it lies; empty until then.
    reason : str
    """

    source: Path
    relative: str
    size_bytes: int
    fate: Carried = Carried.PLANNED
    sha256: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What belongs to a bundle, and what could not be listed."""

    parcels: tuple[Parcel, ...]
    unreadable: tuple[str, ...]


def contents(roots: Sequence[Path], found: Sequence[Observation], cameras: Sequence[str]) -> Contents:
    """Return the archives with frames of some observations, and all telemetry and logs of their time.

    Of a file that lies below two roots the longer is taken. An observation that goes on is left out: it is not whole.
    """
    chosen: dict[str, Parcel] = {}
    unreadable: list[str] = []
    for one in found:
        if one.end_ns is None:
            continue
        for file in _files(roots, one, one.end_ns, cameras, unreadable):
            parcel = _parcel(file)
            known = chosen.get(parcel.relative)
            if known is None or parcel.size_bytes > known.size_bytes:
                chosen[parcel.relative] = parcel
    return Contents(tuple(chosen[name] for name in sorted(chosen)), tuple(dict.fromkeys(unreadable)))


def _files(
    roots: Sequence[Path], one: Observation, end_ns: int, cameras: Sequence[str], unreadable: list[str]
) -> Iterator[StampedFile]:
    for camera in cameras:
        found = stamped_files(roots, camera, ("xrif",), IMAGES, one.begin_ns - OVERLAP_NS, end_ns)
        unreadable += found.unreadable
        yield from (file for file in found.files if _has_frames(file, one))
    for kind, extensions in _EXTENSIONS.items():
        for device in devices(roots, kind):
            found = stamped_files(roots, device, extensions, kind, one.begin_ns - _AROUND_NS, end_ns + _AROUND_NS)
            unreadable += found.unreadable
            yield from found.files


def _has_frames(file: StampedFile, one: Observation) -> bool:
    """Say whether an archive holds frames of an observation; one whose timing cannot be read is taken if it may."""
    try:
        return bool(choose(read_timing(file.path), one.begin_ns, one.end_ns).taken.size)
    except NightferryError:
        return file.stamp_ns >= one.begin_ns - _HOUR_NS


def _parcel(file: StampedFile) -> Parcel:
    try:
        size = file.path.stat().st_size
    except OSError:
        size = -1
    return Parcel(file.path, str(file.path.relative_to(file.root)), size)


def carry(
    parcels: Iterable[Parcel], root: Path, staging: Path, ready: Callable[[int], None] = lambda done: None
) -> list[Parcel]:
    """Copy every file to its place below the new root; say what became of each."""
    carried = []
    for done, parcel in enumerate(parcels, 1):
        try:
            carried.append(_carried(parcel, root, staging / str(done)))
        except NightferryError as error:
            carried.append(replace(parcel, fate=Carried.FAILED, reason=str(error)))
        except OSError as error:
            carried.append(replace(parcel, fate=Carried.FAILED, reason=os_fault(error, parcel.source)))
        ready(done)
    return carried


def _carried(parcel: Parcel, root: Path, temporary: Path) -> Parcel:
    place = root / parcel.relative
    if os.path.lexists(place):
        there = _there(parcel, place)
        if there is not None:
            return there
    sha256 = _copy(parcel.source, temporary)
    to_disk(temporary)
    copied = _read_again(temporary)
    if copied != sha256:
        temporary.unlink()
        return replace(parcel, fate=Carried.FAILED, reason=f"{place}: what was written is not what was read")
    made_folder(root, str(Path(parcel.relative).parent))
    temporary.replace(place)
    to_disk(place.parent)
    return replace(parcel, fate=Carried.COPIED, sha256=copied)


def _there(parcel: Parcel, place: Path) -> Parcel | None:
    """Judge a file that stands there; None where it is the beginning of one that has grown, and may be replaced."""
    size, _, sha256 = fingerprint(place)
    if sha256 == _beginning(parcel.source, size):
        if size == parcel.size_bytes:
            return replace(parcel, fate=Carried.THERE, sha256=sha256)
        return None
    return replace(parcel, fate=Carried.FAILED, reason=f"{place} stands there already with other bytes")


def _beginning(source: Path, size: int) -> str:
    said = hashlib.sha256()
    with source.open("rb") as opened:
        while size > 0 and (chunk := opened.read(min(size, _CHUNK_BYTES))):
            said.update(chunk)
            size -= len(chunk)
    return said.hexdigest() if size == 0 else ""


def _copy(source: Path, temporary: Path) -> str:
    said = hashlib.sha256()
    with source.open("rb") as opened, temporary.open("xb") as written:
        while chunk := opened.read(_CHUNK_BYTES):
            said.update(chunk)
            written.write(chunk)
        found = os.fstat(opened.fileno())
    os.utime(temporary, ns=(found.st_mtime_ns, found.st_mtime_ns))
    return said.hexdigest()


def _read_again(path: Path) -> str:
    """Hash a file from the disk, not from what the system still holds of it in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return fingerprint(path)[2]


def add_to_list(root: Path, carried: Sequence[Parcel]) -> None:
    """Add what is there to the manifest; what earlier bundles listed stays.

    Raises
    ------
    OSError
    """
    place = root / MANIFEST
    listed = {one.name: one for one in read_manifest(place.read_bytes()).files} if place.exists() else {}
    for parcel in carried:
        if parcel.sha256:
            name = os.fsencode(parcel.relative)
            listed[name] = Listed(name, parcel.sha256, "sha256")
    sweep(root, f".{MANIFEST}.")
    if listed:
        write_whole(place, write_manifest(listed.values()))
        place.chmod(0o644)
