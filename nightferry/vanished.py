"""What was seen and is no more: on a destination that came back as it was weeks ago, or on both ends at once.

What a destination lost in the window is carried again and would pass in silence, though the older nights, at which
nobody looks, may have gone with it; of what is on neither end, carried or not, two listings say nothing. Which of the
files that waited are gone by name uncarried.py says. A disk with another marker is runs.py's, a source that lost most
of its files observatory/ends.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from catalogue.records import HopNight, NightRecord, NightState
from nightferry.expectations import has_steps
from nightferry.retention.holders import freed_on
from nightferry.runs import Run, onward_of
from nightferry.selection import Asked, acceptances, hops_asked
from nightferry.uncarried import Vanished, forget_uncarried, paths_there
from nightferry.workplace import Workplace
from observatory.counting import counted, is_or_are, shortened
from observatory.listing import ANY_NIGHT, HopScope
from observatory.names import show
from observatory.nights import night_text
from observatory.spec.chain import Hop, Place, hops
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome, NightMoves
from verifier.accepted import Acceptance, places_of
from verifier.verdict import HopVerdict, NightCount

MOST_NAMED = 3
"""So many names stand in a sentence."""

Named = tuple[dt.date, bytes]
"""A night, and a file of it as it was accepted."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of a hop's nights before a look at it: others may note something while it goes on.

    Attributes
    ----------
    began_utc : datetime
        When the look began.
    nights : mapping of night to HopNight
    least : mapping of night to number of files
        What the two ends together should still hold at least.
    """

    began_utc: dt.datetime
    nights: Mapping[dt.date, HopNight]
    least: Mapping[dt.date, int]

    def less(self, moved_away: Mapping[dt.date, int]) -> Before:
        """Return the same without files that are another night's since."""
        least = {night: files - moved_away.get(night, 0) for night, files in self.least.items()}
        return replace(self, least=least)


def known_before(workplace: Workplace, scope: HopScope, began_utc: dt.datetime) -> Before:
    """Return what is known of a hop's nights, to be asked before anything of a look that began then is noted."""
    name, key = scope.hop.instrument.instrument, scope.hop.key
    known = workplace.ledger.hop_nights(name, key, (*scope.nights, ANY_NIGHT))
    waiting = workplace.ledger.waiting_since(name, key)
    return Before(began_utc, {one.night: one for one in known}, _least(scope, known, waiting))


def _least(scope: HopScope, known: Iterable[HopNight], waiting: Iterable[bytes]) -> dict[dt.date, int]:
    """Return, by night, how many files the two ends of a hop together should still hold at least.

    Of a proven night all that were seen; of another less what was in progress, for of files that are being written
    some never stay. Of the others none where steps put other files in the place of those that were there, or where
    drives travel one after the other.
    """
    ends = (scope.hop.source, scope.hop.destination)
    changes = _has_steps(scope.hop) or any(place.declared.removable for place in ends)
    may_vanish = Counter(map(scope.source.night_of, waiting))
    return {
        one.night: one.source_files - (0 if one.state is NightState.PROVEN else may_vanish[one.night])
        for one in known
        if one.state is NightState.PROVEN or not changes
    }


def _has_steps(hop: Hop) -> bool:
    return any(has_steps(hop.instrument, place) for place in (hop.source, hop.destination))


def brought_again(workplace: Workplace, scope: HopScope, before: Before, outcome: HopOutcome) -> tuple[dt.date, ...]:
    """Return the proven nights of which the same disk had lost more than half when it was looked at, ascending."""
    proven = {night: one for night, one in before.nights.items() if one.state is NightState.PROVEN}
    if not proven or not _is_same_disk(workplace, scope.hop.destination, outcome.markers[1]):
        return ()
    replaced = Counter(map(scope.source.night_of, outcome.replaced))
    looked = {night: moves for night, moves in outcome.per_night.items() if night in proven and night != ANY_NIGHT}
    delivered = _delivered(workplace, scope.hop, tuple(looked))  # a drive that was emptied then has lost nothing
    return tuple(
        night
        for night, moves in sorted(looked.items())
        if not delivered[night] and was_lost(proven[night], moves, replaced[night])
    )


def was_lost(proven: HopNight, moves: NightMoves, replaced: int) -> bool:
    """Say whether more than half of what was proven of a night was there no more, and had to be carried anew. Pure.

    A night that grew, whose files were changed, or that its source was cleared of has lost nothing there.
    """
    held = proven.source_files - proven.open_files
    found = moves.source_files - moves.open_files - moves.moved_files
    return found * 2 < held < (moves.moved_files - replaced) * 2


