"""What was proven and is no more: on a destination that came back as it was weeks ago, or on both ends at once.

What a destination lost in the window is carried again and would pass in silence, though the older nights, at which
nobody looks, may have gone with it; of what is on neither end two listings say nothing. A disk with another marker is
runs.py's, a source that lost most of its files syncer/safety.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from catalogue.records import HopNight, NightState
from nightferry.expectations import has_steps
from nightferry.selection import Asked, hops_asked
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.listing import HopScope
from observatory.nights import night_text
from observatory.spec.chain import Place
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome, NightMoves
from verifier.verdict import HopVerdict, NightCount


def proven_nights(workplace: Workplace, scope: HopScope) -> dict[dt.date, HopNight]:
    """Return what is known of those nights of a hop that are proven, before it is looked at."""
    hop = scope.hop
    known = workplace.ledger.hop_nights(hop.instrument.instrument, hop.key, scope.nights)
    return {one.night: one for one in known if one.state is NightState.PROVEN}


def brought_again(
    workplace: Workplace, scope: HopScope, proven: Mapping[dt.date, HopNight], outcome: HopOutcome
) -> tuple[dt.date, ...]:
    """Return the proven nights of which the same disk had lost more than half when it was looked at, ascending."""
    if not proven or not _is_same_disk(workplace, scope.hop.destination, outcome.markers[1]):
        return ()
    replaced = Counter(map(scope.source.night_of, outcome.replaced))
    return tuple(
        night
        for night, moves in sorted(outcome.per_night.items())
        if night in proven and was_lost(proven[night], moves, replaced[night])
    )


def was_lost(proven: HopNight, moves: NightMoves, replaced: int) -> bool:
    """Say whether more than half of what was proven of a night was there no more, and had to be carried anew. Pure.

    A night that grew, whose files were changed, or that its source was cleared of has lost nothing there.
    """
    held = proven.source_files - proven.open_files
    found = moves.source_files - moves.open_files - moves.moved_files
    return found * 2 < held < (moves.moved_files - replaced) * 2


def gone_from_both(
    workplace: Workplace, scope: HopScope, known: Mapping[dt.date, HopNight], verdict: HopVerdict
) -> dict[dt.date, int]:
    """Return, by night, how many files were proven and are on neither end now.

    Somebody's program that mirrors a source brings its losses to the archive too. Where steps work, other files take
    the place of those that were there.
    """
    hop = scope.hop
    if verdict.state not in (State.OK, State.DIFFERENT) or any(
        has_steps(hop.instrument, place) for place in (hop.source, hop.destination)
    ):
        return {}
    nothing = NightCount()
    found = {night: verdict.per_night.get(night, nothing) for night in scope.nights}
    return {
        night: known[night].source_files - max(count.source_files, count.destination_files)
        for night, count in found.items()
        if night in known
        and known[night].state is NightState.PROVEN
        and max(count.source_files, count.destination_files) < known[night].source_files
    }


def _is_same_disk(workplace: Workplace, place: Place, marker: str | None) -> bool:
    known = workplace.ledger.root(place.host, place.root)
    return known is not None and known.identity == (marker or "")


def notes_of_gone(workplace: Workplace, asked: Asked, verdicts: Iterable[HopVerdict]) -> Iterator[Note]:
    """Yield an urgent note for each hop of which files that were proven are on neither end any more."""
    places = {(hop.instrument.instrument, hop.key): hop.source for hop in hops_asked(workplace, asked)}
    for verdict in verdicts:
        if verdict.gone:
            source = places[verdict.instrument, verdict.hop]
            nights = ", ".join(night_text(night) for night in sorted(verdict.gone))
            sentence = (
                f"{verdict.source} and {verdict.destination}: neither has any more what was proven,"
                f" {counted(sum(verdict.gone.values()), 'file')} (nights {nights});"
                " or the instrument's file counts them otherwise now, by its patterns, rollover or zone."
                f" If that may be so: nightferry sync --accept-loss {source.host}:{source.root}"
            )
            yield Note(sentence, verdict.instrument, is_urgent=True)


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
