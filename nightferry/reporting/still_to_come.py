"""Which copies are still to be brought files of a night by hops further up their chain: it is whole on none of them.

Pure: works on what the ledger holds of a night. A hop's own look cannot tell: all that its source has may be on its
destination, and be one frame of a thousand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from catalogue.records import HopNight, NightState, NightStatus
from observatory.spec.chain import Hop, Place


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above each hop.

    Attributes
    ----------
    hops : mapping of str to frozenset of str
        Key of a hop: those of the hops by which its source is filled, all the way up.
    drives : frozenset of str
        The hops that fill a removable drive: what it delivered may be gone from it.
    """

    hops: Mapping[str, frozenset[str]]
    drives: frozenset[str] = frozenset()


def hops_above(declared: Iterable[Hop]) -> Above:
    """Return for each hop the hops above its source."""
    into: dict[Place, list[Hop]] = {}
    hops = list(declared)
    for hop in hops:
        into.setdefault(hop.destination, []).append(hop)
    drives = frozenset(hop.key for hop in hops if hop.destination.declared.removable)
    return Above({hop.key: frozenset(_filling(into, hop.source)) for hop in hops}, drives)


def _filling(into: Mapping[Place, Sequence[Hop]], place: Place) -> Iterator[str]:
    for hop in into.get(place, ()):
        yield hop.key
        yield from _filling(into, hop.source)


def still_to_come(above: Above, hops: Iterable[HopNight]) -> set[str]:
    """Return the hops whose source is known to lack files of a night; what a person accepted is not waited for."""
    known = {hop.hop: hop for hop in hops}
    short = {key: hop for key, hop in known.items() if hop.state is NightState.OPEN and hop.open_files}
    if not short:
        return set()  # as of nearly every night: this is asked of each night of ten years
    return {
        key
        for key, keys in above.hops.items()
        if any(not _was_delivered(above, short[up], known.get(key)) for up in keys & short.keys())
    }


def _was_delivered(above: Above, short: HopNight, onward: HopNight | None) -> bool:
    """Say whether a drive that holds nothing of a night was emptied when all of it had been taken further."""
    is_emptied = short.hop in above.drives and short.open_files == short.source_files
    return is_emptied and onward is not None and onward.source_files >= short.source_files


def reopened(night: NightStatus, waiting: Collection[str]) -> NightStatus:
    """Return a night with those hops open that were proven of less than all of it."""
    if not waiting:
        return night
    return replace(night, hops=tuple(_reopened(hop) if hop.hop in waiting else hop for hop in night.hops))


def _reopened(hop: HopNight) -> HopNight:
    return replace(hop, state=NightState.OPEN) if hop.state is NightState.PROVEN else hop
