"""Frames that a copy lacks because the hop before it has not brought them yet: they are absent from nowhere.

Pure: works on verdicts of one and the same verification. What becomes of a hop's state is verifier/verdict.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from observatory.listing import HopScope
from observatory.spec.chain import Hop, Place
from verifier.sequence import numbers_of
from verifier.verdict import HopVerdict, SequenceGap

_Place = tuple[str, str, str]
"""Instrument, host and root."""
_Frames = dict[tuple[dt.date, str], set[bytes]]
"""Per night and camera the base names of files."""


@dataclass
class OnTheWay:
    """What each copy is still to be brought, gathered hop by hop along its chain."""

    _awaited: dict[_Place, _Frames] = field(default_factory=dict)

    def passed(self, scope: HopScope, verdict: HopVerdict) -> HopVerdict:
        """Take from a verdict the frame numbers that are on their way to its source; note what its destination awaits.

        A frame that an earlier copy holds, still being written, not yet carried or not readable there, is said of the
        hop that does not carry it. Its night stays open on the hops behind, as it is complete on none of them.
        """
        hop = scope.hop
        awaited = self._awaited.get(_key(hop, hop.source), {})
        there = self._awaited.setdefault(_key(hop, hop.destination), {})
        for key, names in (*awaited.items(), *_held_back(scope, verdict)):
            there.setdefault(key, set()).update(names)
        gaps = (_less_awaited(hop, gap, awaited.get((gap.night, gap.camera), set())) for gap in verdict.sequence_gaps)
        return replace(verdict, sequence_gaps=tuple(gap for gap in gaps if gap.numbers))


def _key(hop: Hop, place: Place) -> _Place:
    return hop.instrument.instrument, place.host, place.root


def _held_back(scope: HopScope, verdict: HopVerdict) -> Iterator[tuple[tuple[dt.date, str], set[bytes]]]:
    unread = (finding.path for finding in verdict.unreadable if finding.on == "source")
    for path in (*verdict.missing, *verdict.in_progress, *unread):
        night, camera = scope.source.night_of(path), scope.source.camera_of(path)
        if night is not None and camera is not None:
            yield (night, camera), {path.rpartition(b"/")[2]}


def _less_awaited(hop: Hop, gap: SequenceGap, names: set[bytes]) -> SequenceGap:
    sequence = hop.instrument.sequence
    if sequence is None or not names:
        return gap
    awaited = numbers_of(sequence.pattern, gap.night, gap.camera, names)
    return replace(gap, numbers=tuple(number for number in gap.numbers if number not in awaited))
