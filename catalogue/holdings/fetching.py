"""Copying an exposure's files out of the nearest proven copy: each checked, none half there, all or none planned.

Which copies there are queries.py answers. Nothing is copied before it is clear that everything may be.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catalogue.holdings.queries import LyingCopy, LyingFile, common_path, nearest
from catalogue.holdings.records import TIMES_AGREE_S, HeldCopy, Place
from observatory.endpoints.contract import OURS, Look
from observatory.errors import CouldNotTell
from observatory.files import made, os_fault, sweep, to_disk, token
from observatory.names import is_safe, matcher, show

_BLOCK_BYTES = 1 << 20


class FetchFault(Exception):
    """Files that cannot be had, or must not be put where they were wanted; a sentence."""


class FileRotted(FetchFault):
    """A file is there, and its bytes are not those that were read of it before."""


@dataclass(frozen=True, slots=True)
class _Move:
    """One file to be copied: from where, and to where."""

    place: Place
    copy: HeldCopy
    target: Path


def in_classes(
    files: Sequence[LyingFile], classes: Mapping[str, Sequence[str]], wanted: Sequence[str] | None
) -> list[LyingFile]:
    """Return the files of some classes, all files where none are named.

    Raises
    ------
    FetchFault
        There is no such class.
    """
    if wanted is None:
        return list(files)
    unknown = [name for name in wanted if name not in classes]
    if unknown:
        raise FetchFault(f"there is no file class {unknown[0]!r}; there are {', '.join(classes) or 'none'}")
    takes = matcher(tuple(pattern.encode() for name in wanted for pattern in classes[name]))
    return [file for file in files if takes(file.file.path) == "taken"]


def fetch_exposure(
    files: Sequence[LyingFile],
    target: Path,
    *,
    classes: Mapping[str, Sequence[str]],
    wanted: Sequence[str] | None = None,
    overwrite: bool = True,
    endpoint_of: Callable[[Place], Look],
    hash_of: Callable[[Place, HeldCopy], str | None] = lambda place, copy: None,
    dry_run: bool = False,
) -> list[Path]:
    """Copy files of an exposure into a folder and return their paths there, sorted.

    Parameters
    ----------
    files : sequence of LyingFile
        All files of the exposure.
    target : Path
        Made if absent. Names keep what tells them apart below the exposure's own folder.
    classes : mapping of class to patterns
    wanted : sequence of str, optional
        Only these classes.
    overwrite : bool
        True: what is there is replaced. False: what is there must be equal, else nothing is copied.
    endpoint_of : callable
        Gives the machine of a place.
    hash_of : callable
        Gives the hash that a copy must have by what others than the catalogue read of it; None where nobody did.
    dry_run : bool
        Only return the paths.

    Raises
    ------
    FetchFault
        A file has no proven copy, or cannot be read, written or verified; other content is in the way.
    FileRotted
        A file is not what it was.
    """
    moves = _plan(in_classes(files, classes, wanted), files, target)
    if dry_run:
        return sorted(move.target for move in moves)
    for move in moves if overwrite else [move for move in moves if not _is_there(move, endpoint_of)]:
        known = hash_of(move.place, move.copy) or _hash_elsewhere(files, move.copy)
        _copy(move, endpoint_of(move.place), target, known)
    with _translated(target):
        _sweep(target)
    return sorted(move.target for move in moves)


def _plan(chosen: Sequence[LyingFile], files: Sequence[LyingFile], target: Path) -> list[_Move]:
    best = nearest(chosen)
    if best is not None:
        place, copies = best
        found = [(place, copy) for copy in copies]
        folder = common_path([_copy_at(place, other).path for other in files if _holds(place, other)])
    else:  # from several places: below each its folder may be called alike, and hold other files of the same names
        found = [_nearest_of(file) for file in chosen]
        folder = common_path([_any_path(file) for file in files if file.copies])
    moves = [_Move(place, copy, target / os.fsdecode(_below(folder, copy.path))) for place, copy in found]
    targets = Counter(move.target for move in moves)
    twice = next((name for name, count in targets.items() if count > 1), None)
    if twice is not None:
        raise FetchFault(f"{targets[twice]} files of the exposure would lie at {twice}; nothing was copied")
    return moves


def _any_path(file: LyingFile) -> bytes:
    proven = [lying for lying in file.copies if lying.is_proven]
    return (proven or list(file.copies))[0].copy.path


def _below(folder: bytes, path: bytes) -> bytes:
    return _safe(path[len(folder) + 1 :] if folder and path.startswith(folder + b"/") else path)


def _holds(place: Place, file: LyingFile) -> bool:
    return any(lying.place.id == place.id for lying in file.copies)


def _copy_at(place: Place, file: LyingFile) -> HeldCopy:
    return next(lying.copy for lying in file.copies if lying.place.id == place.id)


def _nearest_of(file: LyingFile) -> tuple[Place, HeldCopy]:
    proven = [lying for lying in file.copies if lying.is_proven]
    if not proven:
        raise FetchFault(f"{show(file.file.path)}: no copy of it is proven; run `verify`")
    first: LyingCopy = proven[0]
    return first.place, first.copy


def _safe(below: bytes) -> bytes:
    reason = is_safe(below)
    if reason is not None:
        raise FetchFault(f"{show(below)}: {reason}")
    return below


def _is_there(move: _Move, endpoint_of: Callable[[Place], Look]) -> bool:
    """Say whether a file is there already, with the same content.

    Raises
    ------
    FetchFault
        It is there with other content.
    """
    with _translated(move.target):
        if not os.path.lexists(move.target):
            return False
        is_equal = move.target.is_file() and move.target.stat().st_size == move.copy.size_bytes
        if is_equal and _hash_file(move.target) == _source_hash(move, endpoint_of(move.place)):
            return True
    raise FetchFault(f"{move.target} is there already with other content; nothing was copied")


def _source_hash(move: _Move, endpoint: Look) -> str:
    (hashed,) = endpoint.hash(move.place.root.encode(), [move.copy.path])
    if hashed.sha256 is None:
        raise FetchFault(f"{move.place.copy}: {show(move.copy.path)} could not be read: {hashed.reason}")
    return hashed.sha256


def _copy(move: _Move, endpoint: Look, target: Path, known: str | None) -> None:
    """Copy one file: under a temporary name, read again from disk, compared, renamed."""
    with _translated(move.target):
        folder = made(target / OURS.decode())
        temporary = folder / f".{token()}"
        try:
            with endpoint.open(move.place.root.encode() + b"/" + move.copy.path) as source:
                digest, size = _received(source, temporary)
            _check(move, temporary, digest, size)
            if known is not None and digest != known:
                where = f"{show(move.copy.path)} on {move.place.copy}"
                raise FileRotted(f"{where} is not what it was when it was read; it was not copied")
            os.utime(temporary, (move.copy.mtime_s, move.copy.mtime_s))
            move.target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(move.target)
            to_disk(move.target.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _hash_elsewhere(files: Iterable[LyingFile], copy: HeldCopy) -> str | None:
    """Return what lists of checksums say of the same file, of this size and time, on other copies."""
    others = (lying.copy for file in files for lying in file.copies if lying.copy.file_id == copy.file_id)
    alike = (one for one in others if one.size_bytes == copy.size_bytes)
    return next((one.sha256 for one in alike if abs(one.mtime_s - copy.mtime_s) < TIMES_AGREE_S and one.sha256), None)


def _received(source: BinaryIO, temporary: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with temporary.open("xb") as opened:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            size += opened.write(block)
        opened.flush()
        os.fsync(opened.fileno())
    return digest.hexdigest(), size


def _check(move: _Move, temporary: Path, digest: str, size: int) -> None:
    name = show(move.copy.path)
    if size != move.copy.size_bytes:
        raise FetchFault(
            f"{name} has {size} bytes, the catalogue knows {move.copy.size_bytes}: it changed; run `catalogue fill`"
        )
    if move.copy.sha256 is not None and digest != move.copy.sha256:
        raise FileRotted(f"{name} on {move.place.copy} is no longer what its list of checksums says")
    if _hash_file(temporary) != digest:
        raise FetchFault(f"{move.target}: what was written is not what was read")


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sweep(target: Path) -> None:
    """Remove what a fetch that died left half written, and our own folder where nothing is left in it."""
    folder = target / OURS.decode()
    sweep(folder)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FetchFault(os_fault(error, path)) from error
    except CouldNotTell as error:
        raise FetchFault(str(error)) from error


def paths_here(files: Iterable[LyingFile]) -> list[Path]:
    """Return where the nearest proven copies of some files lie on this machine, sorted.

    Raises
    ------
    FetchFault
        One of them lies elsewhere.
    """
    chosen = list(files)
    best = nearest(chosen)
    found = []
    for file in chosen:
        here = [lying for lying in file.copies if lying.is_proven and lying.is_here]
        if not here:
            place, _ = best or _nearest_of(file)
            raise FetchFault(f"{show(file.file.path)} lies on {place.address}, not here: name a folder to copy it to")
        found.append(Path(here[0].place.root) / os.fsdecode(here[0].copy.path))
    return sorted(found)
