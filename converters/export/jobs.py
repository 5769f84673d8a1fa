"""What travels to a worker process and back: one archive of one observation to be made into FITS files.

Plain data. Making it is convert.py's, choosing it plan.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from converters.export.headers import Rule

Form = Literal["frames", "cube"]
"""One file for each frame, or one cube for each archive."""

FROM_THE_FIRST_NS = 0
"""A job that begins here takes an archive whole, whatever was observed."""
STILL_SPEAKING = "open:"
"""Before a state of telemetry that may not be all: some device has not spoken on to the last frame, and what it said
last may not be what held then."""


@dataclass(frozen=True, slots=True)
class HeaderPlan:
    """What the headers of one camera need.

    Attributes
    ----------
    camera, instrument, telescope : str
        Empty where it is not declared.
    rules : tuple of Rule
        Empty where telemetry is left out.
    roots : tuple of Path
        Where telemetry is looked for.
    gap_ns : int
        Telemetry further away from an exposure says nothing about it.
    with_telemetry : bool
        False: not even the exposure time is looked for.
    """

    camera: str
    instrument: str
    telescope: str
    rules: tuple[Rule, ...]
    roots: tuple[Path, ...]
    gap_ns: int
    with_telemetry: bool

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that are asked."""
        return tuple(sorted({rule.device for rule in self.rules} | {self.camera})) if self.with_telemetry else ()


@dataclass(frozen=True, slots=True)
class External:
    """A program that is called like xrif2fits instead of our own decoder.

    Attributes
    ----------
    program : str
    timeout_s : float
    """

    program: str
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Job:
    """One archive to be made.

    Attributes
    ----------
    archive : str
        Its name.
    sources : tuple of Path
        Where it lies, the best first.
    begin_ns, end_ns : int
        Frames acquired in ``[begin, end)`` are taken; no end takes all that follow.
    form : Form
    header : HeaderPlan
    staging : Path
        An empty folder on the output's file system; the products are written there.
    external : External or None
    namesakes_ns : tuple of int
        The instants of frames of other archives with which files of this one would share their names.
    """

    archive: str
    sources: tuple[Path, ...]
    begin_ns: int
    end_ns: int | None
    form: Form
    header: HeaderPlan
    staging: Path
    external: External | None = None
    namesakes_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """A product in the staging folder."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a job.

    Attributes
    ----------
    archive : str
    source : Path
    source_size_bytes, source_mtime_ns, source_sha256
        Of the file that was read.
    products : tuple of Staged
    frames, before, after, lost : int
    absent : tuple of str
        Keywords that some frame lacks.
    telemetry : str
        What telemetry there was (`reader.telemetry_state`); after `STILL_SPEAKING` where it does not go on to the last
        frame.
    has_header : bool
    seconds : float
    failure : str or None
    is_unknown : bool
        The failure is that something could not be read, which may pass.
    warning : str or None
    """

    archive: str
    source: Path
    source_size_bytes: int = 0
    source_mtime_ns: int = 0
    source_sha256: str = ""
    products: tuple[Staged, ...] = ()
    frames: int = 0
    before: int = 0
    after: int = 0
    lost: int = 0
    absent: tuple[str, ...] = ()
    telemetry: str = ""
    has_header: bool = True
    seconds: float = 0.0
    failure: str | None = None
    is_unknown: bool = False
    warning: str | None = None
