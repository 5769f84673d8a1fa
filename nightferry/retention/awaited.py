"""Which files still have to go from a copy to where hops bring them: freed here they would never come there.

Of every hop that leaves the copy's folder, those of other instruments too. How many copies prove a file is
syncer/prune.py's; what would come back from further up the chain witnesses.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from nightferry.retention.evidence import chain_of, upstream_of
from nightferry.retention.holders import holder_of
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell
from observatory.listing import HopScope, hop_scope, name_of
from observatory.names import matcher
from observatory.nights import night_text
from observatory.spec.chain import Hop, Place, hops
from observatory.spec.models import Instrument
from syncer.prune import Freeable, Stay

_DAY = dt.timedelta(days=1)


class Awaited:
    """What hops have not brought from one copy yet.

    Parameters
    ----------
    instrument, place
        Whose copy it is, and which.
    """

    def __init__(self, workplace: Workplace, instrument: Instrument, place: Place) -> None:
        self._workplace, self._instrument, self._place = workplace, instrument, place
        every = (hop for one in workplace.instruments.values() for hop in hops(one))
        self._hops = [hop for hop in every if hop.source.host == place.host and _meet(hop.source.root, place.root)]

    def kept(self, night: dt.date, decisions: Sequence[Freeable | Stay]) -> list[Freeable | Stay]:
        """Return the decisions about files of a night, in which what a hop has not brought yet stays."""
        free = [one for one in decisions if isinstance(one, Freeable)]
        why = {path: reason for hop in self._hops for path, reason in self._not_brought(hop, night, free)}
        return [Stay(one.candidate, why[path]) if (path := one.candidate.path) in why else one for one in decisions]

    def _not_brought(self, hop: Hop, night: dt.date, files: Sequence[Freeable]) -> Iterator[tuple[bytes, str]]:
        """Yield the paths of what a hop takes and has not brought, with the reason."""
        near = (night - _DAY, night, night + _DAY)  # another instrument's nights may begin at another hour
        scope = hop_scope(hop, near, self._workplace.clock_of(hop.instrument))
        taken = {one.candidate.path: path for one in files if (path := self._taken(scope, one)) is not None}
        if not taken:
            return
        destination = hop.destination
        endpoint = self._workplace.endpoint(destination.host)
        targets = [scope.target_of(path) for path in taken.values()]
        try:
            looked = list(endpoint.stat(destination.root.encode(), targets))
        except CouldNotTell as error:
            yield from ((path, f"whether {destination.name} got it cannot be told: {error}") for path in taken)
            return
        lacking = {path for path, facts in zip(taken, looked, strict=True) if facts.size_bytes is None}
        brought = self._brought_beyond(scope) if lacking else set()
        why = f"{hop.instrument.instrument} {hop.key} has not brought it yet: {_remedy(hop, night)}"
        yield from ((path, why) for path in lacking if name_of(scope.source, taken[path]) not in brought)

    def _taken(self, scope: HopScope, one: Freeable) -> bytes | None:
        """Return a file's path on the source of a hop that takes it; None where it does not, or it is proven there."""
        hop = scope.hop
        is_own = hop.instrument is self._instrument
        if is_own and {witness.copy.name for witness in one.witnesses} & {hop.destination.name, *_beyond(hop)}:
            return None
        whole, root = f"{self._place.root}/".encode() + one.candidate.path, f"{hop.source.root}/".encode()
        path = whole.removeprefix(root)
        return path if whole.startswith(root) and _is_of_camera(scope, path) else None

    def _brought_beyond(self, scope: HopScope) -> set[tuple[dt.date, bytes]]:
        """Return night and name of what was read beyond a hop: a drive that brought it was emptied, or is away."""
        hop = scope.hop
        names = _beyond(hop) | ({hop.destination.name} if hop.destination.declared.removable else set())
        behind = [place for place in chain_of(hop.instrument, hop.source) if place.name in names]
        return {
            (night, row.file.name)
            for place in behind
            for night in scope.nights
            for row in self._workplace.ledger.evidence_of(
                holder_of(self._workplace, hop.instrument, place), night
            ).values()
            if row.file.sha256 is not None
        }


def _remedy(hop: Hop, night: dt.date) -> str:
    if hop.destination.declared.fill is not None:
        return "others fill that copy"
    return f"`nightferry sync -i {hop.instrument.instrument} -d {night_text(night)}`"


def _is_of_camera(scope: HopScope, path: bytes) -> bool:
    """Say whether a hop's cameras take a path below its source's root, by its folder and by its name."""
    named = name_of(scope.source, path)
    if named is None:
        return False
    name, _, below = named[1].partition(b"/")
    camera = scope.source.cameras[name.decode()]
    taken, excluded = (tuple(map(str.encode, patterns)) for patterns in (camera.taken, camera.exclude))
    return matcher(taken, excluded)(below) == "taken"


def _meet(one: str, other: str) -> bool:
    """Say whether two roots are one, or one lies within the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _beyond(hop: Hop) -> frozenset[str]:
    """Return the names of the copies that are filled from a hop's destination, directly or over others."""
    labels = [copy.label for copy in hop.instrument.copies]
    return frozenset(label for label in labels if hop.destination.name in upstream_of(hop.instrument, label))
