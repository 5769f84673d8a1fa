"""What a verification says of one hop: plain data, with every count that its state rests on.

The state is derived here and nowhere else, so that text, mail, JSON and exit status agree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from observatory.names import show
from observatory.truth import State


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One file with something to say about it.

    Attributes
    ----------
    path : bytes
        Relative to the source root.
    on : str
        ``source`` or ``destination``.
    reason : str
    """

    path: bytes
    on: str
    reason: str


@dataclass(frozen=True, slots=True)
class SequenceGap:
    """Frame numbers absent in one night of one camera on the source, ascending."""

    night: dt.date
    camera: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NightCount:
    """What one night of a hop showed.

    Attributes
    ----------
    source_files, destination_files : int
        Files of the specification's patterns.
    open_files : int
        Source files not shown to be on the destination at the level asked: missing, different, damaged, not
        comparable or in progress; and the frame numbers absent where those fail. The night is proven where this
        is 0 and the state is not unknown.
    accepted_files : int
        Files and frame numbers that would be open, had a person not accepted them.
    extra_files : int
        Of `destination_files` those that the source does not have.
    """

    source_files: int = 0
    destination_files: int = 0
    open_files: int = 0
    accepted_files: int = 0
    extra_files: int = 0

    @property
    def files(self) -> int:
        """Files that one end or the other has."""
        return self.source_files + self.extra_files


@dataclass(frozen=True, slots=True)
class HopVerdict:
    """One hop, looked at from both ends; all lists ascend.

    `compared` counts the source files whose question at `level` was answered (missing ones too);
    ``source_files == compared + not_comparable + len(in_progress)``. `unknown_reason` is a sentence for
    whatever cannot be said of single files (host down, root not proven); with it the hop is unknown.
    `markers` are the ids that source and destination bear; `gone` counts, by night, what earlier looks saw and
    is on neither end now: two listings that agree cannot show it; `gone_files` names those of them that are known by
    name, `renames` what is taken for one of them under another name. `accepted` counts what a person has
    accepted, per reason; those are in no other list. `source_alone`: the source answered, the destination did not.
    `is_unnumbered`: frame numbers were looked for, and not one of the files bears one. `unjudged`: so many source files
    are of no format that level structure can judge, and were compared by size alone.
    """

    instrument: str
    hop: str
    source: str
    destination: str
    source_root: str
    destination_root: str
    level: str
    nights: Sequence[dt.date]
    source_files: int = 0
    destination_files: int = 0
    compared: int = 0
    not_comparable: int = 0
    missing: Sequence[bytes] = ()
    extra: Sequence[bytes] = ()
    size_differs: Sequence[bytes] = ()
    checksum_differs: Sequence[bytes] = ()
    damaged: Sequence[Finding] = ()
    unreadable: Sequence[Finding] = ()
    in_progress: Sequence[bytes] = ()
    unrecognised: Sequence[bytes] = ()
    sequence_gaps: Sequence[SequenceGap] = ()
    gaps_fail: bool = True
    accepted: Mapping[str, int] = field(default_factory=dict)
    away_reason: str | None = None
    unknown_reason: str | None = None
    per_night: Mapping[dt.date, NightCount] = field(default_factory=dict)
    markers: tuple[str | None, str | None] = (None, None)
    gone: Mapping[dt.date, int] = field(default_factory=dict)
    gone_files: Sequence[bytes] = ()
    renames: Mapping[bytes, bytes] = field(default_factory=dict)
    source_alone: bool = False
    is_unnumbered: bool = False
    unjudged: int = 0

    @property
    def state(self) -> State:
        """The hop's state by the rules of the interface: unknown, else away, else different, else ok."""
        if self.away_reason is not None:
            return State.AWAY
        if self.unknown_reason is not None or self.not_comparable or self.unreadable:
            return State.UNKNOWN
        return State.DIFFERENT if self._differs() else State.OK

    def _differs(self) -> bool:
        lists = (self.missing, self.extra, self.size_differs, self.checksum_differs, self.damaged)
        return any(lists) or (self.gaps_fail and bool(self.sequence_gaps))

    @property
    def reason(self) -> str | None:
        """A sentence for every state but ok."""
        state = self.state
        if state is State.OK:
            return None
        if state is State.AWAY:
            return self.away_reason
        return self.unknown_reason or self._reason_from_counts()

    def _first_unreadable(self) -> str:
        return f" ({show(self.unreadable[0].path)}: {self.unreadable[0].reason})" if self.unreadable else ""

    def _reason_from_counts(self) -> str:
        gaps = sum(len(gap.numbers) for gap in self.sequence_gaps) if self.gaps_fail else 0
        unread = {finding.path for finding in self.unreadable}
        counted = [
            (max(0, self.not_comparable - len(unread)), "could not be compared"),
            (len(unread), f"could not be read{self._first_unreadable()}"),
            (len(self.missing), "missing"),
            (len(self.size_differs), "of other size"),
            (len(self.checksum_differs), "of other content"),
            (len(self.damaged), "damaged"),
            (gaps, "frame numbers absent"),
            (len(self.extra), "only on the destination"),
        ]
        return ", ".join(f"{count} {words}" for count, words in counted if count)
