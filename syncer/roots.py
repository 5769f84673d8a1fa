"""Roots at the syncer's side: accepting a new one, and marking what is written to.

A root is known by its marker or by a night of its layout; everything else may be a disk that is not mounted.
"""

from __future__ import annotations

import os
import posixpath
import uuid

from observatory.endpoints.contract import MARKER, OURS, Act, RootFacts
from observatory.errors import CouldNotTell, RootNotProven


def mark(destination: Act, root: bytes, facts: RootFacts) -> None:
    """Write the marker with an id of its own, where there is none yet; made under a temporary name."""
    if facts.marker is not None:
        return
    destination.make_folders(root, [OURS])
    temporary = posixpath.join(root, OURS, b"root." + uuid.uuid4().hex.encode())
    with destination.create(temporary, 0o644) as stream:
        stream.write(uuid.uuid4().hex.encode() + b"\n")
        stream.flush()
        destination.sync_file(stream)
    destination.rename(temporary, posixpath.join(root, MARKER))


def create_last_folder(destination: Act, root: bytes) -> None:
    """Create a root whose parent exists.

    Raises
    ------
    RootNotProven
        The parent does not exist either: then more than a folder is missing, probably a mount.
    """
    parent, name = posixpath.split(root.rstrip(b"/"))
    try:
        destination.make_folders(parent or b"/", [name])
    except (CouldNotTell, OSError) as error:
        shown = os.fsdecode(root)
        raise RootNotProven(destination.name, shown, f"could not be created ({error})") from error
