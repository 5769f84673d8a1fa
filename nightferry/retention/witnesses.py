"""The other copies of what might be freed: how each shows itself now, what was read there, how its files look now.

Asks roots and files; what counts as a copy is syncer/prune.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogue.evidence_records import Evidence
from nightferry.retention.evidence import cameras_at, chain_of, kernel_of, refuse_other_root, upstream_of
from nightferry.retention.holders import holder_of
from nightferry.retention.safe import by_name
from nightferry.workplace import Workplace
from observatory.counting import clock_words
from observatory.endpoints.contract import Facts, RootFacts
from observatory.ends import CLOCK_TOLERANCE_S
from observatory.errors import CouldNotTell, RootNotProven
from observatory.listing import Scope, hop_scope, scope_of
from observatory.spec.chain import Hop, Place, hops, place_of
from observatory.spec.models import Instrument
from syncer.prune import CopyState, Reading, Rule, Witness, must_be_read


def place_word(workplace: Workplace, place: Place) -> str:
    """Return where a copy stands: copies of one place count once, and one machine under two names is one place."""
    if place.declared.place is not None:
        return place_of(place.declared)
    declared = workplace.specification.site.hosts
    own = declared[place.host]
    if own.address is None:
        return place.host
    mine = (_plain(own.address), own.port)
    return min(name for name, host in declared.items() if host.address and (_plain(host.address), host.port) == mine)


def _plain(address: str) -> str:
    """Return an address as names of hosts are compared: without regard to capitals, and to the dot of a whole name."""
    return address.casefold().rstrip(".")


@dataclass(frozen=True, slots=True)
class Shown:
    """A copy as it showed itself; `error` is why it could not be asked at all."""

    state: CopyState
    error: CouldNotTell | None = None


def scope_at(workplace: Workplace, instrument: Instrument, place: Place, nights: tuple[dt.date, ...]) -> Scope:
    """Return what to ask of a copy for some nights: trees without nights are left out, they are never freed."""
    cameras = {name: camera for name, camera in cameras_at(instrument, place).items() if camera.nights != "none"}
    return scope_of(instrument, place, cameras, nights, workplace.clock_of(instrument))


def show_copy(workplace: Workplace, instrument: Instrument, place: Place) -> Shown:
    """Ask a copy's root what it is; never raises for a far end."""
    endpoint = workplace.endpoint(place.host)
    try:
        survey = endpoint.survey(scope_at(workplace, instrument, place, ()).request)
        survey.close()
        refuse_other_root(workplace, place, endpoint.name, survey.facts)
    except CouldNotTell as error:
        return _not_shown(workplace, place, error)
    doubt = _doubt(workplace, place, endpoint.name, survey.facts)
    return Shown(_state(workplace, place, survey.facts, doubt))


def _state(workplace: Workplace, place: Place, facts: RootFacts, doubt: str | None) -> CopyState:
    return CopyState(
        place.name,
        place.host,
        place.root,
        place_word(workplace, place),
        facts.marker or None,
        kernel_of(facts),
        doubt,
        filled_by=place.declared.fill,
    )


def _not_shown(workplace: Workplace, place: Place, error: CouldNotTell) -> Shown:
    is_absent = place.declared.removable and isinstance(error, RootNotProven)
    known = workplace.ledger.root(place.host, place.root)
    state = CopyState(
        place.name,
        place.host,
        place.root,
        place_word(workplace, place),
        marker=(known.identity or None) if known is not None and is_absent else None,
        doubt="is a drive that is not there" if is_absent else f"could not be looked at ({error})",
        is_absent=is_absent,
    )
    return Shown(state, None if is_absent else error)


def _doubt(workplace: Workplace, place: Place, host: str, facts: RootFacts) -> str | None:
    if facts.clock_is_known and abs(facts.clock_ahead_s) > CLOCK_TOLERANCE_S:
        return f"has a clock that is {clock_words(facts.clock_ahead_s)} ours ({host}): ages cannot be judged"
    if workplace.ledger.loss_pending(place.host, place.root) is not None:
        return "suddenly lost many of its files, and nobody said that it may be so (`nightferry sync --accept-loss`)"
    return None


def reading_of(evidence: Evidence | None) -> Reading | None:
    """Return a file's last reading; None where it was never read, or was gone or unreadable then."""
    if evidence is None or evidence.file.sha256 is None:
        return None
    file = evidence.file
    return Reading(
        file.sha256 or "",
        evidence.reading.at_utc,
        file.size_bytes,
        file.mtime_s,
        file.changed_s,
        file.identity,
        evidence.reading.marker or None,
    )