def gone_from_both(
    workplace: Workplace, scope: HopScope, least: Mapping[dt.date, int], verdict: HopVerdict, vanished: Vanished
) -> dict[dt.date, int]:
    """Return, by night, how many files earlier runs saw that are on neither end now.

    Somebody cleared the source before they were carried, or a program that mirrors it brought its losses to the
    archive too. What was freed on the destination, and what a drive has delivered, lies farther on: the next hop tells
    what becomes of it. Nothing is said of what a person has accepted. What is known by name to be gone is, however many
    files came; what counts alone tell may be more.

    Parameters
    ----------
    least : mapping of night to number of files
        Of `Before`.
    """
    if verdict.state not in (State.OK, State.DIFFERENT) or _has_steps(scope.hop):
        return {}
    nothing = NightCount()
    held = {night: verdict.per_night.get(night, nothing).files for night in (*scope.nights, ANY_NIGHT)}
    before = {night: files for night, (_, files) in _proven_before(workplace, scope).items()}
    wanted = {night: max(least.get(night, 0), before.get(night, 0)) for night in held}
    lacking = {night: wanted[night] - files for night, files in held.items() if files < wanted[night]}
    counted_gone = Counter(_unexplained(workplace, scope, lacking) if lacking else {})
    return dict(counted_gone | Counter(file.night for file in vanished.gone))


def _proven_before(workplace: Workplace, scope: HopScope) -> dict[dt.date, tuple[str, int]]:
    """Return what was proven on a hop's destination over hops that are declared no more, with those, by night.

    A copy was put between two others, or taken from between them. Nothing where not all files travel over this hop.
    """
    hop = scope.hop
    if hop.destination.declared.removable or hop.cameras.keys() != hop.instrument.cameras.keys():
        return {}
    ending = f":{hop.destination.name}{hop.key[len(hop.name) :]}"
    declared = [one.key for one in hops(hop.instrument)]
    return workplace.ledger.proven_before(hop.instrument.instrument, ending, declared, (*scope.nights, ANY_NIGHT))


def forget_before(workplace: Workplace, run: Run, scope: HopScope) -> None:
    """Expect no more, as a person said, what waited on a hop's source, nor what was proven before it was declared."""
    forget_uncarried(workplace, scope)
    while before := _proven_before(workplace, scope):  # several hops may have led there
        for night, (key, _) in before.items():
            nothing = {night: NightRecord(source_files=0)}
            workplace.ledger.record_nights(run.id, scope.hop.instrument.instrument, key, nothing, workplace.now())


def _unexplained(workplace: Workplace, scope: HopScope, lacking: Mapping[dt.date, int]) -> dict[dt.date, int]:
    """Return how many of the files that both ends lack lie nowhere else and were accepted by nobody, by night."""
    words = acceptances(workplace, scope.hop)
    given_up = {one.night for one in words if one.whole_night}
    known = _freed_there(workplace, scope, tuple(lacking)) + _delivered(workplace, scope.hop, tuple(lacking))
    known += _accepted_and_gone(workplace, scope, [one for one in words if one.night in lacking])
    left = {night: files - known[night] for night, files in lacking.items() if night not in given_up}
    return {night: files for night, files in left.items() if files > 0}


def _accepted_and_gone(workplace: Workplace, scope: HopScope, words: Sequence[Acceptance]) -> Counter[dt.date]:
    """Return how many of the frames and files that a person accepted are on neither end, by night.

    A file that is there, damaged or mended since, excuses none that is not. A frame number is one file of each camera,
    as far as anybody knows.
    """
    files = {(one.night, file) for one in words for file in one.files}
    frames = {(one.night, number) for one in words for number in one.frames}
    gone = Counter(night for night, _ in files - _are_there(workplace, scope, files))
    return gone + Counter(night for night, _ in frames for _ in scope.hop.cameras)


def _are_there(workplace: Workplace, scope: HopScope, files: Collection[Named]) -> set[Named]:
    """Return those of some accepted files that are on one end or the other, or could not be looked at."""
    asked = {path: (night, file) for night, file in files for path in places_of(scope, night, file)}
    return {asked[path] for path in paths_there(workplace, scope, asked.keys())}


def _freed_there(workplace: Workplace, scope: HopScope, nights: Sequence[dt.date]) -> Counter[dt.date]:
    """Return how many files of a hop's cameras were freed on its destination, by night: proven on other copies."""
    freed = freed_on(workplace, scope.hop.instrument, scope.hop.destination, nights)
    paths = (path for one in freed if (path := scope.source_of(one)) is not None)
    return Counter(night for path in paths if (night := scope.source.night_of(path)) is not None)


