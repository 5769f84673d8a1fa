"""What the catalogue says of datasets and collections, as plain data.

Written and read by the books of this package; what a dataset's keys mean is grammar.py's.
"""

from __future__ import annotations

import datetime as dt
import enum
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catalogue.datasets.grammar import DatasetType, KeyValue


class CollectionKind(enum.StrEnum):
    """What membership in a collection means.

    RUN: datasets are born in it and leave it only when they are removed. TAGGED: anybody may be put in and taken
    out, one dataset for each data id. CHAINED: a search path through other collections. CALIBRATION: each member
    is valid for a span of time.
    """

    RUN = "RUN"
    TAGGED = "TAGGED"
    CHAINED = "CHAINED"
    CALIBRATION = "CALIBRATION"


@dataclass(frozen=True, slots=True)
class NewDataset:
    """A dataset whose file is in its place, to be recorded.

    Attributes
    ----------
    id : uuid.UUID
    type : DatasetType
    run : str
    values : mapping of key to value
    exposure : int or None
        The number that files of one exposure share.
    night : date or None
    path : bytes
        Below the datastore's root, or absolute for a file that stayed where it was.
    transfer : str
        How it came to lie there: copy, move, hardlink, symlink, relsymlink, direct or inside.
    origin : bytes
        Where it was taken from, absolute.
    size_bytes : int
    mtime_s : float
    sha256 : str or None
        Only where the file's bytes were read.
    """

    id: uuid.UUID
    type: DatasetType
    run: str
    values: Mapping[str, KeyValue]
    exposure: int | None
    night: dt.date | None
    path: bytes
    transfer: str
    origin: bytes
    size_bytes: int
    mtime_s: float
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A recorded dataset.

    Attributes
    ----------
    id : uuid.UUID
    type : str
    instrument : str
        The instrument's name in its file; the data id's is in `values`.
    run : str
    values : mapping of key to value
        In the order of the type's keys.
    night : date or None
    host : str
        Where the datastore lies.
    root : bytes
        The datastore's root, absolute.
    path : bytes
        Below the root, or absolute.
    transfer : str
    origin : bytes
    size_bytes : int
    mtime_s : float
    sha256 : str or None
    at_utc : datetime
    """

    id: uuid.UUID
    type: str
    instrument: str
    run: str
    values: Mapping[str, KeyValue]
    night: dt.date | None
    host: str
    root: bytes
    path: bytes
    transfer: str
    origin: bytes
    size_bytes: int
    mtime_s: float
    sha256: str | None
    at_utc: dt.datetime

    @property
    def file(self) -> Path:
        """Where its file lies."""
        return Path(os.fsdecode(self.root)) / os.fsdecode(self.path)

    @property
    def uri(self) -> str:
        """Where its file lies, as a URI."""
        return self.file.as_uri()


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection; `children` are those of a chain, in the order in which they are searched."""

    name: str
    kind: CollectionKind
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Validity:
    """From when (included) until when (not included) something is valid; None: for ever."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def __contains__(self, instant: dt.datetime) -> bool:
        """Say whether an instant lies within."""
        return (self.since is None or self.since <= instant) and (self.until is None or instant < self.until)

    def overlaps(self, other: Validity) -> bool:
        """Say whether two spans share an instant."""
        begins_before = self.since is None or other.until is None or self.since < other.until
        return begins_before and (other.since is None or self.until is None or other.since < self.until)

    def __str__(self) -> str:
        """Give both ends, for a sentence."""
        since, until = (f"{end:%Y-%m-%dT%H:%M:%S}" if end else "ever" for end in (self.since, self.until))
        return f"from {since} until {until}"
