"""What is known of a hop's ends before it is looked at: absences, drives that come and go, vouched roots, losses.

Gathers it from the specification and the ledger; what follows from it is observatory/ends.py's.
"""

from __future__ import annotations

import datetime as dt
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from catalogue.records import RootRecord
from nightferry.retention.holders import freed_on
from nightferry.selection import Asked, absences, all_away, away_now, scope_asked
from nightferry.waiting import were_in_progress
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.endpoints.contract import MARKER
from observatory.endpoints.walk import MARKER_BYTES
from observatory.ends import Expectation, Expectations
from observatory.errors import CouldNotTell
from observatory.listing import ANY_NIGHT, HopScope
from observatory.nights import night_text
from observatory.spec.chain import Hop, Place, hops, sources_of
from observatory.spec.models import Instrument

Roots = Collection[tuple[str, str]]
"""Hosts with roots on them."""


def is_origin(instrument: Instrument, place: Place) -> bool:
    """Say whether data are born at a place: it is the instrument's own, and away with it."""
    labels = [copy.label for copy in instrument.copies]
    return not sources_of(instrument, labels.index(place.name))


def expectations(workplace: Workplace, hop: Hop, nights: Collection[dt.date], new_roots: Roots = ()) -> Expectations:
    """Return what is known of both ends of a hop."""
    return (
        _of_place(workplace, hop, hop.source, nights, new_roots),
        _of_place(workplace, hop, hop.destination, nights, ()),
    )


def _of_place(
    workplace: Workplace, hop: Hop, place: Place, nights: Collection[dt.date], new_roots: Roots
) -> Expectation:
    record = workplace.ledger.root(place.host, place.root)
    marker = record.identity if record is not None and place.declared.removable else None
    return Expectation(
        marker=marker or None,
        is_vouched=(place.host, place.root) in new_roots or _is_vouched(workplace, hop, place),
        away=away_of(workplace, hop, place, nights),
        drive_away=drive_away(workplace, place) if place.declared.removable else None,
        last_seen=last_seen(record),
        held_files=last_seen(record) is None and held_files(workplace, hop.instrument, place),
        other_bearer=_other_bearer(workplace, hop, place),
        bearer_of_new=_bearer_of_new(workplace, hop, place),
    )


def _other_bearer(workplace: Workplace, hop: Hop, place: Place) -> Callable[[str], str | None]:
    """Return what tells which other copy of the same files bears a marker now.

    Only the ledger's word that it once did has it looked at: disks that were exchanged bear each other's no more.
    """

    def bearer(marker: str) -> str | None:
        known = ((other, workplace.ledger.root(other.host, other.root)) for other in _other_copies(hop, place))
        bore = (other for other, record in known if record is not None and record.identity == marker)
        return _first_bearer(workplace, bore, marker)

    return bearer


def _bearer_of_new(workplace: Workplace, hop: Hop, place: Place) -> Callable[[str], str | None]:
    """Return what tells which copy before it bears an id that was given just now: each is looked at.

    The last copy of a chain may be a folder of the first, through a link or a mount.
    """

    def bearer(marker: str) -> str | None:
        chain = _chain_of(hop)
        before = chain[: chain.index(place)]
        return _first_bearer(workplace, (other for other in _other_copies(hop, place) if other in before), marker)

    return bearer


def _first_bearer(workplace: Workplace, copies: Iterable[Place], marker: str) -> str | None:
    found = (copy for copy in copies if _marker_now(workplace, copy) == marker)
    return next((f"{workplace.access(copy.host).address}:{copy.root}" for copy in found), None)


def _other_copies(hop: Hop, place: Place) -> Iterator[Place]:
    """Yield the places of the same chain, at other roots than a place, where some of a hop's cameras are kept too."""
    for other in _chain_of(hop):
        cameras = other.declared.cameras
        keeps_some = cameras is None or not hop.cameras.keys().isdisjoint(cameras)
        if keeps_some and (other.host, other.root) != (place.host, place.root):
            yield other


def _chain_of(hop: Hop) -> list[Place]:
    """Return the places of a hop's chain in their order."""
    chain = [one for one in hops(hop.instrument) if one.variant == hop.variant]
    return list(dict.fromkeys(end for one in chain for end in (one.source, one.destination)))


def _marker_now(workplace: Workplace, place: Place) -> str | None:
    try:
        with workplace.endpoint(place.host).open(posixpath.join(place.root.encode(), MARKER)) as stream:
            return stream.read(MARKER_BYTES).decode("utf-8", "replace").strip()
    except (CouldNotTell, OSError):
        return None


def held_files(workplace: Workplace, instrument: Instrument, place: Place) -> bool:
    """Say whether earlier runs saw files of an instrument below a root, as far as the ledger knows."""

    def is_there(one: Place) -> bool:
        return (one.host, one.root) == (place.host, place.root)

    known = hops(instrument)
    return workplace.ledger.was_seen(
        instrument.instrument,
        [hop.key for hop in known if is_there(hop.source)],
        [hop.key for hop in known if is_there(hop.destination)],
    )


def away_of(workplace: Workplace, hop: Hop, place: Place, nights: Collection[dt.date]) -> str | None:
    """Return why nothing is to be expected of a place: only where data are born, archives are never away."""
    if not is_origin(hop.instrument, place):
        return None
    excused = all_away(workplace, hop.instrument, nights)
    if excused is not None:
        return excused
    excused = away_now(workplace, hop.instrument)
    return None if excused is None or owed(workplace, hop, nights) else excused


