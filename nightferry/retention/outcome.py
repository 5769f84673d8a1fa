"""What became of freeing space: plain data, little for each file.

Deciding and doing is pruning.py's, the words are pruned.py's.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from observatory.spec.chain import Place
from observatory.truth import State
from syncer.prune import Freeable, Stay


@dataclass(frozen=True, slots=True)
class Going:
    """A file that may go or went, and the copies that prove it; little more, as there may be a million."""

    path: bytes
    size_bytes: int
    sha256: str
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Staying:
    """A file that stays, and why."""

    path: bytes
    reason: str


@dataclass
class NightPruned:
    """One night on one copy: what may go or went, and what stays."""

    night: dt.date
    may_go: list[Going] = field(default_factory=list)
    gone: list[Going] = field(default_factory=list)
    stays: list[Staying] = field(default_factory=list)
    failed: list[Staying] = field(default_factory=list)


def going(files: Iterable[Freeable]) -> list[Going]:
    """Return what is told of files that may go or went."""
    return [
        Going(
            one.candidate.path,
            one.candidate.looked.size_bytes or 0,
            one.sha256,
            tuple(witness.copy.name for witness in one.witnesses),
        )
        for one in files
    ]


def staying(files: Iterable[Stay]) -> list[Staying]:
    """Return what is told of files that stay; a reason that a night's files share is kept once."""
    return [Staying(one.candidate.path, sys.intern(one.reason)) for one in files]


@dataclass
class PlacePruned:
    """One copy: its nights, and why nothing can be said of it, or why nothing of it goes.

    Attributes
    ----------
    instrument : str
    place : Place
    nights : list of NightPruned
        Ascending.
    kept_nights : list of date
        Whose time has not come.
    reason : str or None
        Why nothing of it is freed, whatever it holds.
    unknown : list of str
        What could not be looked at: a host, a root, a copy.
    notes : list of str
        What was put back after a run that died.
    proofs : list of Path
    """

    instrument: str
    place: Place
    nights: list[NightPruned] = field(default_factory=list)
    kept_nights: list[dt.date] = field(default_factory=list)
    reason: str | None = None
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    proofs: list[Path] = field(default_factory=list)

    @property
    def state(self) -> State:
        """Unknown where something could not be looked at, different where a file did not go as planned."""
        if self.unknown:
            return State.UNKNOWN
        return State.DIFFERENT if any(night.failed for night in self.nights) else State.OK
