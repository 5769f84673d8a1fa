"""What a sync says of one hop: plain data, what was planned and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from observatory.names import show
from observatory.truth import State


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """One file that was to be moved and was not.

    Attributes
    ----------
    path : bytes
        Relative to the root.
    reason : str
    on : str
        The end, ``source`` or ``destination``, that could not be read.
    """

    path: bytes
    reason: str
    on: str = "source"


@dataclass(frozen=True, slots=True)
class NightMoves:
    """One night of a hop as the planner saw it.

    Attributes
    ----------
    source_files : int
        Files of the specification's patterns on the source, those in progress included.
    open_files : int
        Files that are still not on the destination after the run.
    moved_files, moved_bytes : int
    """

    source_files: int = 0
    open_files: int = 0
    moved_files: int = 0
    moved_bytes: int = 0


@dataclass(frozen=True, slots=True)
class HopOutcome:
    """One hop of one run; lists ascend.

    `kept` are destination files that a shorter, damaged or unwanted source file did not replace;
    `replaced` were set aside under ``.nightferry/replaced/`` for newer bytes. `unknown_reason` is set
    where the hop could not be looked at or must not be believed (a mass loss); `refused_reason` where
    the plan was checked and refused before a byte moved; `lock_reason` where another run works at the destination.
    `stuck` were copied although cut short or still being written after the settle limit; `postponed` were
    planned and not begun because the time was over; `remarks` are the engine's sentences about the whole. `loss`
    counts the source's files as the last run saw them and as they are, where more than half are gone; `markers`
    are the ids that source and destination bear. `brought_again` are nights that had been proven and of which the
    destination had lost more than half. `source_alone`: the source answered, the destination did not.
    """

    instrument: str
    hop: str
    source: str
    destination: str
    source_root: str
    destination_root: str
    nights: Sequence[dt.date]
    source_files: int = 0
    planned: int = 0
    planned_bytes: int = 0
    transferred: int = 0
    moved_bytes: int = 0
    seconds: float = 0.0
    failed: Sequence[Failure] = ()
    in_progress: Sequence[bytes] = ()
    kept: Sequence[Failure] = ()
    replaced: Sequence[bytes] = ()
    unreadable: Sequence[Failure] = ()
    stuck: Sequence[Failure] = ()
    unrecognised: Sequence[bytes] = ()
    remarks: Sequence[str] = ()
    postponed: int = 0
    loss: tuple[int, int] | None = None
    markers: tuple[str | None, str | None] = (None, None)
    plan: Sequence[Failure] = ()
    per_night: Mapping[dt.date, NightMoves] = field(default_factory=dict)
    brought_again: Sequence[dt.date] = ()
    engine: str | None = None
    dry_run: bool = False
    source_alone: bool = False
    away_reason: str | None = None
    lock_reason: str | None = None
    unknown_reason: str | None = None
    refused_reason: str | None = None

    @property
    def state(self) -> State:
        """ok: everything asked for is there; different: some failed or were kept; unknown: could not tell."""
        if self.away_reason is not None:
            return State.AWAY
        if self.unknown_reason is not None or self.lock_reason is not None or self.unreadable:
            return State.UNKNOWN
        if self.refused_reason is not None or self.failed or self.kept or self.stuck or self.postponed:
            return State.DIFFERENT
        return State.OK

    @property
    def reason(self) -> str | None:
        """A sentence for every state but ok."""
        if self.state is State.OK:
            return None
        if self.away_reason is not None:
            return self.away_reason
        return self.unknown_reason or self.lock_reason or self.refused_reason or self._reason_from_counts()

    def _first_unreadable(self) -> str:
        return f" ({show(self.unreadable[0].path)}: {self.unreadable[0].reason})" if self.unreadable else ""

    def _reason_from_counts(self) -> str:
        counted = [
            (len(self.unreadable), f"could not be read{self._first_unreadable()}"),
            (len(self.failed), "failed"),
            (len(self.kept), "kept"),
            (len(self.stuck), "damaged or stuck, copied as they are"),
            (self.postponed, "left for the next run"),
        ]
        return ", ".join(f"{count} {words}" for count, words in counted if count)
