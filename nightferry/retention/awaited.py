"""Which files others still need of a copy's folder: hops that leave it, and the steps of other instruments there.

Freed here they would never come to where the hops bring them, whosever hops these are. How many copies prove a file
is syncer/prune.py's; what would come back from further up the chain witnesses.py's; the own steps pruning.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from nightferry.retention.evidence import cameras_at, chain_of, upstream_of
from nightferry.retention.holders import holder_of
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell
from observatory.listing import HopScope, Scope, hop_scope, is_taken, name_of, scope_of
from observatory.nights import night_text
from observatory.spec.chain import Hop, Place, hops, places
from observatory.spec.models import Instrument
from syncer.prune import Freeable, Stay

_DAY = dt.timedelta(days=1)


class Awaited:
    """What hops have not brought from one copy yet, and what another instrument's steps have not taken there.

    Parameters
    ----------
    instrument, place
        Whose copy it is, and which.
    """

    def __init__(self, workplace: Workplace, instrument: Instrument, place: Place) -> None:
        self._workplace, self._instrument, self._place = workplace, instrument, place
        every = tuple(workplace.instruments.values())
        self._hops = [hop for one in every for hop in hops(one) if self._is_shared(hop.source)]
        others = [one for one in every if one is not instrument and one.convert is not None]
        self._stepped = [(one, at) for one in others for at in places(one) if self._is_shared(at)]

    def kept(self, night: dt.date, decisions: Sequence[Freeable | Stay]) -> list[Freeable | Stay]:
        """Return the decisions about files of a night, in which what others still need stays."""
        free = [one for one in decisions if isinstance(one, Freeable)]
        why = {path: reason for hop in self._hops for path, reason in self._not_brought(hop, night, free)}
        why |= {path: reason for other in self._stepped for path, reason in self._not_taken(*other, night, free)}
        return [Stay(one.candidate, why[path]) if (path := one.candidate.path) in why else one for one in decisions]

    def _not_brought(self, hop: Hop, night: dt.date, files: Sequence[Freeable]) -> Iterator[tuple[bytes, str]]:
        """Yield the paths of what a hop takes and has not brought, with the reason."""
        scope = hop_scope(hop, _near(night), self._workplace.clock_of(hop.instrument))
        taken = dict(self._taken(scope, files))
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

    def _taken(self, scope: HopScope, files: Sequence[Freeable]) -> Iterator[tuple[bytes, bytes]]:
        """Yield, of the files that a hop takes, the path here and on its source; not of those proven behind it."""
        hop = scope.hop
        behind = {hop.destination.name, *_beyond(hop)} if hop.instrument is self._instrument else set()
        for one in files:
            if any(witness.copy.name in behind for witness in one.witnesses):
                continue
            path = self._path_at(hop.source, one)
            if path is not None and _night_of(scope.source, path) is not None:
                yield one.candidate.path, path

    def _not_taken(
        self, other: Instrument, at: Place, night: dt.date, files: Sequence[Freeable]
    ) -> Iterator[tuple[bytes, str]]:
        """Yield the paths of what another instrument's steps have not been through, with the reason."""
        from converters.pipeline import copy_name  # what takes steps is loaded only where there are some
        from nightferry.products.pending import steps_of

        wanted = {step.label for step in steps_of(other, at)}
        scope = scope_of(other, at, cameras_at(other, at), _near(night), self._workplace.clock_of(other))
        done = self._workplace.ledger.nights_processed(other.instrument, copy_name(other, at))
        for one in files if wanted else ():
            path = self._path_at(at, one)
            of_night = None if path is None else _night_of(scope, path)
            if of_night is not None and (of_night not in done or wanted - done[of_night][0]):
                asked = f"`nightferry convert -i {other.instrument} -d {night_text(of_night)}`"
                yield one.candidate.path, f"the steps of {other.instrument} are not through its night: {asked}"

    def _is_shared(self, at: Place) -> bool:
        """Say whether two copies have files in common: one root on one machine, or one within the other."""
        mine, theirs = (self._workplace.access(place.host) for place in (self._place, at))
        is_one_machine = self._place.host == at.host or (mine.is_local and theirs.is_local)
        return is_one_machine and _meet(at.root, self._place.root)

    def _path_at(self, at: Place, one: Freeable) -> bytes | None:
        """Return a file's path below another root; None where it does not lie there."""
        whole, root = f"{self._place.root}/".encode() + one.candidate.path, f"{at.root}/".encode()
        return whole.removeprefix(root) if whole.startswith(root) else None

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


def _near(night: dt.date) -> tuple[dt.date, ...]:
    """Return a night and its neighbours: another instrument's nights may begin at another hour."""
    return (night - _DAY, night, night + _DAY)


def _night_of(scope: Scope, path: bytes) -> dt.date | None:
    """Return the night of a path below a root that the cameras take by its name too; None where they do not."""
    named = name_of(scope, path)
    return named[0] if named is not None and is_taken(scope, named[1]) else None


def _meet(one: str, other: str) -> bool:
    """Say whether two roots are one, or one lies within the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _beyond(hop: Hop) -> frozenset[str]:
    """Return the names of the copies that are filled from a hop's destination, directly or over others."""
    labels = [copy.label for copy in hop.instrument.copies]
    return frozenset(label for label in labels if hop.destination.name in upstream_of(hop.instrument, label))
