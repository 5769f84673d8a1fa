"""Roots at the syncer's side: accepting a new one, and marking what is written to.

A root is known by its marker or by a night of its layout; everything else may be a disk that is not mounted.
"""

from __future__ import annotations

import os
import posixpath
import uuid
from collections.abc import Iterator

from observatory.endpoints.contract import MARKER, Act, Look, RootFacts, Trouble
from observatory.ends import SAME_FOLDER
from observatory.errors import CommandFailed, CouldNotTell, RootNotProven
from syncer.transfer.folders import TMP


def mark(destination: Act, root: bytes, facts: RootFacts) -> str | None:
    """Write the marker with an id of its own, where there is none yet or an empty one; made under a temporary name.

    Returns the id where one was written.
    """
    if facts.marker or (facts.marker is not None and not _is_empty(destination, root)):
        return None
    identity = uuid.uuid4().hex
    destination.make_folders(root, [TMP])
    temporary = posixpath.join(root, TMP, b"root." + uuid.uuid4().hex.encode())  # swept if we get no further
    try:
        with destination.create(temporary, 0o644) as stream:
            stream.write(identity.encode() + b"\n")
            stream.flush()
            destination.sync_file(stream)
    except OSError as error:
        raise CommandFailed(destination.name, "marking the root", error.strerror or str(error)) from error
    destination.rename(temporary, posixpath.join(root, MARKER))
    return identity


def _is_empty(destination: Look, root: bytes) -> bool:
    """Tell an empty marker from one that only could not be read."""
    (facts,) = destination.stat(root, [MARKER])
    return facts.is_file and facts.size_bytes == 0


def refuse_one_folder(source: Look, source_root: bytes, destination: Look, root: bytes, identity: str | None) -> None:
    """Look for the id just written to the destination on the source: where that shows it, both are one folder.

    Hosts that share a disk (NFS), or an account with SFTP alone, do not show it otherwise.

    Raises
    ------
    RootNotProven
    """
    if identity is None:
        return
    try:
        with source.open(posixpath.join(source_root, MARKER)) as stream:
            seen = stream.read(len(identity))
    except (CouldNotTell, OSError):
        return
    if seen == identity.encode():
        raise RootNotProven(destination.name, os.fsdecode(root), SAME_FOLDER)


def create_last_folder(destination: Act, root: bytes) -> None:
    """Create a root whose parent exists.

    Raises
    ------
    RootNotProven
        The parent does not exist either: then more than a folder is missing, probably a mount.
    """
    parent, name = _split(root)
    require_parent(destination, root)
    try:
        destination.make_folders(parent, [name])
    except (CouldNotTell, OSError) as error:
        shown = os.fsdecode(root)
        raise RootNotProven(destination.name, shown, f"could not be created ({error})") from error


def require_parent(destination: Look, root: bytes) -> None:
    """Refuse to make more than the last folder of a root.

    Raises
    ------
    RootNotProven
    """
    parent, _ = _split(root)
    (facts,) = destination.stat(b"/", [parent.lstrip(b"/") or b"."])
    if facts.reason is None and facts.size_bytes is None:
        shown = os.fsdecode(parent)
        why = f"cannot be created, as {shown} does not exist either"
        raise RootNotProven(
            destination.name, os.fsdecode(root), why, f"If it is meant: `mkdir -p {shown}` on that host"
        )


def _split(root: bytes) -> tuple[bytes, bytes]:
    parent, name = posixpath.split(root.rstrip(b"/"))
    return parent or b"/", name


class RootToBe:
    """The survey of a root that a person accepted and a dry run does not make: nothing is there, nothing is known.

    Keeps the contract of `Survey`. How much is free there is not told.
    """

    def __init__(self, clock_s: float, clock_ahead_s: float) -> None:
        self.facts = RootFacts(clock_s, clock_ahead_s, marker=None, has_night=False, free_bytes=None)
        self.troubles: list[Trouble] = []
        self.folders: dict[bytes, str] = {}

    def __iter__(self) -> Iterator[bytes]:
        """Yield no record."""
        return iter(())

    def close(self) -> None:
        """Nothing is open."""