def _delivered(workplace: Workplace, hop: Hop, nights: Sequence[dt.date]) -> Counter[dt.date]:
    """Return how many files of some nights a removable destination was proven to have brought to the next copy."""
    found: Counter[dt.date] = Counter()
    for key in onward_of(hop) if hop.destination.declared.removable else ():
        for one in workplace.ledger.hop_nights(hop.instrument.instrument, key, nights):
            if one.state is NightState.PROVEN:
                found[one.night] = max(found[one.night], one.source_files)
    return found


def with_gone(verdict: HopVerdict, gone: Mapping[dt.date, int], vanished: Vanished) -> HopVerdict:
    """Return a verdict with what is gone; nights that lack something are not whole, whatever two listings agree on."""
    counts = {night: verdict.per_night.get(night, NightCount()) for night in gone}
    lacking = {night: replace(count, open_files=count.open_files + gone[night]) for night, count in counts.items()}
    return replace(
        verdict,
        gone=gone,
        gone_files=tuple(file.path for file in vanished.gone) if gone else (),
        renames={path: entry.path for path, entry in vanished.renamed.items()},
        per_night={**verdict.per_night, **lacking},
    )


def _is_same_disk(workplace: Workplace, place: Place, marker: str | None) -> bool:
    known = workplace.ledger.root(place.host, place.root)
    return known is not None and known.identity == (marker or "")


def notes_of_gone(workplace: Workplace, asked: Asked, verdicts: Iterable[HopVerdict]) -> Iterator[Note]:
    """Yield an urgent note for each hop of which files that earlier runs saw are on neither end any more.

    And one that is not urgent of those that were taken for renamed.
    """
    places = {(hop.instrument.instrument, hop.key): hop.source for hop in hops_asked(workplace, asked)}
    for verdict in verdicts:
        if verdict.gone:
            yield _note_of_gone(verdict, places[verdict.instrument, verdict.hop])
        if verdict.renames:
            yield Note(_words_of_renames(verdict), verdict.instrument)


def _note_of_gone(verdict: HopVerdict, source: Place) -> Note:
    total = sum(verdict.gone.values())
    sentence = (
        f"{counted(total, 'file')}{_of_nights(verdict.gone)} that earlier runs saw {is_or_are(total)} neither on"
        f" {verdict.source} nor on {verdict.destination} any more{_which(verdict.gone_files, total)}: deleted, or"
        " counted otherwise now by the instrument's file (patterns, rollover, zone)."
        f" If that may be so: nightferry sync --accept-loss {source.host}:{source.root}"
    )
    if verdict.gone_files:
        sentence += f"; of single files: nightferry accept -i {verdict.instrument} -d NIGHT FILE --reason TEXT"
    return Note(sentence, verdict.instrument, is_urgent=True)


def _words_of_renames(verdict: HopVerdict) -> str:
    pairs = [f"{show(path)} is {show(now)}" for path, now in sorted(verdict.renames.items())]
    bears = "bears another name" if len(pairs) == 1 else "bear other names"
    return (
        f"{counted(len(pairs), 'file')} of {verdict.source} that waited to be carried {bears} now, by size and time:"
        f" {shortened(pairs, MOST_NAMED)}"
    )


def _which(paths: Sequence[bytes], total: int) -> str:
    """Return the names, as far as they are known."""
    if not paths:
        return ""
    names = shortened([show(path) for path in paths], MOST_NAMED)
    return f" ({names})" if len(paths) == total else f" (among them {names})"


def _of_nights(gone: Iterable[dt.date]) -> str:
    nights = [night_text(night) for night in sorted(gone) if night != ANY_NIGHT]
    return f" of the night{'s' if len(nights) > 1 else ''} {', '.join(nights)}" if nights else ""


def notes_of(workplace: Workplace, asked: Asked, outcomes: Iterable[HopOutcome]) -> Iterator[Note]:
    """Yield an urgent note for each hop whose destination had lost what was proven there."""
    names = {(hop.instrument.instrument, hop.key): hop.name for hop in hops_asked(workplace, asked)}
    for outcome in outcomes:
        if outcome.brought_again:
            first, last = (night_text(outcome.brought_again[end]) for end in (0, -1))
            count = len(outcome.brought_again)
            which = f"the proven night {first}" if count == 1 else f"{count} proven nights ({first} to {last})"
            hop = names[outcome.instrument, outcome.hop]
            sentence = (
                f"{outcome.destination}: {outcome.destination_root} had lost more than half of {which}; it was carried"
                " again. Nobody has looked whether older nights went with it: "
                f"nightferry verify -i {outcome.instrument} --hop {hop} -d FIRST..LAST"
            )
            yield Note(sentence, outcome.instrument, is_urgent=True)