class Others:
    """The other copies of an instrument's chain, as seen from one that might free files."""

    def __init__(self, workplace: Workplace, instrument: Instrument, place: Place) -> None:
        self._workplace, self._instrument, self._place = workplace, instrument, place
        chain = chain_of(instrument, place)
        self._others = tuple(other for other in chain if other != place)
        upstream = upstream_of(instrument, place.name)
        self._sources = tuple(other for other in chain if other.name in upstream)
        self.shown: dict[str, Shown] = {}

    def ask(self) -> None:
        """Ask every other copy's root what it is, now."""
        self.shown = {other.name: show_copy(self._workplace, self._instrument, other) for other in self._others}

    @property
    def errors(self) -> list[CouldNotTell]:
        """Why copies could not be asked."""
        return [shown.error for shown in self.shown.values() if shown.error is not None]

    def witnesses(self, night: dt.date, names: Sequence[bytes]) -> dict[bytes, list[Witness]]:
        """Return what the other copies hold of some files of a night, by name, looked at now."""
        found: dict[bytes, list[Witness]] = {name: [] for name in names}
        for other in self._others:
            for name, witness in self._on(other, night, frozenset(names)).items():
                found[name].append(witness)
        return found

    def _on(self, place: Place, night: dt.date, names: frozenset[bytes]) -> dict[bytes, Witness]:
        holder = holder_of(self._workplace, self._instrument, place)
        known = by_name(self._workplace.ledger.evidence_of(holder, night, names))
        copy = self.shown[place.name].state
        paths = [one.file.path for one in known.values()]
        looked = self._looked(place, copy, paths)
        cameras = cameras_at(self._instrument, place)
        here = {name for name in names if name.partition(b"/")[0].decode() in cameras}
        return {
            name: Witness(copy, known[name].file.path, reading_of(known[name]), looked.get(known[name].file.path))
            if name in known
            else Witness(copy, b"", None)
            for name in here
        }

    def _looked(self, place: Place, copy: CopyState, paths: Sequence[bytes]) -> dict[bytes, Facts]:
        if copy.doubt is not None or not paths:
            return {}
        endpoint = self._workplace.endpoint(place.host)
        try:
            return {facts.path: facts for facts in endpoint.stat(place.root.encode(), paths)}
        except CouldNotTell as error:
            return {path: Facts(path, reason=str(error)) for path in paths}

    def reread(self, witnesses: Sequence[tuple[Witness, Rule]]) -> dict[tuple[str, bytes], str | None]:
        """Hash once more, where it lies, each file whose look alone does not show that nobody touched it.

        Returns the hash by copy and path; None where it could not be read. What needs no reading is not in it.
        """
        wanted: dict[str, list[bytes]] = {}
        for witness, rule in witnesses:
            may_be_read = witness.copy.doubt is None and witness.looked is not None and witness.looked.is_file
            if may_be_read and must_be_read(witness, rule):
                wanted.setdefault(witness.copy.name, []).append(witness.path)
        places = {other.name: other for other in self._others}
        return {
            (name, path): sum_ for name, paths in wanted.items() for path, sum_ in self._hashed(places[name], paths)
        }

    def _hashed(self, place: Place, paths: Sequence[bytes]) -> list[tuple[bytes, str | None]]:
        endpoint = self._workplace.endpoint(place.host)
        try:
            return [(one.path, one.sha256) for one in endpoint.hash(place.root.encode(), paths)]
        except CouldNotTell:
            return [(path, None) for path in paths]

    def still_upstream(self, nights: tuple[dt.date, ...], paths: Sequence[bytes]) -> dict[bytes, str]:
        """Return, by path here, why a file would come back: a copy that this one is filled from still holds it."""
        found: dict[bytes, str] = {}
        for source in self._sources:
            found.update(self._held_by(source, nights, paths))
        return found

    def _held_by(self, source: Place, nights: tuple[dt.date, ...], paths: Sequence[bytes]) -> Mapping[bytes, str]:
        shown = self.shown[source.name]
        if shown.error is not None or shown.state.is_absent:
            words = f"whether {source.name} still holds it cannot be told: sync would bring it back"
            return dict.fromkeys(paths, words)
        theirs = self._paths_on(source, nights, paths)
        try:
            looked = list(self._workplace.endpoint(source.host).stat(source.root.encode(), list(theirs.values())))
        except CouldNotTell as error:
            return dict.fromkeys(paths, f"whether {source.name} still holds it cannot be told: {error}")
        return {
            path: f"{source.name} still holds it: sync would bring it back"
            for path, facts in zip(theirs, looked, strict=True)
            if facts.reason is not None or facts.size_bytes is not None
        }

    def _paths_on(self, source: Place, nights: tuple[dt.date, ...], paths: Sequence[bytes]) -> dict[bytes, bytes]:
        instrument, here = self._instrument, cameras_at(self._instrument, self._place)
        cameras = {name: camera for name, camera in cameras_at(instrument, source).items() if name in here}
        scope = hop_scope(
            Hop(instrument, "", source, self._place, cameras), nights, self._workplace.clock_of(instrument)
        )
        return {path: theirs for path in paths if (theirs := scope.source_of(path)) is not None}


def hops_from(instrument: Instrument, place: Place) -> list[str]:
    """Return the keys of the hops that leave a copy: fewer files are expected on their source once some are freed."""
    return [hop.key for hop in hops(instrument) if hop.source == place]
