"""A removable drive that does not come back: its nights wait for it, and away is no alarm.

Said in the report, and mailed, from a month on, and again as it gets longer: the sentence tells no number of days, as a
report that says another thing each morning is mailed each morning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nightferry.expectations import drive_away
from nightferry.selection import Asked, hops_asked
from nightferry.workplace import Workplace
from observatory.spec.chain import Hop, Place
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

SINCE = ((365, "more than a year"), (90, "more than three months"), (30, "more than a month"))
"""After so many days, in these words; a drive that travels is back sooner."""


def notes_of_drives(workplace: Workplace, asked: Asked, seen: Iterable[HopVerdict | HopOutcome]) -> Iterator[Note]:
    """Yield an urgent note for each drive that keeps a hop waiting for longer than a journey takes."""
    away = {(one.instrument, one.hop): one.reason for one in seen if one.state is State.AWAY}
    told: set[tuple[str, str]] = set()
    for hop in hops_asked(workplace, asked):
        reason = away.get((hop.instrument.instrument, hop.key))
        for place in (hop.source, hop.destination):
            since = reason and _since(workplace, place, reason)
            if since and (place.host, place.root) not in told:
                told.add((place.host, place.root))
                yield Note(_sentence(workplace, hop, place, since), hop.instrument.instrument, is_urgent=True)


def _since(workplace: Workplace, place: Place, reason: str) -> str | None:
    """Return for how long a drive has been away, in words, where that is why its hop is."""
    record = workplace.ledger.root(place.host, place.root) if place.declared.removable else None
    if record is None or drive_away(workplace, place) not in reason:
        return None
    days = (workplace.now() - record.last_seen_utc).days
    return next((words for least, words in SINCE if days >= least), None)


def _sentence(workplace: Workplace, hop: Hop, place: Place, since: str) -> str:
    name = hop.instrument.instrument
    return (
        f"{drive_away(workplace, place)}, {since} ago: what {hop.key} brings waits for it, and is on one copy less."
        f" Plug it in, and run `nightferry sync -i {name} --hop {hop.name}`; or, if it does not come back, take it"
        f" out of {name}.yaml"
    )
