"""A tar file from an archive, unpacked so that it can do no harm: nothing leaves the folder, nothing in it is run.

All members are judged before the first byte is written; then all are written under a temporary name in the folder,
brought to disk, and moved into place one by one. What its lists promise is downloads.py's.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import os
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from observatory.endpoints.contract import OURS
from observatory.errors import CouldNotTell, NightferryError, UsageError
from observatory.files import to_disk
from observatory.names import fold_key, folders_above, is_safe, show
from syncer.ingest.place import give_name

MOST_BYTES = 2 * 1024**4
"""What a tar file may hold unless told otherwise: a query result of two terabytes is a mistake or an attack."""
MOST_MEMBERS = 200_000
_SPARE_BYTES = 64 * 1024**2
"""What is left free on the disk beyond the members' own bytes."""
_CHUNK_BYTES = 1 << 20
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, ValueError)
"""What reading a damaged tar file, or one that is no tar file, ends in."""


class UnpackRefused(UsageError):
    """A tar file that is not unpacked, and why; nothing was written."""


class UnpackFailed(NightferryError):
    """Unpacking failed half-way; what was written has been removed again."""


class TarUnreadable(CouldNotTell):
    """A tar file that cannot be read to its end."""

    def __init__(self, path: Path, why: str) -> None:
        why = why.partition("\n")[0].rstrip(":")  # the library adds a line for each compression that it tried
        super().__init__(f"{path}: could not be read to its end: {why}; nothing was unpacked. Fetch it again.")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tar file may hold at most."""

    most_bytes: int = MOST_BYTES
    most_members: int = MOST_MEMBERS


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of a tar file.

    Attributes
    ----------
    files : tuple of bytes
        Paths below the folder, sorted.
    already_there : tuple of bytes
        Those among them that lay there before with the same bytes.
    bytes : int
    """

    files: tuple[bytes, ...]
    already_there: tuple[bytes, ...]
    bytes: int


