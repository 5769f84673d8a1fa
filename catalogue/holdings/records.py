"""What is held, as plain frozen records: exposures, their files, copies of these, and the places where copies lie.

Knows nothing of the database. Ids follow from what a thing is (identity.py), so that two sites agree on them.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from catalogue.holdings.values import Value
from catalogue.identity import identity


class FileState(enum.StrEnum):
    """What reading a file came to."""

    READ = "read"
    LISTED = "listed"
    """Nothing in it is wanted: seen, not read."""
    GROWING = "growing"
    """Could not be read, and is so young that it may still be written."""
    UNREADABLE = "unreadable"
    """Not whole, not what its name says, or not to be read; tried again by the next run."""


@dataclass(frozen=True, slots=True)
class Place:
    """One copy of an instrument's chain on the machine that lists it.

    Attributes
    ----------
    position : int
        Its number along the chain, from 0.
    is_origin : bool
        Data are born there.
    host, address : str
        Its name in site.yaml, and how others reach it.
    root : str
    machine : str
        The name of the machine on which it is local.
    """

    instrument: str
    variant: str
    copy: str
    position: int
    is_origin: bool
    host: str
    address: str
    root: str
    machine: str

    @property
    def id(self) -> uuid.UUID:
        """The place's id."""
        return identity("place", self.instrument, self.variant, self.copy, self.host, self.root)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """One file, however many copies of it there are.

    Attributes
    ----------
    path : bytes
        Below the night's folder.
    size_bytes, mtime_s
        Of the copy that was read last.
    columns : mapping of column to value
        What its headers said.
    counts : tuple of (found, wanted)
        HDUs by each rule of completeness that counts in it.
    faults : tuple of str
        Values that could not be read.
    """

    instrument: str
    variant: str
    night: dt.date
    camera: str
    path: bytes
    exposure_id: uuid.UUID | None
    size_bytes: int
    mtime_s: float
    state: FileState
    reason: str | None = None
    columns: Mapping[str, Value] = field(default_factory=dict)
    counts: tuple[tuple[int, int], ...] = ()
    faults: tuple[str, ...] = ()
    read_utc: dt.datetime | None = None

    @property
    def id(self) -> uuid.UUID:
        """The file's id."""
        return file_id(self.instrument, self.variant, self.night, self.camera, self.path)


TIMES_AGREE_S = 2.0
"""Times of modification travel with a file, and some file systems keep even seconds alone."""


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """One file in one place, as last listed.

    Attributes
    ----------
    path : bytes
        Below the place's root.
    since_utc : datetime
        Since when it has been seen with this size and time.
    sha256 : str or None
        Of the bytes of this size and time, where somebody read them.
    """

    file_id: uuid.UUID
    place_id: uuid.UUID
    path: bytes
    size_bytes: int
    mtime_s: float
    since_utc: dt.datetime
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure.

    Attributes
    ----------
    number : int or None
        Its number, where its name is or begins with one: DESI's EXPID, PFS's visit.
    name : str
        What tells it from others of its instrument (or night); without leading zeros where it is a number.
    columns : mapping of column to value
        What headers said: those that every exposure has, and the instrument's own.
    data_written : bool
        All data are on disk, by the instrument's rules.
    data_written_utc : datetime or None
        When that was noticed.
    waits_for : str or None
        Why it is not so yet, a sentence.
    """

    id: uuid.UUID
    instrument: str
    variant: str
    night: dt.date
    number: int | None
    name: str
    columns: Mapping[str, Value]
    data_written: bool
    data_written_utc: dt.datetime | None
    waits_for: str | None
    catalogued_utc: dt.datetime

    @property
    def arrived_utc(self) -> dt.datetime:
        """When `data_written` became what it is, as far as the catalogue saw it."""
        return self.data_written_utc or self.catalogued_utc


def file_id(instrument: str, variant: str, night: dt.date, camera: str, path: bytes) -> uuid.UUID:
    """Return the id of a file."""
    return identity("file", instrument, variant, night, camera, path)


def exposure_id(instrument: str, variant: str, night: dt.date | None, name: str) -> uuid.UUID:
    """Return the id of an exposure; `night` only where its name begins anew each night."""
    return identity("exposure", instrument, variant, night, name)
