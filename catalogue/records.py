"""What the ledger is told and what it answers: plain frozen records, the vocabulary of its interface.

Knows nothing of the database; how these are kept is tables.py's. Importing this is cheap.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import NamedTuple

from observatory.truth import State


class NightState(enum.StrEnum):
    """What is known of one night on one hop."""

    OPEN = "open"
    """Seen on the source, and not shown to be whole on the destination."""
    PROVEN = "proven"
    """A verification found every source file on the destination."""
    ACCEPTED = "accepted"
    """Not whole, but a person said that it may be so."""


class StepResult(enum.StrEnum):
    """How far one step came with one of its subjects."""

    STARTED = "started"
    """Begun and never heard of again: what it was to make may lie half made."""
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command.

    Attributes
    ----------
    id : int
    kind : str
        The command: ``sync``, ``verify``, ``run``, ``convert``, ...
    instruments : tuple of str
        Ascending.
    started_utc : datetime
    finished_utc : datetime or None
        None while it works, and for ever where it crashed.
    state : State or None
        None until it finished.
    host : str
    pid : int
        Where it ran, and as which process.
    """

    id: int
    kind: str
    instruments: tuple[str, ...]
    started_utc: dt.datetime
    finished_utc: dt.datetime | None
    state: State | None
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class HopRecord:
    """One hop of one run, in counts.

    `hop` is the hop's key within the instrument. `planned`, `transferred`, `moved_bytes`, `seconds`, `engine`
    belong to a sync, `level`, `compared` and `not_comparable` to a verification.
    """

    instrument: str
    hop: str
    source: str
    destination: str
    state: State
    reason: str | None = None
    source_root: str = ""
    destination_root: str = ""
    engine: str | None = None
    level: str | None = None
    source_files: int = 0
    planned: int = 0
    transferred: int = 0
    failed: int = 0
    moved_bytes: int = 0
    seconds: float = 0.0
    compared: int = 0
    not_comparable: int = 0


@dataclass(frozen=True, slots=True)
class NightRecord:
    """What one run learned of one night on one hop.

    Attributes
    ----------
    source_files : int or None
        Files of the specification's patterns on the source; None: could not look, what was known stays.
    open_files : int or None
        Source files not shown to be on the destination; None: could not look, what was known stays.
    state : NightState or None
        None: what was known stays, except that a proven night into which files came, or on which files are
        open, is open again: nobody has looked at them since.
    level : str or None
        The level at which a proven night was proven.
    moved_files, moved_bytes : int
        What this run moved; added to what earlier runs moved.
    """

    source_files: int | None = None
    open_files: int | None = None
    state: NightState | None = None
    level: str | None = None
    moved_files: int = 0
    moved_bytes: int = 0


@dataclass(frozen=True, slots=True)
class HopNight:
    """Everything that is known of one night on one hop.

    `first_seen_utc` is None where the source never showed a file; `proven_utc` and `level` where it was never
    proven (they stay as they were when the night opened again); `moved_utc` where we moved nothing.
    `source_files` is what the last run saw, less what was freed since.
    """

    hop: str
    night: dt.date
    state: NightState
    source_files: int
    open_files: int
    first_seen_utc: dt.datetime | None
    proven_utc: dt.datetime | None
    level: str | None
    moved_files: int
    moved_bytes: int
    moved_utc: dt.datetime | None


@dataclass(frozen=True, slots=True)
class StepCount:
    """One step over one night on one copy: how many of its subjects are done, and how many are not."""

    step: str
    copy: str
    done: int
    not_done: int
    at_utc: dt.datetime


@dataclass(frozen=True, slots=True)
class NightStatus:
    """One night of one instrument: a row of `status`. Hops and steps ascend by name.

    ``1/2`` is written where one of two declared copies is proven; how many are declared the caller knows.
    """

    night: dt.date
    hops: tuple[HopNight, ...] = ()
    steps: tuple[StepCount, ...] = ()

    @property
    def proven_hops(self) -> tuple[str, ...]:
        """The hops on which the night is proven."""
        return tuple(hop.hop for hop in self.hops if hop.state is NightState.PROVEN)


class MovedFile(NamedTuple):
    """One file that we moved: what the destination showed of it afterwards.

    Attributes
    ----------
    path : bytes
        Relative to the root.
    size_bytes : int
    mtime_s : float
        Unix seconds.
    sha256 : str or None
        Where it was hashed.
    moved_utc : datetime or None
        None in what is handed in: the ledger dates it.
    """

    path: bytes
    size_bytes: int
    mtime_s: float
    sha256: str | None = None
    moved_utc: dt.datetime | None = None


