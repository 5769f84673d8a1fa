"""Files of our own on this machine: written whole or not at all, and what a dead writer left half written swept.

What lies below data roots is the endpoints' and the transfer engines'.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from observatory.names import show

_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_MACHINE_LETTERS, _PROCESS_LETTERS = 8, 8


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all; missing folders are made.

    Raises
    ------
    OSError
    """
    temporary = made(path.parent) / f".{path.name}.{token()}"
    try:
        with temporary.open("xb") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    to_disk(path.parent)


def token() -> str:
    """Return 32 letters for a temporary name, of no other writer's: they tell machine and process to `leftovers`."""
    return f"{_machine()}{os.getpid():0{_PROCESS_LETTERS}x}{os.urandom(8).hex()}"


def leftovers(folder: Path, before: str = "") -> Iterator[Path]:
    """Yield what writers of this machine left in a folder under a temporary name when they died.

    A name ends with a `token`; whether its process lives is asked of this machine, so that what another one
    is writing into a shared folder stays.

    Parameters
    ----------
    folder : Path
        If it is not there, it holds nothing.
    before : str
        What stands before the token, with its dot; nothing: whatever does.

    Raises
    ------
    OSError
    """
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        head, ending = path.name[:-32], path.name[-32:]
        if _TOKEN.match(ending) and (head == before or (not before and head.startswith("."))) and _is_dead(ending):
            yield path


def sweep(folder: Path, before: str = "") -> None:
    """Remove the `leftovers` of a folder, as far as that can be done: what stays does no harm."""
    try:
        for path in list(leftovers(folder, before)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except OSError:
        return


def _is_dead(ending: str) -> bool:
    process = int(ending[_MACHINE_LETTERS : _MACHINE_LETTERS + _PROCESS_LETTERS], 16)
    return ending.startswith(_machine()) and not Path(f"/proc/{process}").exists() and Path("/proc/self").exists()


@functools.cache
def _machine() -> str:
    """Return what tells this machine, and this container of it: a process number means something only there."""
    try:
        space = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        space = ""
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:_MACHINE_LETTERS]


def made(folder: Path) -> Path:
    """Return a folder that is there, made with its parents for its owner alone if need be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def to_disk(path: Path | bytes) -> None:
    """Bring a file, or a folder's list of names, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def os_fault(error: OSError, place: object = "this machine") -> str:
    """Return the operating system's fault as a sentence: the file that it names, else `place`, and the reason."""
    named = isinstance(error.filename, str | bytes)
    return f"{show(os.fsencode(error.filename)) if named else place}: {error.strerror or error}"


def is_one_name(one: Path, other: Path) -> bool:
    """Say whether two paths are one name of one file: to remove the one is to remove the other.

    So it is where a folder is mounted twice. Links in the last part are not followed; a hard link is a name of its
    own. Folders are told by device and inode, and where one server is mounted twice by inode and time of change; names
    that differ in case alone are taken for one, as some disks do.

    Raises
    ------
    OSError
        One of their folders is not there.
    """
    if one.name.casefold() != other.name.casefold():
        return False
    here, there = one.parent.stat(), other.parent.stat()
    return os.path.samestat(here, there) or (here.st_ino, here.st_ctime_ns) == (there.st_ino, there.st_ctime_ns)
