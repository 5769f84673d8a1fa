"""What is said of files on their way into a datastore: plain data, shared by finding, planning and placing."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Hashable
from dataclasses import dataclass


class Transfer(enum.StrEnum):
    """How a file gets into a datastore; what each does is said in docs/how-to/ingest.md."""

    AUTO = "auto"
    LINK = "link"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    RELSYMLINK = "relsymlink"
    COPY = "copy"
    MOVE = "move"
    DIRECT = "direct"
    INSIDE = "inside"
    """Of a file that lies in the datastore already; never asked for by name."""


class Result(enum.StrEnum):
    """What became, or would become, of one file."""

    NEW = "new"
    FOUND = "found"
    """It lies in its place already, without a record: an ingest that was cut off, or a hand. Now it has one."""
    IDENTICAL = "identical"
    CHANGED = "changed"
    """The datastore holds other bytes under the same data id; they were left as they are."""
    REFUSED = "refused"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    HELD_BACK = "held back"
    NOT_TRIED = "not tried"

    @property
    def is_good(self) -> bool:
        """Whether the datastore holds what was given."""
        return self in (Result.NEW, Result.FOUND, Result.IDENTICAL)


class Bin(enum.StrEnum):
    """Where a failure arose."""

    METADATA = "files that do not tell what they are"
    EXPOSURE = "exposures that could not be planned"
    FILE = "files that could not be placed or compared"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be ingested, as it was when it was found.

    Attributes
    ----------
    path : bytes
        Absolute, as it was named.
    real : bytes
        Absolute, links followed: the bytes' own place.
    size_bytes : int
    mtime_ns : int
    device, inode : int
    """

    path: bytes
    real: bytes
    size_bytes: int
    mtime_ns: int
    device: int
    inode: int

    @property
    def name(self) -> bytes:
        """Its base name."""
        return self.path.rpartition(b"/")[2]

    @property
    def key(self) -> tuple[int, int]:
        """What two names of one file share."""
        return self.device, self.inode


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is known for what it is.

    Attributes
    ----------
    source : Source
    id : uuid.UUID
        Of the dataset that it is to be.
    exposure : hashable
        What files that are taken together share.
    destination : bytes
        Below the datastore's root; absolute where the file stays where it is.
    transfer : Transfer
        LINK, HARDLINK, SYMLINK, RELSYMLINK, COPY, MOVE, DIRECT or INSIDE.
    """

    source: Source
    id: uuid.UUID
    exposure: Hashable
    destination: bytes
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class Present:
    """What lies at a path of the datastore, links followed; `size_bytes` is None where nothing does.

    `reason` is set, and nothing else says anything, where it could not be looked at.
    """

    size_bytes: int | None = None
    device: int = 0
    inode: int = 0
    is_file: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to become of one file; `reason` for every result that is not good, and `bin` for every failure."""

    candidate: Candidate
    result: Result
    reason: str | None = None
    bin: Bin | None = None
    at: bytes | None = None
    """Where the bytes lie already, relative to the root or absolute; None where they are still to be placed."""
