"""What a destination held and holds no more: a disk that came back as it was weeks ago, a folder removed by mistake.

What of it lies in the window is carried again and would pass in silence, though the older nights, at which nobody
looks, may have gone with it. A disk with another marker is runs.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from catalogue.records import HopNight, NightState
from nightferry.selection import Asked, hops_asked
from nightferry.workplace import Workplace
from observatory.listing import HopScope
from observatory.nights import night_text
from observatory.spec.chain import Place
from reports.model import Note
from syncer.outcome import HopOutcome, NightMoves


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


def _is_same_disk(workplace: Workplace, place: Place, marker: str | None) -> bool:
    known = workplace.ledger.root(place.host, place.root)
    return known is not None and known.identity == (marker or "")


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