def place_away(workplace: Workplace, instrument: Instrument, place: Place) -> str | None:
    """Return why nothing is to be expected of a place today, over all hops that leave it, as `verify` would have it."""
    leaving = [hop for hop in hops(instrument) if hop.source == place]
    said = [away_of(workplace, hop, place, scope_asked(workplace, Asked(), hop).nights) for hop in leaving]
    if not leaving:
        return away_now(workplace, instrument) if is_origin(instrument, place) else None
    return said[0] if all(said) else None


def place_vouched(workplace: Workplace, instrument: Instrument, place: Place) -> bool:
    """Say whether a person's word stands for a root that shows no sign yet: the new and still empty source of a hop."""
    return any(_is_vouched(workplace, hop, place) for hop in hops(instrument) if hop.source == place)


def owed(workplace: Workplace, hop: Hop, nights: Collection[dt.date]) -> tuple[dt.date, ...]:
    """Return those of some nights for which a later absence is no excuse, ascending.

    They were seen to hold what the hop's destination lacked, or nobody has looked at the hop since they began. Left
    out are nights of an absence, and those that a person has accepted whole.
    """
    ledger, instrument = workplace.ledger, hop.instrument
    name, present = instrument.instrument, workplace.present_night(instrument)
    spans = list(absences(workplace, instrument))
    given_up = {one.night for one in ledger.acceptances(name, present) if one.is_whole_night}
    due = {n for n in nights if n <= present and n not in given_up and not any(s.first <= n <= s.last for s in spans)}
    lacking = {one.night for one in ledger.hop_nights(name, hop.key, tuple(due)) if one.open_files} if due else set()
    looked = ledger.last_look(name, hop.key) or ledger.first_asked(name, hop.key)
    last = None if looked is None else workplace.clock_of(instrument).night_of(looked)
    return tuple(sorted(n for n in due if n in lacking or (last is not None and n > last)))


def unexcused(workplace: Workplace, hop: Hop, nights: Collection[dt.date], reason: str) -> str:
    """Return why a hop could not be looked at, and where its source is away and owes something, what is to be done."""
    instrument = hop.instrument
    if not is_origin(instrument, hop.source) or away_now(workplace, instrument) is None:
        return reason
    still = owed(workplace, hop, nights)
    if not still:
        return reason
    which = ", ".join(map(night_text, still[:3])) + (f" and {len(still) - 3} more" if len(still) > 3 else "")
    known = f"{instrument.instrument} is away, but not all of {counted(len(still), 'night')} before ({which}) is known"
    accept = f"nightferry accept -i {instrument.instrument} -d {night_text(still[0])} --reason TEXT"
    return f"{reason} {known} to have been carried. Switch it on, or give each night up: `{accept}`"


def last_seen(record: RootRecord | None) -> str | None:
    """Return the date on which a root bore its marker, as far as the ledger knows."""
    return f"{record.last_seen_utc:%Y-%m-%d}" if record is not None and record.identity else None


def _is_vouched(workplace: Workplace, hop: Hop, place: Place) -> bool:
    """A person's word for a root without a sign holds until a night was seen there: from then on it has a sign."""
    record = workplace.ledger.root(place.host, place.root)
    if record is None or not record.is_vouched:
        return False
    seen = workplace.ledger.hop_nights(hop.instrument.instrument, hop.key)
    if any(night.source_files for night in seen):
        return False
    return not held_files(workplace, hop.instrument, place)  # a way back (`restore --from`) has no nights of its own


def drive_away(workplace: Workplace, place: Place) -> str:
    """Return what is said of a removable drive that is not there."""
    record = workplace.ledger.root(place.host, place.root)
    seen = "never seen" if record is None else f"last seen {record.last_seen_utc:%Y-%m-%d}"
    return f"the removable drive {place.name} is not there, {seen}"


def unfinished(workplace: Workplace, scope: HopScope) -> frozenset[dt.date]:
    """Return the nights of which most files were seen where they are born and nowhere else, when looked at last.

    Left out are those that somebody accepted, and those that were hardly begun: of files that are being written some
    never stay. What was freed there lies elsewhere, while an absent frame number of such a night is open still. Where
    steps work on the copy, other files take the place of those that were there.
    """
    hop, ledger = scope.hop, workplace.ledger
    instrument, name = hop.instrument, hop.instrument.instrument
    if not is_origin(instrument, hop.source) or has_steps(instrument, hop.source):
        return frozenset()
    known = ledger.hop_nights(name, hop.key, (*scope.nights, ANY_NIGHT))
    accepted = {
        one.night for one in ledger.acceptances(name, workplace.present_night(instrument)) if one.is_whole_night
    }
    open_mostly = [one for one in known if one.open_files * 2 > one.source_files]
    freed = _freed_from(workplace, scope, [one.night for one in open_mostly])
    most = {one.night for one in open_mostly if one.open_files * 2 > one.source_files + freed[one.night]}
    return frozenset(most - accepted - were_in_progress(workplace, scope, known))


def _freed_from(workplace: Workplace, scope: HopScope, nights: Sequence[dt.date]) -> Counter[dt.date | None]:
    """Return how many files of some nights were freed where a hop begins, as other copies hold them."""
    freed = freed_on(workplace, scope.hop.instrument, scope.hop.source, nights) if nights else ()
    return Counter(map(scope.source.night_of, freed))


def has_steps(instrument: Instrument, place: Place) -> bool:
    """Say whether steps work on a copy: there some files are made of others, and may take their place."""
    if instrument.convert is None:
        return False
    from nightferry.products.pending import steps_of  # what takes steps is loaded only where there are some

    return bool(steps_of(instrument, place))


def pending_loss(workplace: Workplace, place: Place) -> tuple[int, int] | None:
    """Return how many files a root held and holds, where it suddenly lost many and nobody has said that it may."""
    loss = workplace.ledger.loss_pending(place.host, place.root)
    return None if loss is None else (loss.expected_files, loss.seen_files)
