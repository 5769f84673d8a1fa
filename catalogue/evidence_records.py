"""What the books of evidence and retention are told and answer: plain frozen records.

Knows nothing of the database. Importing this is cheap.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class SafeState(enum.StrEnum):
    """What is known of one night on one copy, by hashes."""

    SAFE = "safe"
    """Every file of the night was hashed there, and holds what it held when it was made or first read."""
    UNSAFE = "unsafe"
    """A file differs from that, or is not there."""
    UNKNOWN = "unknown"
    """Not every file could be hashed, or has been."""


class FreeingState(enum.StrEnum):
    """How far the freeing of a batch came."""

    BEGUN = "begun"
    """Files may have been set aside; none is removed."""
    PROVEN = "proven"
    """The proof is written; files may have been removed."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file as it was read on one copy.

    Attributes
    ----------
    path : bytes
        Relative to the root.
    night : date
    name : bytes
        The file's name that is the same on every copy: camera, a slash, and the path below the night's folder.
    sha256 : str or None
        None: looked for, and not there.
    size_bytes : int
    mtime_s : float
    changed_s : float or None
        When anything of it was changed last; None where the far end cannot tell.
    identity : str or None
        Device and inode; None where the far end cannot tell.
    """

    path: bytes
    night: dt.date
    name: bytes
    sha256: str | None
    size_bytes: int = 0
    mtime_s: float = 0.0
    changed_s: float | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of many files of a copy: when, by which command, and as which root it showed itself."""

    at_utc: dt.datetime
    by: str
    marker: str | None = None
    kernel: str | None = None


CARRIED = "carried"
"""Stands for the command that reads, where a file was carried to the place of one that had been read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is remembered of one file on one copy: the last reading, and the first."""

    file: ReadFile
    reading: Reading
    first_sha256: str
    first_utc: dt.datetime

    @property
    def is_carried_since(self) -> bool:
        """Say whether another file took the place of the one that was read: that one was not read yet."""
        return self.file.sha256 is None and self.reading.by == CARRIED


@dataclass(frozen=True, slots=True)
class SafeNight:
    """What hashes showed of one night on one copy.

    `at_utc` is the instant of the oldest hash that it rests on; `files` how many files the night has there.
    """

    state: SafeState
    files: int
    at_utc: dt.datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An archive confirmed files of a night (kind ``archive``), or a manifest of them was sent (``manifest``).

    `files` gives the hash that each name had then; names are those of `ReadFile`.
    """

    id: int
    instrument: str
    night: dt.date
    kind: str
    archive: str
    by: str
    at_utc: dt.datetime
    files: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FreedFile:
    """One file that was freed on one copy, or was about to be."""

    path: bytes
    night: dt.date
    name: bytes
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Freeing:
    """One batch of files being freed on one copy."""

    id: int
    state: FreeingState
    at_utc: dt.datetime
    proof: str | None
    files: tuple[FreedFile, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody else's log says of one night: shown, and never believed for safe or free."""

    copy: str
    night: dt.date
    what: str
    holds: bool
    at_utc: dt.datetime | None
    source: str