class Uncarried(NamedTuple):
    """One file that was seen on a hop's source and is not known to be on its destination.

    Attributes
    ----------
    path : bytes
        Relative to the source's root.
    night : date
    size_bytes : int
    mtime_s : float
        Unix seconds, as the source showed it last.
    since_utc : datetime
        When it was noted first.
    """

    path: bytes
    night: dt.date
    size_bytes: int
    mtime_s: float
    since_utc: dt.datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person said that a night, some of its frames or some of its files may be as they are.

    Attributes
    ----------
    id : int
    instrument : str
    night : date
    frames : tuple of int
        Frame numbers, ascending.
    files : tuple of bytes
        Names that they have on every copy, after two slashes; paths or base names of earlier versions. Ascending.
    reason, by : str
    at_utc : datetime
    until : date or None
        The last day on which it holds; None: for good.
    """

    id: int
    instrument: str
    night: dt.date
    frames: tuple[int, ...]
    files: tuple[bytes, ...]
    reason: str
    by: str
    at_utc: dt.datetime
    until: dt.date | None = None

    @property
    def is_whole_night(self) -> bool:
        """Whether it speaks of the night as such, not of single frames or files."""
        return not self.frames and not self.files


@dataclass(frozen=True, slots=True)
class Away:
    """An instrument is off the telescope on these nights, both ends included."""

    id: int
    instrument: str
    first_night: dt.date
    last_night: dt.date
    reason: str
    by: str
    at_utc: dt.datetime


@dataclass(frozen=True, slots=True)
class Loss:
    """A root suddenly held less than half of what it held; nothing of it may be freed until accepted."""

    host: str
    root: str
    expected_files: int
    seen_files: int
    noticed_utc: dt.datetime


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A root as it was last seen.

    `identity` is the content of its marker, or where none can be written whatever tells it from an empty
    mount point (device and inode); `is_vouched` says that a person named it as new and right.
    """

    host: str
    root: str
    identity: str
    is_vouched: bool
    first_seen_utc: dt.datetime
    last_seen_utc: dt.datetime


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One time that a job of the schedule fell due; a missed one was never started."""

    job: str
    due_utc: dt.datetime
    started_utc: dt.datetime | None
    finished_utc: dt.datetime | None
    state: State | None


@dataclass(frozen=True, slots=True, order=True)
class Product:
    """One file that a step made: its path relative to the root, and its hash."""

    path: bytes
    sha256: str


@dataclass(frozen=True, slots=True, order=True)
class StepInput:
    """One file that a step took: its path relative to the root, and its hash.

    A consumed one was a product itself, and what was made of it stands in its place.
    """

    path: bytes
    sha256: str
    is_consumed: bool = False


@dataclass(frozen=True, slots=True)
class KnownHash:
    """A file's SHA-256, and what tells that it is still the same (size, times, inode)."""

    stamp: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LetterRecord:
    """A letter that a step wrote; `content` is what the step's package makes of it, `sent_utc` None until it went."""

    id: int
    instrument: str
    copy: str
    step: str
    subject: bytes
    night: dt.date
    content: str
    made_utc: dt.datetime
    sent_utc: dt.datetime | None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step on one subject: an input file, or a whole night.

    Attributes
    ----------
    instrument, copy, step : str
    night : date
    subject : bytes
        Path of the input, or of the night's folder, relative to the root; the last record of a subject counts.
    digest : str
        SHA-256 over the inputs' hashes and the step's arguments: equal means that nothing changed.
    result : StepResult
    products : tuple of Product
        Ascending. Of a step that is only started: what it is to make, without hashes (``""``).
    at_utc : datetime
    seconds : float
    reason : str or None
        For every result but done; of a step that ended with a warning too.
    inputs : tuple of StepInput
        Ascending.
    facts : str or None
        What it counted, as its package writes it.
    hold : str or None
        Why the night's later steps wait for a person.
    letters : tuple of str
        What it wrote, to be sent; not read back with the record.
    awaits : str or None
        What it did without and may still come, as the step writes it.
    """

    instrument: str
    copy: str
    step: str
    night: dt.date
    subject: bytes
    digest: str
    result: StepResult
    at_utc: dt.datetime
    products: tuple[Product, ...] = ()
    seconds: float = 0.0
    reason: str | None = None
    inputs: tuple[StepInput, ...] = ()
    facts: str | None = None
    hold: str | None = None
    letters: tuple[str, ...] = ()
    awaits: str | None = None
