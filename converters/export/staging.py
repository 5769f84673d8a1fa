"""Files on their way: written beside their place, hashed, brought to disk. What they are convert.py says.

Our own folder below an output is ``.nightferry``; nothing half made is ever seen outside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converters.export.jobs import Staged
from observatory.endpoints.contract import OURS
from observatory.errors import FileUnreadable

_CHUNK_BYTES = 1 << 20


def our_folder(output: Path) -> Path:
    """Return our own folder below an output."""
    return output / os.fsdecode(OURS)


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """Give an empty folder on the output's file system, and remove it with all that is left in it.

    What an earlier run left is swept first: the caller holds the output's lock.
    """
    sweep_staging(output)
    folder = _staging(output) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        sweep_staging(output)


def sweep_staging(output: Path) -> None:
    """Remove what runs left on their way; the caller holds the output's lock."""
    shutil.rmtree(_staging(output), ignore_errors=True)


def _staging(output: Path) -> Path:
    return our_folder(output) / "export"


def empty(folder: Path) -> None:
    """Remove the files in a folder of our own."""
    for left in folder.iterdir():
        left.unlink()


def write(path: Path, content: bytes) -> Staged:
    """Write a new file; `observatory.files.to_disk` then brings it to disk."""
    with path.open("xb") as opened:
        opened.write(content)
    return Staged(path.name, len(content), hashlib.sha256(content).hexdigest())


def fingerprint(path: Path) -> tuple[int, int, str]:
    """Return size, modification time (ns) and SHA-256 of a file.

    Raises
    ------
    FileUnreadable
    """
    said = hashlib.sha256()
    try:
        with path.open("rb") as opened:
            found = os.fstat(opened.fileno())
            while chunk := opened.read(_CHUNK_BYTES):
                said.update(chunk)
    except OSError as error:
        raise FileUnreadable("this machine", str(path), error.strerror or str(error)) from error
    return found.st_size, found.st_mtime_ns, said.hexdigest()
