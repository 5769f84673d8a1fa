"""Verify one hop: list both ends afresh, compare, and look deeper where the level asks for it.

Reads only; knows nothing of our own records. Nights, accepted losses and the words for a host that is
away come in as arguments; reports say the result.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from observatory.asking import asking
from observatory.compare import merge
from observatory.counting import clock_words
from observatory.endpoints.contract import Hashed, Look, Survey, SurveyRequest
from observatory.ends import (
    ask_both,
    excuse,
    is_source_alone,
    new_root_words,
    prove_both,
    with_remedies,
)
from observatory.errors import CouldNotTell
from observatory.listing import ANY_NIGHT, HopScope
from observatory.names import show
from observatory.records import Entry, RecordError
from observatory.sharing import refuse_listed_twice, refuse_shared_folders, stands_for_two
from verifier.accepted import Accepted
from verifier.fixity import OnHashed, differing_contents, tell_nobody
from verifier.freed import SinceFreed, of_other_content, of_other_size
from verifier.options import CheckOptions, HashedPair
from verifier.roll import RollCall
from verifier.sequence import bears_no_number, find_gaps
from verifier.structure import find_damage, still_short
from verifier.tally import Tally, is_below, under_troubles
from verifier.verdict import Finding, HopVerdict, NightCount, SequenceGap

CLOCK_DOUBT_S = 43_200.0
"""Clocks further apart than half a day do not agree on which night it is."""

Listings = Future[tuple[Survey, Survey]]
"""Both listings of a hop, on their way."""
Ask = Callable[[SurveyRequest], Survey]
"""Lists one end, as `Look.survey` does."""


@contextmanager
def listings_of(
    scope: HopScope, source: Look, destination: Look, asks: tuple[Ask, Ask] | None = None
) -> Iterator[Listings]:
    """Begin both listings; they go on while the caller makes ready what `check` needs besides.

    Parameters
    ----------
    asks : pair of callable, optional
        List the two ends in the place of their own `survey`.
    """
    here, there = asks or (source.survey, destination.survey)
    with ExitStack() as begun, asking((source, destination), 1, "listings") as pool:
        listings = pool.submit(ask_both, lambda: here(scope.source.request), lambda: there(scope.destination.request))
        begun.callback(_close_both, listings)
        yield listings


def _close_both(listings: Listings) -> None:
    if not listings.cancelled() and listings.exception() is None:
        for survey in listings.result():
            survey.close()


def check(
    scope: HopScope, source: Look, destination: Look, options: CheckOptions, listings: Listings | None = None
) -> HopVerdict:
    """Verify one hop and return its verdict; never raises for what a far end does.

    Parameters
    ----------
    listings : future, optional
        From `listings_of`, where they were begun early.
    """
    if listings is None:
        with listings_of(scope, source, destination) as begun:
            return check(scope, source, destination, options, begun)
    blank = _blank(scope, source, destination, options)
    try:
        return _look(scope, source, destination, options, blank, *listings.result())
    except (CouldNotTell, RecordError) as error:
        blank = replace(blank, source_alone=is_source_alone(error))
        excused = excuse(options.expected, error)
        if excused:
            return replace(blank, away_reason=excused)
        return replace(blank, unknown_reason=str(with_remedies(error, options.expected, _if_new(scope))))


def _if_new(scope: HopScope) -> str:
    """Return how a new destination is begun; one that others fill is not by us."""
    place = scope.hop.destination
    return new_root_words(place.host, place.root) if place.declared.fill is None else ""


def _blank(scope: HopScope, source: Look, destination: Look, options: CheckOptions) -> HopVerdict:
    return HopVerdict(
        instrument=scope.hop.instrument.instrument,
        hop=scope.hop.key,
        source=source.name,
        destination=destination.name,
        source_root=scope.hop.source.root.rstrip("/") + "/",
        destination_root=scope.hop.destination.root.rstrip("/") + "/",
        level=options.level,
        nights=scope.nights,
        gaps_fail=scope.hop.instrument.sequence is None or scope.hop.instrument.sequence.gaps == "fail",
    )


def _look(
    scope: HopScope,
    source: Look,
    destination: Look,
    options: CheckOptions,
    blank: HopVerdict,
    here: Survey,
    there: Survey,
) -> HopVerdict:
    roots = (scope.hop.source.root, scope.hop.destination.root)
    prove_both((here.facts, there.facts), (source.name, destination.name), roots, options.expected)
    refuse_shared_folders(scope, source, destination)
    tally = Tally(
        scope,
        scope.hop.instrument.settle_s,
        here.facts.clock_s,
        by_size=options.level != "existence",
        keep_same=_keeps_names(options) or scope.hop.instrument.sequence is not None,
        overdue=options.overdue,
        not_due=options.not_due,
        by_time=options.is_joined,
        watched=() if scope.source.request.names_only else options.kept,
    )
    names_there = scope.in_source_names(scope.destination.asked_about(there))
    roll = RollCall(tally, options.uncarried)
    merge(scope.source.asked_about(here), names_there, roll if options.uncarried else tally)
    refuse_listed_twice(scope, here, there, destination)
    options.on_called(roll.called())
    look = _Looked(scope, source, destination, options, tally, here, there)
    return look.verdict(blank)


def _keeps_names(options: CheckOptions) -> bool:
    return options.level in ("checksum", "structure") or bool(options.kept)


@dataclass(frozen=True, slots=True)
class _Deep:
    """What opening files showed; source paths."""

    checksum_differs: frozenset[bytes] = frozenset()
    damaged: tuple[Finding, ...] = ()
    unreadable: tuple[Finding, ...] = ()
    unjudged: int = 0


class _Looked:
    """A hop after both listings: judges what is left and adds it up."""

    def __init__(
        self,
        scope: HopScope,
        source: Look,
        destination: Look,
        options: CheckOptions,
        tally: Tally,
        here: Survey,
        there: Survey,
    ) -> None:
        self._scope, self._options, self._tally = scope, options, tally
        self._source, self._destination = source, destination
        self._here, self._there = here, there

    def verdict(self, blank: HopVerdict) -> HopVerdict:
        tally = self._tally
        in_progress, missing, size_differs = self._settle()
        self._options.on_lacking(missing)
        deep = self._deeper([entry.path for entry in missing], [entry.path for entry in size_differs])
        deep = replace(deep, unreadable=(*deep.unreadable, *self._doubles()))
        lost = self._lost_since_freed()
        cut = of_other_size(self._options.kept, tally.sizes_there)
        since = self._changed_since_freed(cut)
        missing, unseen = under_troubles(
            [*missing, *lost, *tally.lost_links], self._there.troubles, self._scope.target_of
        )
        self._options.on_missing([entry.path for entry in missing])
        accepted = Accepted(self._options.accepted, self._scope)
        source_files = sum(tally.source_counts.values())
        unanswered = {entry.path for entry in unseen} | {finding.path for finding in deep.unreadable}
        unanswered -= {entry.path for entry in lost}  # no files of the source any more: not among those compared
        differing = deep.checksum_differs | self._differing_links() | since.differing
        other_size = {*(entry.path for entry in size_differs), *cut}
        open_paths = {
            *(entry.path for entry in missing),
            *other_size,
            *(finding.path for finding in since.unreadable),
            *in_progress,
            *differing,
            *unanswered,
            *(entry.path for entry in unseen),
            *(finding.path for finding in deep.damaged),
        }
        found, is_unnumbered = self._sequence()
        gaps = accepted.without_gaps(found)
        return replace(
            blank,
            markers=(self._here.facts.marker, self._there.facts.marker),
            source_files=source_files,
            destination_files=sum(tally.destination_counts.values()),
            compared=source_files - len(unanswered) - len(in_progress),
            not_comparable=len(unanswered),
            missing=accepted.without(entry.path for entry in missing),
            extra=self._extra(),
            size_differs=accepted.without(other_size),
            checksum_differs=accepted.without(differing),
            damaged=accepted.without_findings(deep.damaged),
            unreadable=tuple(sorted([*deep.unreadable, *since.unreadable, *self._trouble_findings()])),
            in_progress=tuple(sorted(in_progress)),
            unrecognised=tuple(sorted({*tally.unrecognised, *self._unfollowed()})),
            sequence_gaps=gaps,
            accepted=accepted.counts,
            unknown_reason=self._unknown_reason(),
            is_unnumbered=is_unnumbered,
            unjudged=deep.unjudged,
            per_night=self._per_night(open_paths - accepted.paths, gaps if blank.gaps_fail else (), accepted.by_night),
        )

    def _lost_since_freed(self) -> list[Entry]:
        """Return what was freed on the source, the destination lacks now, and nobody else may hold any more."""
        if not self._options.kept:
            return []
        tally = self._tally
        listed = (entry.path for entry in (*tally.missing, *tally.size_differs, *tally.young))
        seen = {*tally.alike(), *tally.extra, *listed}
        return [Entry(path, 0, 0.0) for path in sorted(self._options.kept) if path not in seen]

    def _changed_since_freed(self, cut: Sequence[bytes]) -> SinceFreed:
        """Where contents are asked for, hold what lies on the destination alone against what was freed."""
        if self._options.level != "checksum":
            return SinceFreed()
        paths = sorted(self._tally.sizes_there.keys() - set(cut))
        there = (self._destination, self._scope.destination.request.root)
        return of_other_content(self._options.kept, paths, there, self._scope.target_of)

    def _differing_links(self) -> frozenset[bytes]:
        """Return carried links that point elsewhere there: what a link points to is all its content."""
        if self._options.level == "existence":
            return frozenset()
        return frozenset(entry.path for entry in self._tally.changed_links)

    def _look_at_missing(self) -> None:
        """Where only names were asked for, tell what is young of those that the destination lacks."""
        tally, root = self._tally, self._scope.source.request.root
        found = list(self._source.stat(root, [entry.path for entry in tally.missing]))
        entries = [Entry(facts.path, facts.size_bytes or 0, facts.mtime_s) for facts in found]
        tally.missing = [entry for entry in entries if not tally.is_young(entry)]
        tally.young += [entry for entry in entries if tally.is_young(entry)]

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
        growing = still_short(self._source, self._scope.source.request.root, [entry.path for entry in recent])
        in_progress = [entry.path for entry in tally.young] + sorted(growing)
        missing = [entry for entry in tally.missing if entry.path not in growing]
        return in_progress, missing, [entry for entry in tally.size_differs if entry.path not in growing]

    def _deeper(self, alone: Sequence[bytes], differing: Sequence[bytes]) -> _Deep:
        """Open what is alike; at level structure also what is on the source `alone`, and both of `differing` size."""
        if self._options.level == "checksum":
            return self._contents(sorted(self._tally.alike()), self._tell_hashed)
        told = self._contents(self._tally.of_other_time)
        if self._options.level != "structure":
            return told
        found = self._damage(alone, sorted([*self._tally.alike(), *differing]))
        return replace(
            found,
            unreadable=tuple(sorted({*found.unreadable, *told.unreadable})),
            checksum_differs=told.checksum_differs,
        )

    def _contents(self, paths: Sequence[bytes], on_hashed: OnHashed = tell_nobody) -> _Deep:
        """Hash files on both sides."""
        targets = [self._scope.target_of(path) for path in paths]
        here = (self._source, self._scope.source.request.root, paths)
        there = (self._destination, self._scope.destination.request.root, targets)
        answer = differing_contents(here, there, self._options.progress, on_hashed)
        return _Deep(checksum_differs=answer.differing, unreadable=answer.unreadable)

    def _damage(self, alone: Sequence[bytes], both: Sequence[bytes]) -> _Deep:
        """Ask of files whether they are whole: of those of `both` sides on either."""
        source, destination = (end.request.root for end in (self._scope.source, self._scope.destination))
        progress = self._options.progress
        here = find_damage(self._source, source, sorted([*both, *alone]), "source", progress)
        targets = {self._scope.target_of(path): path for path in both}
        there = find_damage(self._destination, destination, list(targets), "destination", progress)
        back = [replace(finding, path=targets[finding.path]) for finding in there.damaged]
        unread = [replace(finding, path=targets[finding.path]) for finding in there.unreadable]
        return _Deep(
            damaged=tuple(sorted([*here.damaged, *back])),
            unreadable=tuple(sorted([*here.unreadable, *unread])),
            unjudged=here.unjudged,
        )

    def _doubles(self) -> list[Finding]:
        """Return the files whose place on the destination is that of another one, too: there is one file for two."""
        found = stands_for_two(self._scope, self._source, self._destination, self._tally.behind_links)
        return [
            Finding(path, "destination", f"its place is behind a link, and is that of {show(other)} as well")
            for path, other in found.items()
        ]

    def _tell_hashed(self, here: Sequence[Hashed], there: Sequence[Hashed]) -> None:
        self._options.on_hashed(HashedPair((self._here.facts, self._there.facts), here, there))

    def _extra(self) -> tuple[bytes, ...]:
        """Return what only the destination has; below a source folder that could not be read, nothing is said."""
        if not self._options.reverse:
            return ()
        poisoned = [Entry(path, 0, 0.0) for path in self._tally.extra if path not in self._options.freed]
        clear, _ = under_troubles(poisoned, self._here.troubles)
        return tuple(sorted(entry.path for entry in clear))

    def _trouble_findings(self) -> list[Finding]:
        sides = (("source", self._here.troubles), ("destination", self._there.troubles))
        return [
            Finding(trouble.path, side, trouble.reason)
            for side, troubles in sides
            for trouble in troubles
            if trouble.path
        ]

    def _unknown_reason(self) -> str | None:
        for name, troubles in (
            (self._source.name, self._here.troubles),
            (self._destination.name, self._there.troubles),
        ):
            for trouble in troubles:
                if not trouble.path:
                    return f"{name}: {trouble.reason}"
                return f"{name}: {show(trouble.path)} could not be looked at: {trouble.reason}"
        return self._clock_doubt() if self._options.nights_by_clock else None

    def _clock_doubt(self) -> str | None:
        """A machine that wakes in another year looks at nights that never were, and finds nothing missing."""
        for name, facts in ((self._source.name, self._here.facts), (self._destination.name, self._there.facts)):
            if facts.clock_is_known and abs(facts.clock_ahead_s) > CLOCK_DOUBT_S:
                return (
                    f"{name}: its clock is {clock_words(facts.clock_ahead_s)} this machine's; which nights"
                    f" are the last cannot be told. Set the clocks (chrony or ntpd), or name the nights with -d"
                )
        return None

    def _unfollowed(self) -> list[bytes]:
        return self._tally.links

    def _sequence(self) -> tuple[tuple[SequenceGap, ...], bool]:
        """Return the absent frame numbers, and whether there are files of which none bears any number."""
        sequence = self._scope.hop.instrument.sequence
        if sequence is None:
            return (), False
        names = self._names()
        blurred = self._blurred_nights()
        gaps = find_gaps(sequence, {key: found for key, found in names.items() if key[0] not in blurred})
        return gaps, bears_no_number(sequence, names)

    def _names(self) -> dict[tuple[dt.date, str], list[bytes]]:
        """Return the names of the source's files, and of those that were freed there, by night and camera."""
        names: dict[tuple[dt.date, str], list[bytes]] = {}
        tally = self._tally
        listed = (entry.path for entry in (*tally.missing, *tally.size_differs, *tally.young))
        for path in (*tally.alike(), *listed, *self._options.freed):
            night, camera = self._scope.source.night_of(path), self._scope.source.camera_of(path)
            if night is not None and night != ANY_NIGHT and camera is not None:
                names.setdefault((night, camera), []).append(path.rpartition(b"/")[2])
        return names

    def _blurred_nights(self) -> set[dt.date]:
        """Return nights of which the source could not show all: a number not seen there is not known to be absent."""
        folders, troubles = self._scope.source.folders, [trouble.path for trouble in self._here.troubles]
        hit = {
            date
            for folder, (date, _) in folders.items()
            for path in troubles
            if folder == b"." or is_below(folder, path) or is_below(path, folder)
        }
        by_name = self._scope.source.by_name is not None
        return set(self._scope.nights) if hit and by_name else hit

    def _per_night(
        self, open_paths: set[bytes], gaps: Sequence[SequenceGap], accepted: Mapping[dt.date, int]
    ) -> dict[dt.date, NightCount]:
        still_open = dict.fromkeys(self._blurred_nights(), 1)
        for gap in gaps:
            still_open[gap.night] = still_open.get(gap.night, 0) + len(gap.numbers)
        for path in open_paths:
            night = self._scope.source.night_of(path) or dt.date.min
            still_open[night] = still_open.get(night, 0) + 1
        tally = self._tally
        extra = Counter(map(self._scope.source.night_of, tally.extra))
        nights = sorted({*tally.source_counts, *tally.destination_counts, *still_open})
        return {
            night: NightCount(
                tally.source_counts.get(night, 0),
                tally.destination_counts.get(night, 0),
                still_open.get(night, 0),
                accepted.get(night, 0),
                extra[night],
            )
            for night in nights
        }
