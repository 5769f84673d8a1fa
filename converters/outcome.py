"""What a conversion says: plain data, one row per step and subject."""

from __future__ import annotations

import datetime as dt
import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from converters.base import Facts
from observatory.files import os_fault
from observatory.truth import State


def fault_words(error: Exception) -> str:
    """Return what broke a job off: the system's own words, with the file if it names one; else of which kind it was."""
    if not isinstance(error, OSError) or error.strerror is None:
        return f"{type(error).__name__}: {error}"
    if not isinstance(error.filename, str | bytes):
        return error.strerror
    return os_fault(error)


class RowResult(enum.StrEnum):
    """What became of one step on one subject in this run."""

    DONE = "done"
    SKIPPED = "skipped"
    """It succeeded on the same bytes before, and its products are as they were."""
    PLANNED = "planned"
    """A dry run would do it."""
    IN_PROGRESS = "in progress"
    """An input is younger than the settle time."""
    FAILED = "failed"
    WAITING = "waiting"
    """A step before it, or an older night, is not complete."""
    HELD = "held"
    """A person has to look at what a step before it made, and to say so."""
    UNREADABLE = "unreadable"
    """An input, or the night's folder, could not be read: nothing can be said of it."""


COMPLETE = frozenset({RowResult.DONE, RowResult.SKIPPED})
"""What leaves nothing of a step undone."""


@dataclass(frozen=True, slots=True)
class ConvertRow:
    """One step on one subject.

    Attributes
    ----------
    step : str
        The step's label; of a night's folder that could not be read, empty: every step.
    night : date
    subject : bytes
        Path of the input or of the night's folder, relative to the root.
    result : RowResult
    reason : str or None
        For every result but done and skipped; with done, a warning.
    products : tuple of bytes
        Relative to the root.
    seconds : float
    facts : Facts or None
        What it counted in this run.
    """

    step: str
    night: dt.date
    subject: bytes
    result: RowResult
    reason: str | None = None
    products: tuple[bytes, ...] = ()
    seconds: float = 0.0
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class ConvertOutcome:
    """The steps of one instrument on one copy, over some nights; rows by night, step and subject as done.

    `notes` are sentences worth saying that are no fault of any file. `counted` is what each step has counted of a night
    of which this run made anything, in this run or before: by night and label. `spent` is how many seconds each step of
    a night took by the clock on the wall: tasks that went on side by side took that time together.
    """

    instrument: str
    copy: str
    nights: Sequence[dt.date]
    rows: Sequence[ConvertRow] = ()
    unknown_reason: str | None = None
    dry_run: bool = False
    notes: Sequence[str] = ()
    counted: Mapping[tuple[dt.date, str], Facts] = field(default_factory=dict)
    spent: Mapping[tuple[dt.date, str], float] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[RowResult]:
        """How many rows came to what."""
        return Counter(row.result for row in self.rows)

    @property
    def state(self) -> State:
        """unknown: something could not be read; different: something failed, or a person has to look; else ok."""
        counts = self.counts
        if self.unknown_reason is not None or counts[RowResult.UNREADABLE]:
            return State.UNKNOWN
        return State.DIFFERENT if counts[RowResult.FAILED] or counts[RowResult.HELD] else State.OK

    @property
    def reason(self) -> str | None:
        """A sentence for every state but ok."""
        if self.state is State.OK:
            return None
        if self.unknown_reason is not None:
            return self.unknown_reason
        counts = self.counts
        named = (
            (RowResult.UNREADABLE, "could not be read"),
            (RowResult.FAILED, "failed"),
            (RowResult.HELD, "held for a person to look"),
        )
        return ", ".join(f"{counts[result]} {words}" for result, words in named if counts[result])

    def complete_nights(self, step: str) -> frozenset[dt.date]:
        """Return the nights of which this run left nothing of a step undone: those that ``after`` lets pass."""
        if self.unknown_reason is not None:
            return frozenset()
        left = {row.night for row in self.rows if row.step in (step, "") and row.result not in COMPLETE}
        return frozenset(self.nights) - left
