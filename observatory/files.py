"""Files of our own on this machine: written whole or not at all.

What lies below data roots is the endpoints' and the transfer engines'.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all; missing folders are made.

    Raises
    ------
    OSError
    """
    temporary = made(path.parent) / f".{path.name}.{uuid.uuid4().hex}"
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
    sync_folder(path.parent)


def made(folder: Path) -> Path:
    """Return a folder that is there, made with its parents for its owner alone if need be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
