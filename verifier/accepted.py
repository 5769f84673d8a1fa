"""What a person has accepted as known, taken out of the lists and counted by reason.

Pure. Who accepted what is kept by the catalogue and comes in as plain data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from observatory.listing import EVERYWHERE, HopScope, name_of
from verifier.verdict import Finding, SequenceGap


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One thing that a person has said is known.

    Attributes
    ----------
    night : date
    reason : str
    frames : frozenset of int
        Frame numbers that may be absent.
    files : frozenset of bytes
        Files that may be missing, differ or be damaged: after `EVERYWHERE` the name that one has on every copy. Paths
        relative to the source root and base names, as earlier versions noted them, are taken too.
    whole_night : bool
        Neither frames nor files were named: whatever that night shows is known.
    """

    night: dt.date
    reason: str
    frames: frozenset[int] = frozenset()
    files: frozenset[bytes] = frozenset()

    @property
    def whole_night(self) -> bool:
        """Whether the whole night is meant."""
        return not self.frames and not self.files


def is_accepted(acceptances: Sequence[Acceptance], scope: HopScope, path: bytes) -> bool:
    """Say whether a person has accepted what one source path shows."""
    return bool(acceptances) and not Accepted(acceptances, scope).without([path])


def places_of(scope: HopScope, night: dt.date, file: bytes) -> frozenset[bytes]:
    """Return the source paths that one file of a night may have, as it was accepted."""
    word = (Acceptance(night, "", files=frozenset({file})),)
    below = file[len(EVERYWHERE) :].partition(b"/")[2] if file.startswith(EVERYWHERE) else file
    paths = {below, *(folder + b"/" + below for folder in scope.source.folders if folder != b".")}
    return frozenset(path for path in paths if is_accepted(word, scope, path))


class Accepted:
    """The acceptances of one hop: takes findings out and counts them.

    Attributes
    ----------
    counts : dict of reason to int
    paths : set of bytes
        Every path taken out so far.
    by_night : dict of date to int
        How many were taken out of each night.
    """

    def __init__(self, acceptances: Sequence[Acceptance], scope: HopScope) -> None:
        self._acceptances, self._scope = acceptances, scope
        self.counts: dict[str, int] = {}
        self.paths: set[bytes] = set()
        self.by_night: dict[dt.date, int] = {}

    def without(self, paths: Iterable[bytes]) -> tuple[bytes, ...]:
        """Return the paths that nobody has accepted, ascending; count the others."""
        return tuple(sorted(path for path in paths if not self._take(path)))

    def without_findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings that nobody has accepted; count the others."""
        return tuple(finding for finding in findings if not self._take(finding.path))

    def without_gaps(self, gaps: Iterable[SequenceGap]) -> tuple[SequenceGap, ...]:
        """Return the gaps with the numbers that nobody has accepted; count the others."""
        kept = (
            replace(gap, numbers=tuple(n for n in gap.numbers if not self._take_frame(gap.night, n))) for gap in gaps
        )
        return tuple(gap for gap in kept if gap.numbers)

    def _take(self, path: bytes) -> bool:
        if not self._acceptances:
            return False
        night, names = self._scope.source.night_of(path), self._names(path)
        for acceptance in self._acceptances:
            if acceptance.night == night and (acceptance.whole_night or names & acceptance.files):
                if path not in self.paths:  # damaged on both sides, or damaged and missing: one file all the same
                    self._count(acceptance)
                self.paths.add(path)
                return True
        return False

    def _names(self, path: bytes) -> frozenset[bytes]:
        """Return all that a path may be noted as."""
        named = name_of(self._scope.source, path)
        return frozenset({path, path.rpartition(b"/")[2], *([EVERYWHERE + named[1]] if named else [])})

    def _take_frame(self, night: dt.date, number: int) -> bool:
        for acceptance in self._acceptances:
            if acceptance.night == night and (acceptance.whole_night or number in acceptance.frames):
                self._count(acceptance)
                return True
        return False

    def _count(self, acceptance: Acceptance) -> None:
        self.counts[acceptance.reason] = self.counts.get(acceptance.reason, 0) + 1
        self.by_night[acceptance.night] = self.by_night.get(acceptance.night, 0) + 1
