"""The files that wait on a hop's source, by name, from one look to the next: which of them nobody has any more.

Counts cannot tell a file that is lost from one that came. What is told of it, and what counts alone tell where no names
are known, is vanished.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.records import Uncarried
from nightferry.expectations import has_steps
from nightferry.retention.holders import freed_on
from nightferry.selection import acceptances
from nightferry.workplace import Workplace
from observatory.listing import ANY_NIGHT, HopScope
from observatory.records import Entry
from observatory.truth import State
from verifier.accepted import Accepted
from verifier.roll import Called, Facts
from verifier.structure import still_short
from verifier.verdict import HopVerdict

MOST = 100_000
"""So many names are kept of a hop; of what waits beyond them the nights' counts tell, as they do of all."""


@dataclass(frozen=True, slots=True)
class Vanished:
    """What became of the files that waited and are called so on neither end any more.

    Attributes
    ----------
    gone : sequence of Uncarried
        Nobody has them, and nobody accepted that.
    renamed : mapping of path to Entry
        What they are called on the source now.
    moved_away : mapping of night to number of files
        Of these, those that are another night's now.
    """

    gone: Sequence[Uncarried] = ()
    renamed: Mapping[bytes, Entry] = field(default_factory=dict)
    moved_away: Mapping[dt.date, int] = field(default_factory=dict)


def are_named(scope: HopScope) -> bool:
    """Say whether what waits on a hop's source is known by name.

    Not where names alone are asked for, as nothing would tell a file under another name; nor where steps put files in
    the place of others, or drives travel one after the other.
    """
    ends = (scope.hop.source, scope.hop.destination)
    changes = any(place.declared.removable or has_steps(scope.hop.instrument, place) for place in ends)
    return not (changes or scope.source.request.names_only)


class UncarriedFiles:
    """The files that waited on a hop's source when it was looked at last, through another look at it.

    Parameters
    ----------
    workplace : Workplace
    scope : HopScope
    began_utc : datetime
        When the look began: what others noted since, it cannot have seen.
    """

    def __init__(self, workplace: Workplace, scope: HopScope, began_utc: dt.datetime) -> None:
        self._workplace, self._scope = workplace, scope
        self._are_named = are_named(scope)
        known = _known(workplace, scope) if self._are_named else ()
        self._known = {file.path: file for file in known if file.since_utc < began_utc}
        self._called, self._lacking = Called(), list[Entry]()

    @property
    def facts(self) -> dict[bytes, Facts]:
        """The files by which a look can tell them."""
        return {path: _facts(file) for path, file in self._known.items()}

    def called(self, called: Called) -> None:
        """Be told what became of them."""
        self._called = called

    def lacking(self, entries: Sequence[Entry]) -> None:
        """Be told what the destination lacks now."""
        self._lacking = list(entries) if self._are_named else []

    def vanished(self, verdict: HopVerdict) -> Vanished:
        """Return what became of those that neither end shows; nothing where a look could not see everything.

        Raises
        ------
        observatory.errors.CouldNotTell
            An end was lost that was there when it was listed.
        """
        if verdict.state not in (State.OK, State.DIFFERENT) or not self._called.absent:
            return Vanished()
        absent = [self._known[path] for path in sorted(self._called.absent)]
        renamed = dict(self._renamed(absent))
        left = [file for file in absent if file.path not in renamed]
        night_of = self._scope.source.night_of
        away = (
            self._known[path].night for path, now in renamed.items() if night_of(now.path) != self._known[path].night
        )
        return Vanished(tuple(self._gone(left)), renamed, Counter(away))

    def _gone(self, absent: Sequence[Uncarried]) -> Iterator[Uncarried]:
        """Yield those that were neither accepted nor freed, and lie nowhere that the instrument's file leaves out."""
        words = Accepted(acceptances(self._workplace, self._scope.hop), self._scope)
        left = set(words.without(file.path for file in absent))
        left -= self._freed({file.night for file in absent}) if left else set()
        left -= paths_there(self._workplace, self._scope, left)
        return (file for file in absent if file.path in left)

    def _freed(self, nights: Collection[dt.date]) -> set[bytes]:
        """Return what prune took from either end: it was proven on others."""
        hop = self._scope.hop
        here, there = (
            freed_on(self._workplace, hop.instrument, place, tuple(nights)) for place in (hop.source, hop.destination)
        )
        return {*here, *(path for one in there if (path := self._scope.source_of(one)) is not None)}

    def _renamed(self, absent: Iterable[Uncarried]) -> Iterator[tuple[bytes, Entry]]:
        """Yield what each of some files is called now: by a name that came since, with its size and its time."""
        since = self._known_since()
        alike = defaultdict[Facts, list[Entry]](list)
        for entry in self._called.alike:
            alike[entry.size_bytes, entry.mtime_s].append(entry)
        for file in absent:
            new = [
                one for one in alike[_facts(file)] if since.get(one.path) is None or since[one.path] > file.since_utc
            ]
            if new:
                alike[_facts(file)].remove(new[0])  # it is one file, and cannot have been two
                yield file.path, new[0]

    def _known_since(self) -> dict[bytes, dt.datetime]:
        """Return since when names are known that are like those of absent files: as waiting, or as carried."""
        hop, paths = self._scope.hop, [entry.path for entry in self._called.alike]
        moved = self._workplace.ledger.moved_when(hop.instrument.instrument, hop.key, paths)
        return moved | {path: self._known[path].since_utc for path in paths if path in self._known}

    def note(self, vanished: Vanished) -> None:
        """Note what waits now, and what waits no more: what was carried, or is called otherwise."""
        no_more = {*self._called.carried, *vanished.renamed}
        _note(self._workplace, self._scope, self._lacking, self._known, no_more)