def unpack(
    archive: Path,
    folder: Path,
    limits: Limits = Limits(),
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> Unpacked:
    """Unpack a tar file (plain, gzip, bzip2 or xz) into a folder, which is made where absent.

    Only regular files and folders are taken, and links whose target is another member; permission to execute is
    not. A file that lies there already with the same bytes is left; one with other bytes refuses the whole.

    Parameters
    ----------
    archive, folder : Path
    limits : Limits
    progress : callable
        Told bytes written and bytes in all.

    Raises
    ------
    UnpackRefused
        A member leads out of the folder, is a device or pipe, stands twice, is too large, or would replace a file.
        Nothing was written.
    TarUnreadable
        It is no tar file, or ends early. Nothing was written.
    UnpackFailed
        The disk is full or failed; what was written is gone again.
    """
    members = _judge(archive, limits)
    total = sum(member.size for member in members)
    _check_space(folder, total)
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / os.fsdecode(OURS) / f"unpack-{uuid.uuid4().hex[:8]}-{os.getpid()}"
    try:
        staging.mkdir(parents=True)
        _sweep_dead(staging.parent)
        _write_all(archive, staging, members, lambda done: progress(done, total))
        return _put_in_place(staging, folder, members, total)
    except OSError as error:
        why = error.strerror or str(error)
        raise UnpackFailed(
            f"{folder}: unpacking {archive.name} failed: {why}; what was written is gone again"
        ) from error
    finally:
        _sweep(staging)


@dataclass(frozen=True, slots=True)
class _Member:
    """One member that may be written; `target` is the member that a link stands for."""

    path: bytes
    size: int
    is_folder: bool
    target: bytes | None
    mtime_s: float


def _judge(archive: Path, limits: Limits) -> tuple[_Member, ...]:
    """Read every header, and refuse the whole where one member could do harm."""
    members: dict[bytes, _Member] = {}
    folded: dict[bytes, bytes] = {}
    total = 0
    for info in _headers(archive):
        member = _member(info)
        if member is None:
            continue
        total += member.size
        if len(members) >= limits.most_members or total > limits.most_bytes:
            raise UnpackRefused(
                f"{archive}: holds more than {limits.most_members} members or {limits.most_bytes} bytes; nothing was"
                f" unpacked. If that is meant, say --most-bytes."
            )
        other = folded.setdefault(fold_key(member.path), member.path)
        if other in members and not (members[other].is_folder and member.is_folder and other == member.path):
            raise UnpackRefused(f"{archive}: {show(member.path)} stands in it twice; nothing was unpacked")
        members[member.path] = member
    _check_links(archive, members)
    _check_parents(archive, members)
    return tuple(members.values())


def _headers(archive: Path) -> Iterator[tarfile.TarInfo]:
    try:
        with _opened(archive) as opened:
            yield from opened
            _check_end(opened)
    except OSError as error:
        raise TarUnreadable(archive, error.strerror or str(error)) from error


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar file; what shows it to be damaged is translated, an OSError is left to whoever reads or writes."""
    try:
        with tarfile.open(archive, encoding="utf-8", errors="surrogateescape", errorlevel=2) as opened:
            yield opened
    except _DAMAGE as error:
        raise TarUnreadable(archive, str(error) or "it ends early") from error


def _check_end(opened: tarfile.TarFile) -> None:
    """A tar file cut off between two members looks whole to a reader that does not ask for the mark of the end.

    What follows the mark is read too: there lies the sum by which a compressed file proves what was read before.
    """
    stream = opened.fileobj
    if stream is None:
        return
    stream.seek(opened.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("its end mark is missing")
    while stream.read(_CHUNK_BYTES):
        pass


def _member(info: tarfile.TarInfo) -> _Member | None:
    name = info.name.encode("utf-8", "surrogateescape")
    path = b"/".join(part for part in name.split(b"/") if part != b".").rstrip(b"/")
    if name.startswith(b"/"):
        path = name
    if not path and info.isdir():
        return None
    why = is_safe(path)
    if why is not None:
        raise UnpackRefused(f"{show(name)}: {why}; nothing was unpacked")
    if info.isdir():
        return _Member(path, 0, True, None, info.mtime)
    if info.isreg():
        return _Member(path, info.size, False, None, info.mtime)
    if info.issym() or info.islnk():
        return _Member(path, 0, False, _target(info, path), info.mtime)
    raise UnpackRefused(f"{show(name)} is no file, folder or link but a device or pipe; nothing was unpacked")


def _target(info: tarfile.TarInfo, path: bytes) -> bytes:
    """Return what a link stands for, as a path below the folder."""
    link = info.linkname.encode("utf-8", "surrogateescape")
    whole = link if info.islnk() or link.startswith(b"/") else path.rpartition(b"/")[0] + b"/" + link
    parts: list[bytes] = []
    for part in whole.lstrip(b"/").split(b"/") if not link.startswith(b"/") else [b"..", link]:
        if part == b"..":
            if not parts:
                raise UnpackRefused(
                    f"{show(path)} is a link that leads outwards, to {show(link)}; nothing was unpacked"
                )
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def _check_links(archive: Path, members: dict[bytes, _Member]) -> None:
    for member in members.values():
        target = members.get(member.target) if member.target is not None else None
        if member.target is not None and (target is None or target.is_folder or target.target is not None):
            raise UnpackRefused(
                f"{archive}: {show(member.path)} is a link to {show(member.target)}, which is no file in it;"
                f" nothing was unpacked"
            )


def _check_parents(archive: Path, members: dict[bytes, _Member]) -> None:
    """A file in whose place others need a folder, or a link that others would be written through."""
    for path in members:
        for parent in folders_above(path):
            if parent in members and not members[parent].is_folder:
                raise UnpackRefused(f"{archive}: {show(parent)} is a file and a folder at once; nothing was unpacked")


def _check_space(folder: Path, total: int) -> None:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if total + _SPARE_BYTES > free:
        raise UnpackRefused(f"{folder}: {total} bytes are needed and {free} are free; nothing was unpacked")


def _write_all(archive: Path, staging: Path, members: Sequence[_Member], progress: Callable[[int], None]) -> None:
    wanted = {member.path: member for member in members}
    done = 0
    with _opened(archive) as opened:
        for info in opened:
            judged = _member(info)
            member = wanted.get(judged.path) if judged else None
            if member is None or member.target is not None:
                continue
            place = staging / os.fsdecode(member.path)
            if member.is_folder:
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(opened, info, place, member)
            done += member.size
            progress(done)
    for member in members:
        if member.target is not None:
            place = staging / os.fsdecode(member.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(staging / os.fsdecode(member.target), place)


def _write(opened: tarfile.TarFile, info: tarfile.TarInfo, place: Path, member: _Member) -> None:
    content = opened.extractfile(info)
    if content is None:
        raise OSError(errno.EIO, f"{show(member.path)} holds nothing")
    with place.open("xb") as out:
        written = 0
        while chunk := content.read(_CHUNK_BYTES):
            written += out.write(chunk)
        if written != member.size:
            raise OSError(errno.EIO, f"{show(member.path)} has {written} bytes instead of {member.size}")
        out.flush()
        os.fchmod(out.fileno(), 0o644)  # never the right to execute: the script inside is not run by accident
        os.fsync(out.fileno())
    with contextlib.suppress(ValueError, OverflowError):  # NaN or beyond all time: then it keeps that of unpacking
        os.utime(place, (member.mtime_s, member.mtime_s))


def _put_in_place(staging: Path, folder: Path, members: Sequence[_Member], total: int) -> Unpacked:
    files = sorted(member.path for member in members if not member.is_folder)
    there = [path for path in files if _is_there(staging, folder, path)]
    folders: set[Path] = {folder}
    for member in members:
        place = folder / os.fsdecode(member.path)
        new = place if member.is_folder else place.parent
        _check_folder(folder, new)
        new.mkdir(parents=True, exist_ok=True)
        folders |= {new, new.parent}
    _name_all(staging, folder, sorted(set(files) - set(there)))
    for one in folders:
        to_disk(one)
    return Unpacked(tuple(files), tuple(there), total)


def _name_all(staging: Path, folder: Path, paths: Sequence[bytes]) -> None:
    """Give every file its name, or none: one that appeared since it was looked for is never replaced."""
    with contextlib.ExitStack() as undo:
        for path in paths:
            place = folder / os.fsdecode(path)
            give_name(bytes(staging / os.fsdecode(path)), bytes(place))
            undo.callback(place.unlink, missing_ok=True)
        undo.pop_all()


def _is_there(staging: Path, folder: Path, path: bytes) -> bool:
    place, new = folder / os.fsdecode(path), staging / os.fsdecode(path)
    if not os.path.lexists(place):
        return False
    if place.is_symlink() or not place.is_file() or not _same_bytes(place, new):
        raise UnpackRefused(f"{place} lies there already and is another file; nothing was unpacked")
    return True


def _check_folder(folder: Path, new: Path) -> None:
    """No member is written through a link that somebody placed in the folder beforehand."""
    for part in (new, *new.parents):
        if part == folder:
            return
        if part.is_symlink() or (part.exists() and not part.is_dir()):
            raise UnpackRefused(f"{part} is in the way: a folder is needed there; nothing was unpacked")


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK_BYTES):
            if chunk != right.read(_CHUNK_BYTES):
                return False
    return True


def _sweep(staging: Path) -> None:
    shutil.rmtree(staging, ignore_errors=True)
    with contextlib.suppress(OSError):  # it holds somebody else's, or was never made
        staging.parent.rmdir()


def _sweep_dead(ours: Path) -> None:
    """Remove what unpackings that were cut off left; the name of each ends in its process."""
    for staging in ours.glob("unpack-*"):
        process = staging.name.rpartition("-")[2]
        if process.isdecimal() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(staging, ignore_errors=True)
