"""A hop after both listings were compared: what is left is opened, judged, and added up to a verdict.

Reads only. Opening files is opened.py's, counting by night by_night.py's; what people have accepted comes in with the
options.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from observatory.counting import clock_words
from observatory.names import show
from observatory.records import Entry
from verifier.accepted import Accepted
from verifier.by_night import blurred_nights, count_nights, names_by_night, open_by_night
from verifier.freed import SinceFreed, of_other_content, of_other_size
from verifier.opened import Ends, Opened, Opening
from verifier.options import CheckOptions
from verifier.sequence import bears_no_number, find_gaps
from verifier.structure import still_short
from verifier.tally import Tally, under_troubles
from verifier.verdict import Finding, HopVerdict, NightCount, SequenceGap

CLOCK_DOUBT_S = 43_200.0
"""Clocks further apart than half a day do not agree on which night it is."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found, by source paths, before anything is taken out that a person accepted.

    Attributes
    ----------
    in_progress, missing, other_size, differing : frozenset of bytes
    opened : Opened
        With what stands for two among the unreadable.
    since : SinceFreed
        What lies on the destination alone, of what was freed on the source.
    unseen : frozenset of bytes
        Of which the destination could not be asked.
    lost : frozenset of bytes
        Freed on the source and not on the destination either: no files of the source any more.
    """

    in_progress: frozenset[bytes]
    missing: frozenset[bytes]
    other_size: frozenset[bytes]
    differing: frozenset[bytes]
    opened: Opened
    since: SinceFreed
    unseen: frozenset[bytes]
    lost: frozenset[bytes]

    @property
    def unanswered(self) -> frozenset[bytes]:
        """Files of the source that could not be compared."""
        return (self.unseen | _paths(self.opened.unreadable)) - self.lost

    @property
    def left_open(self) -> frozenset[bytes]:
        """All that keeps a night from being proven."""
        wrong = self.missing | self.other_size | self.differing | _paths(self.opened.damaged)
        return wrong | self.in_progress | self.unanswered | self.unseen | _paths(self.since.unreadable)


def _paths(found: Iterable[Entry | Finding]) -> frozenset[bytes]:
    return frozenset(one.path for one in found)


class Looked:
    """A hop after both listings were compared."""

    def __init__(self, ends: Ends, options: CheckOptions, tally: Tally) -> None:
        self._ends, self._options, self._tally = ends, options, tally
        self._scope = ends.scope
        self._opening = Opening(ends, options)

    def verdict(self, blank: HopVerdict) -> HopVerdict:
        """Open what the level asks for, and return the verdict."""
        tally, found = self._tally, self._found()
        self._options.on_missing(sorted(found.missing))
        accepted = Accepted(self._options.accepted, self._scope)
        absent, is_unnumbered = self._sequence()
        gaps = accepted.without_gaps(absent)
        source_files, unanswered = sum(tally.source_counts.values()), len(found.unanswered)
        unreadable = (*found.opened.unreadable, *found.since.unreadable, *self._trouble_findings())
        judged = replace(
            blank,
            markers=(self._ends.here.facts.marker, self._ends.there.facts.marker),
            source_files=source_files,
            destination_files=sum(tally.destination_counts.values()),
            compared=source_files - unanswered - len(found.in_progress),
            not_comparable=unanswered,
            missing=accepted.without(found.missing),
            extra=self._extra(),
            size_differs=accepted.without(found.other_size),
            checksum_differs=accepted.without(found.differing),
            damaged=accepted.without_findings(found.opened.damaged),
            unreadable=tuple(sorted(unreadable)),
            in_progress=tuple(sorted(found.in_progress)),
            unrecognised=tuple(sorted({*tally.unrecognised, *tally.links})),
            sequence_gaps=gaps,
            accepted=accepted.counts,
            unknown_reason=self._unknown_reason(),
            is_unnumbered=is_unnumbered,
            unjudged=found.opened.unjudged,
        )
        left_open = found.left_open - accepted.paths
        return replace(judged, per_night=self._per_night(left_open, gaps if blank.gaps_fail else (), accepted.by_night))

    def _per_night(
        self, left_open: Iterable[bytes], gaps: Sequence[SequenceGap], accepted: Mapping[dt.date, int]
    ) -> dict[dt.date, NightCount]:
        still_open = open_by_night(self._scope.source, left_open, gaps, self._blurred())
        return count_nights(self._scope.source, self._tally, still_open, accepted)

    # ---- what was found

    def _found(self) -> _Found:
        tally, kept = self._tally, self._options.kept
        in_progress, absent, size_differs = self._settle()
        self._options.on_lacking(absent)
        opened = self._opening.opened(tally, sorted(_paths(absent)), sorted(_paths(size_differs)))
        opened = replace(opened, unreadable=(*opened.unreadable, *self._opening.doubles(tally.behind_links)))
        lost = self._lost_since_freed()
        cut = of_other_size(kept, tally.sizes_there)
        since = self._changed_since_freed(cut)
        missing, unseen = under_troubles(
            [*absent, *lost, *tally.lost_links], self._ends.there.troubles, self._scope.target_of
        )
        return _Found(
            in_progress=frozenset(in_progress),
            missing=_paths(missing),
            other_size=_paths(size_differs).union(cut),
            differing=opened.checksum_differs | self._differing_links() | since.differing,
            opened=opened,
            since=since,
            unseen=_paths(unseen),
            lost=_paths(lost),
        )

    def _settle(self) -> tuple[list[bytes], list[Entry], list[Entry]]:
        """Move what its own headers promise to be longer from missing to in progress, up to the settle limit."""
        tally = self._tally
        if self._scope.source.request.names_only and tally.missing:
            self._look_at_missing()
        limit = self._scope.hop.instrument.settle_limit_s
        recent = [  # an empty file promises nothing
            entry
            for entry in (*tally.missing, *tally.size_differs)
            if entry.size_bytes and abs(tally.clock_s - entry.mtime_s) < limit and entry.path not in tally.overdue
        ]
        growing = still_short(self._ends.source, self._scope.source.request.root, [entry.path for entry in recent])
        in_progress = [entry.path for entry in tally.young] + sorted(growing)
        missing = [entry for entry in tally.missing if entry.path not in growing]
        return in_progress, missing, [entry for entry in tally.size_differs if entry.path not in growing]

    def _look_at_missing(self) -> None:
        """Where only names were asked for, tell what is young of those that the destination lacks."""
        tally, root = self._tally, self._scope.source.request.root
        found = list(self._ends.source.stat(root, [entry.path for entry in tally.missing]))
        entries = [Entry(facts.path, facts.size_bytes or 0, facts.mtime_s) for facts in found]
        tally.missing = [entry for entry in entries if not tally.is_young(entry)]
        tally.young += [entry for entry in entries if tally.is_young(entry)]

    def _lost_since_freed(self) -> list[Entry]:
        """Return what was freed on the source, the destination lacks now, and nobody else may hold any more."""
        if not self._options.kept:
            return []
        seen = {*self._seen_on_source(), *self._tally.extra}
        return [Entry(path, 0, 0.0) for path in sorted(self._options.kept) if path not in seen]

    def _seen_on_source(self) -> Iterable[bytes]:
        tally = self._tally
        listed = (entry.path for entry in (*tally.missing, *tally.size_differs, *tally.young))
        return (*tally.alike(), *listed)

    def _changed_since_freed(self, cut: Sequence[bytes]) -> SinceFreed:
        """Where contents are asked for, hold what lies on the destination alone against what was freed."""
        if self._options.level != "checksum":
            return SinceFreed()
        paths = sorted(self._tally.sizes_there.keys() - set(cut))
        there = (self._ends.destination, self._scope.destination.request.root)
        return of_other_content(self._options.kept, paths, there, self._scope.target_of)

    def _differing_links(self) -> frozenset[bytes]:
        """Return carried links that point elsewhere there: what a link points to is all its content."""
        return frozenset() if self._options.level == "existence" else _paths(self._tally.changed_links)

    def _extra(self) -> tuple[bytes, ...]:
        """Return what only the destination has; below a source folder that could not be read, nothing is said."""
        if not self._options.reverse:
            return ()
        poisoned = [Entry(path, 0, 0.0) for path in self._tally.extra if path not in self._options.freed]
        clear, _ = under_troubles(poisoned, self._ends.here.troubles)
        return tuple(sorted(_paths(clear)))

    # ---- what could not be looked at

    def _trouble_findings(self) -> list[Finding]:
        sides = (("source", self._ends.here), ("destination", self._ends.there))
        troubles = ((side, trouble) for side, survey in sides for trouble in survey.troubles)
        return [Finding(trouble.path, side, trouble.reason) for side, trouble in troubles if trouble.path]

    def _unknown_reason(self) -> str | None:
        named = ((self._ends.source.name, self._ends.here), (self._ends.destination.name, self._ends.there))
        for name, trouble in ((name, trouble) for name, survey in named for trouble in survey.troubles[:1]):
            what = f"{show(trouble.path)} could not be looked at: " if trouble.path else ""
            return f"{name}: {what}{trouble.reason}"
        return self._clock_doubt() if self._options.nights_by_clock else None

    def _clock_doubt(self) -> str | None:
        """A machine that wakes in another year looks at nights that never were, and finds nothing missing."""
        named = ((self._ends.source.name, self._ends.here.facts), (self._ends.destination.name, self._ends.there.facts))
        for name, facts in named:
            if facts.clock_is_known and abs(facts.clock_ahead_s) > CLOCK_DOUBT_S:
                return (
                    f"{name}: its clock is {clock_words(facts.clock_ahead_s)} this machine's; which nights"
                    f" are the last cannot be told. Set the clocks (chrony or ntpd), or name the nights with -d"
                )
        return None

    # ---- frame numbers

    def _sequence(self) -> tuple[tuple[SequenceGap, ...], bool]:
        """Return the absent frame numbers, and whether there are files of which none bears any number."""
        sequence = self._scope.hop.instrument.sequence
        if sequence is None:
            return (), False
        names = names_by_night(self._scope.source, (*self._seen_on_source(), *self._options.freed))
        blurred = self._blurred()
        gaps = find_gaps(sequence, {key: found for key, found in names.items() if key[0] not in blurred})
        return gaps, bears_no_number(sequence, names)

    def _blurred(self) -> set[dt.date]:
        return blurred_nights(self._scope.source, self._ends.here.troubles)