def note_settled(workplace: Workplace, scope: HopScope, settled: Iterable[Entry]) -> None:
    """Note what a source has, but for young files, and nobody can know to be on its destination: that is down.

    Left out is what we moved. What others brought there is seen to be there by the next look.
    """
    if not are_named(scope):
        return
    hop = scope.hop
    known = {file.path: file for file in _known(workplace, scope)}
    new = [entry for entry in settled if not _is_noted(entry, known)]
    moved = workplace.ledger.moved_when(hop.instrument.instrument, hop.key, [entry.path for entry in new])
    _note(workplace, scope, _whole(workplace, scope, [entry for entry in new if entry.path not in moved]), known)


def _whole(workplace: Workplace, scope: HopScope, entries: Sequence[Entry]) -> list[Entry]:
    """Return those of some files that are not being written, as far as a run and their own headers tell."""
    hop, now_s = scope.hop, workplace.now().timestamp()
    waiting = workplace.ledger.waiting_since(hop.instrument.instrument, hop.key)
    limit_s = hop.instrument.settle_limit_s
    recent = [one.path for one in entries if one.size_bytes and abs(now_s - one.mtime_s) < limit_s]
    growing = still_short(workplace.endpoint(hop.source.host), scope.source.request.root, recent)
    return [one for one in entries if one.path not in growing and one.path not in waiting]


def _note(
    workplace: Workplace,
    scope: HopScope,
    lacking: Iterable[Entry],
    known: Mapping[bytes, Uncarried],
    no_more: Collection[bytes] = (),
) -> None:
    """Note what is new or changed of the files that wait, as many as there is room for, and which wait no more."""
    now, night_of = workplace.now(), scope.source.night_of
    words = Accepted(acceptances(workplace, scope.hop), scope)
    wanted = [entry for entry in lacking if not _is_noted(entry, known)]
    open_paths = set(words.without(entry.path for entry in wanted))
    found = [
        Uncarried(entry.path, night, *_facts_of(entry), known[entry.path].since_utc if entry.path in known else now)
        for entry in wanted
        if entry.path in open_paths and (night := night_of(entry.path)) is not None
    ]
    room = MOST - len(known) + len(no_more)
    name, key = scope.hop.instrument.instrument, scope.hop.key
    newest = sorted(found, key=lambda file: (file.path in known, file.night), reverse=True)
    workplace.ledger.note_uncarried(name, key, newest[: max(0, room)], no_more)


def _is_noted(entry: Entry, known: Mapping[bytes, Uncarried]) -> bool:
    """Say whether a file is known to wait, and looks as it did."""
    return entry.path in known and _facts(known[entry.path]) == _facts_of(entry)


def forget_uncarried(workplace: Workplace, scope: HopScope) -> None:
    """Expect none of the files any more that waited, as a person said; those that are there are noted again."""
    known = _known(workplace, scope)
    workplace.ledger.note_uncarried(scope.hop.instrument.instrument, scope.hop.key, (), [file.path for file in known])


def paths_there(workplace: Workplace, scope: HopScope, paths: Collection[bytes]) -> set[bytes]:
    """Return those of some source paths that are on one end or the other, or could not be looked at."""
    hop, there = scope.hop, set[bytes]()
    for place, asked in (
        (hop.source, {path: path for path in paths}),
        (hop.destination, {scope.target_of(path): path for path in paths}),
    ):
        found = workplace.endpoint(place.host).stat(place.root.encode(), list(asked)) if asked else ()
        there |= {asked[one.path] for one in found if one.size_bytes is not None or one.reason}
    return there


def _known(workplace: Workplace, scope: HopScope) -> tuple[Uncarried, ...]:
    name, key = scope.hop.instrument.instrument, scope.hop.key
    return workplace.ledger.uncarried(name, key, (*scope.nights, ANY_NIGHT))


def _facts(file: Uncarried) -> Facts:
    return file.size_bytes, file.mtime_s


def _facts_of(entry: Entry) -> Facts:
    return entry.size_bytes, entry.mtime_s
