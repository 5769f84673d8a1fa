"""Files put into a datastore by link or copy: never over another, never half there, and undone where asked.

What is placed is said by the planner. A link is made at once under its own name, which never replaces anything; a
copy is written under ``.nightferry``, brought to disk, read again, and then linked to its name.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import socket
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from observatory.endpoints.contract import OURS
from observatory.files import is_one_name, to_disk
from observatory.names import show
from syncer.ingest.model import Candidate, Source, Transfer

_BLOCK_BYTES = 1 << 20
_MANY_FOLDERS = 16
"""More than so many are brought to disk with their whole file system: one call instead of one for each."""
_NO_HARDLINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)
"""Another file system, one that knows no hard links, or a file that has too many of them."""


class PlaceFailed(Exception):
    """A file could not be placed; `is_unreadable` where it was the source that could not be read."""

    def __init__(self, why: str, *, is_unreadable: bool = False) -> None:
        self.is_unreadable = is_unreadable
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Placed:
    """A file in its place.

    Attributes
    ----------
    candidate : Candidate
    transfer : Transfer
        What was done: of LINK, whether it became a hard link or a symbolic one.
    sha256 : str or None
        Of the bytes, where they were read.
    is_ours : bool
        Whether it was put there by us just now, so that undoing may take it away.
    """

    candidate: Candidate
    transfer: Transfer
    sha256: str | None = None
    is_ours: bool = True


class Placer:
    """Places files below one datastore's root; several processes may do so at a time, each its own files.

    Parameters
    ----------
    root : bytes
        Absolute; must be there.
    """

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._staging = os.path.join(root, OURS, b"ingest")
        self._folders: set[bytes] = set()
        self._made: set[bytes] = set()
        self._touched: set[bytes] = set()
        self._owner = f"{socket.gethostname()}-{os.getpid()}-".encode()

    def sweep(self) -> None:
        """Remove what ingests of this machine that were cut off left under temporary names."""
        mine = socket.gethostname().encode() + b"-"
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._staging):
                process = name.removeprefix(mine).partition(b"-")[0]
                if name.startswith(mine) and process.isdigit() and not os.path.exists(b"/proc/" + process):
                    os.unlink(os.path.join(self._staging, name))

    def place(self, candidate: Candidate) -> Placed:
        """Put one file into its place.

        Raises
        ------
        PlaceFailed
            Nothing of it is there.
        """
        if candidate.transfer in (Transfer.DIRECT, Transfer.INSIDE):
            return Placed(candidate, candidate.transfer, is_ours=False)
        target = os.path.join(self._root, candidate.destination)
        try:
            self._check_unchanged(candidate.source)
            self._make_folder(os.path.dirname(target))
            placed = self._place(candidate, target)
        except FileExistsError as error:
            raise PlaceFailed(f"{show(candidate.destination)} appeared while it was being placed") from error
        except OSError as error:
            raise PlaceFailed(f"{show(candidate.destination)}: {error.strerror or error}") from error
        self._touched.add(os.path.dirname(target))
        return placed

    def way_of(self, candidate: Candidate) -> Transfer:
        """Say how a file that was found in its place got there, as far as the place shows."""
        place = os.path.join(self._root, candidate.destination)
        if candidate.transfer in (Transfer.DIRECT, Transfer.INSIDE):
            return candidate.transfer
        try:
            if os.path.islink(place):
                return Transfer.SYMLINK if os.path.isabs(os.readlink(place)) else Transfer.RELSYMLINK
            facts = os.stat(place)
        except OSError as error:
            raise PlaceFailed(f"{show(candidate.destination)}: {error.strerror}") from error
        return Transfer.HARDLINK if (facts.st_dev, facts.st_ino) == candidate.source.key else Transfer.COPY

    def undo(self, placed: Iterable[Placed]) -> None:
        """Take away what was put there just now, as far as that can be done."""
        for one in placed:
            if one.is_ours:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self._root, one.candidate.destination))
        for folder in sorted(self._made, key=len, reverse=True):
            with contextlib.suppress(OSError):  # it holds what others placed
                os.rmdir(folder)
                self._made.discard(folder)
                self._folders.discard(folder)
                self._touched.discard(folder)

    def sync(self) -> None:
        """Bring the names made since the last time to disk; only then may they be recorded.

        Raises
        ------
        PlaceFailed
        """
        try:
            if len(self._touched) > _MANY_FOLDERS and _sync_file_system(self._root):
                self._touched.clear()
            for folder in sorted(self._touched):
                to_disk(folder)
        except OSError as error:
            raise PlaceFailed(f"{show(self._root)} could not be brought to disk: {error.strerror}") from error
        self._touched.clear()

    def close(self) -> None:
        """Remove our own folder where it is empty."""
        with contextlib.suppress(OSError):
            os.rmdir(self._staging)

    def _check_unchanged(self, source: Source) -> None:
        try:
            facts = os.stat(source.real)
        except OSError as error:
            raise PlaceFailed(f"it can no longer be read: {error.strerror}", is_unreadable=True) from error
        if (facts.st_size, facts.st_mtime_ns, facts.st_ino) != (source.size_bytes, source.mtime_ns, source.inode):
            raise PlaceFailed("it changed while it was being ingested; is it still being written?")

    def _make_folder(self, folder: bytes) -> None:
        if folder in self._folders:
            return
        new = folder
        while not os.path.isdir(new):  # so that the names of new folders are brought to disk too
            self._made.add(new)
            new = os.path.dirname(new)
            self._touched.add(new)
        os.makedirs(folder, exist_ok=True)
        self._folders.add(folder)

    def _place(self, candidate: Candidate, target: bytes) -> Placed:
        real = candidate.source.real
        match candidate.transfer:
            case Transfer.LINK:
                return self._link(candidate, target)
            case Transfer.HARDLINK:
                os.link(real, target)
            case Transfer.SYMLINK:
                os.symlink(real, target)
            case Transfer.RELSYMLINK:
                os.symlink(os.path.relpath(real, os.path.realpath(os.path.dirname(target))), target)
            case _:
                return Placed(candidate, candidate.transfer, self._copy(candidate.source, target))
        return Placed(candidate, candidate.transfer)

    def _link(self, candidate: Candidate, target: bytes) -> Placed:
        try:
            os.link(candidate.source.real, target)
        except OSError as error:
            if error.errno not in _NO_HARDLINK:
                raise
            os.symlink(candidate.source.real, target)
            return Placed(candidate, Transfer.SYMLINK)
        return Placed(candidate, Transfer.HARDLINK)

    def _copy(self, source: Source, target: bytes) -> str:
        os.makedirs(self._staging, exist_ok=True)
        temporary = os.path.join(self._staging, self._owner + uuid.uuid4().hex.encode())
        try:
            written = _write_copy(source, temporary)
            if hash_file(temporary) != written:
                raise OSError(errno.EIO, "what was written is not what is read back")
            give_name(temporary, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        return written


def give_name(temporary: bytes, target: bytes) -> None:
    """Give a file of our own its name without ever replacing another, as a rename would.

    It may keep its temporary name too.

    Raises
    ------
    FileExistsError
    OSError
    """
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_HARDLINK:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "File exists", target) from error
        os.rename(temporary, target)


def _write_copy(source: Source, temporary: bytes) -> str:
    """Copy bytes, mode and modification time; return the SHA-256 of what was read."""
    summing = hashlib.sha256()
    try:
        reading = open(source.real, "rb")  # noqa: SIM115 - which of the two ends failed is told apart
    except OSError as error:
        raise PlaceFailed(f"it could not be read: {error.strerror}", is_unreadable=True) from error
    with reading, open(temporary, "xb") as writing:
        size = 0
        while block := _read(reading):
            summing.update(block)
            size += writing.write(block)
        if size != source.size_bytes:
            raise PlaceFailed(f"it has {size} bytes now instead of {source.size_bytes}; is it still being written?")
        writing.flush()
        facts = os.fstat(reading.fileno())
        os.fchmod(writing.fileno(), facts.st_mode & 0o777)
        os.utime(writing.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))
        os.fsync(writing.fileno())
        os.posix_fadvise(writing.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # the next reader asks the disk
    return summing.hexdigest()


def _read(reading: BinaryIO) -> bytes:
    try:
        return reading.read(_BLOCK_BYTES)
    except OSError as error:
        raise PlaceFailed(f"it could not be read: {error.strerror}", is_unreadable=True) from error


def hash_file(path: bytes) -> str:
    """Return the SHA-256 of a file's bytes as they are read from it.

    Raises
    ------
    OSError
    """
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def same_bytes(one: bytes, other: bytes) -> str:
    """Say ``same``, ``different``, or why that cannot be told; both files are read to where they differ."""
    for path in (one, other):
        try:
            with open(path, "rb") as stream:
                stream.read(1)
        except OSError as error:
            return f"{show(path)}: {error.strerror}"
    try:
        with open(one, "rb") as left, open(other, "rb") as right:
            while True:
                mine, its = left.read(_BLOCK_BYTES), right.read(_BLOCK_BYTES)
                if mine != its:
                    return "different"
                if not mine:
                    return "same"
    except OSError as error:
        return f"{show(one)} and {show(other)} could not be compared: {error.strerror}"


def remove_original(source: Source, root: bytes, path: bytes, sha256: str | None) -> str | None:
    """Remove the original of a file that was moved, if what lies in the datastore is it; return why it stays.

    Parameters
    ----------
    source : Source
    root, path : bytes
        Where the datastore's file lies.
    sha256 : str or None
        Of the bytes that were copied; None: the two are compared anew.
    """
    held = os.path.join(root, path)
    try:
        facts = os.stat(source.path)
        if (facts.st_size, facts.st_mtime_ns, facts.st_ino) != (source.size_bytes, source.mtime_ns, source.inode):
            return "the original changed after it was copied; it stays"
        if os.path.islink(held) or _is_one_name(held, source.real):
            return "the datastore reaches the original itself; it stays"
        is_same = same_bytes(source.real, held) == "same" if sha256 is None else hash_file(held) == sha256
        if not is_same:
            return "what lies in the datastore is not what was read; the original stays"
        os.unlink(source.path)
        to_disk(os.path.dirname(source.path))
    except OSError as error:
        return f"the original could not be removed: {error.strerror}"
    return None


def _is_one_name(held: bytes, real: bytes) -> bool:
    return os.path.realpath(held) == real or is_one_name(Path(os.fsdecode(held)), Path(os.fsdecode(real)))


def _sync_file_system(folder: bytes) -> bool:
    """Bring a whole file system to disk, as ``sync -f`` does; False where this system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if call(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
    return True


def place_exposure(placer: Placer, candidates: Sequence[Candidate]) -> list[Placed]:
    """Place the files of one exposure: all, or none where one fails.

    Raises
    ------
    PlaceFailed
        Its `args` hold the reason; `add_note` names the file.
    """
    placed: list[Placed] = []
    for candidate in candidates:
        try:
            placed.append(placer.place(candidate))
        except PlaceFailed as error:
            placer.undo(placed)
            error.add_note(show(candidate.source.path))
            raise
    return placed
