"""Evidence: what was read of each file on each copy is remembered, with how the file looked then.

Called by what hashes (`verify --level checksum`, `status --safe`). What evidence proves is safe.py's and
syncer/prune.py's; the verifier itself never asks for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalogue.evidence_records import ReadFile, Reading
from catalogue.records import StepRecord
from nightferry.retention.holders import freed_on, holder_of, known_holder
from nightferry.retention.late import reopen_if_late
from nightferry.retention.safe import Held, judge
from nightferry.workplace import Workplace
from observatory.batches import batched
from observatory.counting import clock_words
from observatory.endpoints.contract import Facts, Hashed, Look, RootFacts, Survey
from observatory.ends import CLOCK_TOLERANCE_S, NO_SIGN, OTHER_DRIVE
from observatory.errors import CommandFailed, CouldNotTell, HostUnreachable, RootNotProven
from observatory.listing import ANY_NIGHT, EVERYWHERE, HopScope, Scope, name_of, scope_of
from observatory.records import FILE, NUL, path_of
from observatory.spec.chain import Hop, Place, places, sources_of
from observatory.spec.models import Camera, Instrument
from verifier.freed import Freed
from verifier.options import HashedPair
from verifier.verdict import HopVerdict

BATCH_FILES = 5000
"""Files per question: a command a batch, and one transaction."""


def chains(instrument: Instrument) -> Iterator[tuple[Place, ...]]:
    """Yield the copies of an instrument, variant by variant."""
    yield from (tuple(group) for group in batched(places(instrument), len(instrument.copies)))


def chain_of(instrument: Instrument, place: Place) -> tuple[Place, ...]:
    """Return the copies of the variant that a copy belongs to, itself among them."""
    return next(chain for chain in chains(instrument) if place in chain)


def cameras_at(instrument: Instrument, place: Place) -> dict[str, Camera]:
    """Return the cameras whose files belong to a copy."""
    wanted = place.declared.cameras
    return {name: camera for name, camera in instrument.cameras.items() if wanted is None or name in wanted}


def kept_on(workplace: Workplace, scope: HopScope, freed: Collection[bytes]) -> dict[bytes, Freed]:
    """Return those of what was freed on a hop's source that were read on its destination, and were not freed there.

    With each as it was when it was freed: nobody else can say any more what it should be. What was freed on a copy
    before the source, which was never brought to the source itself (it was put between the two later), is among them.
    """
    hop, instrument, ledger = scope.hop, scope.hop.instrument, workplace.ledger
    there = known_holder(workplace, instrument, hop.destination)
    if there is None:
        return {}
    found = _freed_here(workplace, scope, freed) | _freed_before(workplace, scope, there)
    nights = sorted({night for path in found if (night := scope.source.night_of(path)) is not None})
    read = {path for night in nights for path in ledger.evidence_of(there, night)}
    held = read - freed_on(workplace, instrument, hop.destination, nights) if nights else read
    return {path: file for path, file in found.items() if scope.target_of(path) in held}


def _freed_here(workplace: Workplace, scope: HopScope, freed: Collection[bytes]) -> dict[bytes, Freed]:
    """Return what was freed on a hop's source, by path."""
    here = known_holder(workplace, scope.hop.instrument, scope.hop.source)
    if here is None or not freed:
        return {}
    nights = sorted({night for path in freed if (night := scope.source.night_of(path)) is not None})
    known = workplace.ledger.freed(here, nights)
    return {path: Freed(known[path].size_bytes, known[path].sha256) for path in freed if path in known}


def _freed_before(workplace: Workplace, scope: HopScope, there: int) -> dict[bytes, Freed]:
    """Return what was freed on copies before a hop's source and never lay on that, by the path it would have there."""
    instrument, source, ledger = scope.hop.instrument, scope.hop.source, workplace.ledger
    before = upstream_of(instrument, source.name)
    holders = [known_holder(workplace, instrument, one) for one in chain_of(instrument, source) if one.name in before]
    freed = {file.name: file for one in holders if one is not None for file in ledger.freed(one, scope.nights).values()}
    nights = sorted({file.night for file in freed.values()})
    here = known_holder(workplace, instrument, source)
    met = {row.file.name for night in nights if here is not None for row in ledger.evidence_of(here, night).values()}
    rows = (row.file for night in nights for row in ledger.evidence_of(there, night).values())
    return {
        path: Freed(freed[file.name].size_bytes, freed[file.name].sha256)
        for file in rows
        if file.name in freed and file.name not in met and (path := scope.source_of(file.path)) is not None
    }


@dataclass(frozen=True)
class Witness:
    """One copy as it is being read: remembers what it is told.

    Attributes
    ----------
    workplace : Workplace
    instrument : Instrument
    scope : Scope
    by : str
        Which command reads.
    nights : set of date
        Of which something was remembered.
    """

    workplace: Workplace
    instrument: Instrument
    scope: Scope
    by: str
    nights: set[dt.date] = field(default_factory=set)

    @property
    def holder(self) -> int:
        """The number by which the ledger knows the copy."""
        return holder_of(self.workplace, self.instrument, self.scope.place)

    @property
    def endpoint(self) -> Look:
        """The copy's host."""
        return self.workplace.endpoint(self.scope.place.host)

    def remember(self, root: RootFacts, hashed: Sequence[Hashed]) -> None:
        """Look at files that were just hashed, and remember those that nobody touched meanwhile.

        What could not be read, or is no regular file by now, is evidence no longer. Where host and we disagree about
        the time nothing is noted, for when it was read is half of what evidence says; what it was read as before
        stands, unless this contradicts it.
        """
        looked = list(self.endpoint.stat(self.scope.request.root, [one.path for one in hashed]))
        reading = Reading(self.workplace.now(), self.by, root.marker, kernel_of(root))
        files = [file for one, facts in zip(hashed, looked, strict=True) if (file := self._read(root, one, facts))]
        if _is_off(root):
            files = list(self._contradicted(files))
        self.workplace.ledger.record_reading(self.holder, reading, files)
        self.nights.update(file.night for file in files)

    def _read(self, root: RootFacts, one: Hashed, facts: Facts) -> ReadFile | None:
        named = name_of(self.scope, one.path)
        if named is None:
            return None
        was_read = one.sha256 is not None and facts.is_file and not _was_touched(root, facts)
        return ReadFile(
            one.path,
            *named,
            one.sha256 if was_read else None,
            facts.size_bytes or 0,
            facts.mtime_s,
            facts.changed_s,
            facts.identity,
        )

    def _contradicted(self, files: Sequence[ReadFile]) -> Iterator[ReadFile]:
        """Yield, as evidence no longer, those of some files that are not what they were read as before."""
        ledger, holder = self.workplace.ledger, self.holder
        nights = {file.night for file in files}
        known = {path: one.file.sha256 for night in nights for path, one in ledger.evidence_of(holder, night).items()}
        others = (file for file in files if file.sha256 is None or file.sha256 != known.get(file.path))
        return (replace(file, sha256=None) for file in others)

    def forget(self, paths: Iterable[bytes]) -> None:
        """Remember that some files are not there any more."""
        gone = list(paths)
        if gone:
            self.workplace.ledger.record_gone(self.holder, gone)
            self.nights.update(named[0] for path in gone if (named := name_of(self.scope, path)))


def _was_touched(root: RootFacts, facts: Facts) -> bool:
    """Say whether a file may have changed while it was hashed; by the host's own clock, as both times are."""
    return root.clock_is_known and facts.changed_s is not None and facts.changed_s > root.clock_s


def _is_off(root: RootFacts) -> bool:
    return root.clock_is_known and abs(root.clock_ahead_s) > CLOCK_TOLERANCE_S


def kernel_of(root: RootFacts) -> str | None:
    """Return what tells one running machine from another, None where the far end cannot say."""
    return None if root.identity is None else root.identity.rsplit(":", 2)[0]


class HopWitness:
    """Both ends of a hop while it is verified."""

    def __init__(self, workplace: Workplace, hop: Hop, scope: HopScope) -> None:
        self._workplace, self._hop, self._scope = workplace, hop, scope
        self._ends = [Witness(workplace, hop.instrument, end, "verify") for end in (scope.source, scope.destination)]
        self._lacking: list[bytes] = []

    def hashed(self, pair: HashedPair) -> None:
        """Remember a batch of files that were read on both sides."""
        for end, root, hashed in zip(self._ends, pair.roots, (pair.source, pair.destination), strict=True):
            end.remember(root, hashed)

    def lacking(self, paths: Sequence[bytes]) -> None:
        """Keep in mind what the destination lacks, until it is known whether it could be looked at to the end."""
        self._lacking = list(paths)

    def conclude(self, verdict: HopVerdict) -> None:
        """Remember what the destination lacks, and judge the nights of which anything was learned."""
        if verdict.unknown_reason is None and verdict.away_reason is None:
            self._ends[1].forget(map(self._scope.target_of, self._lacking))
        nights = self._ends[0].nights | self._ends[1].nights
        chain = chain_of(self._hop.instrument, self._hop.source)
        judge_nights(self._workplace, self._hop.instrument, chain, nights)


def judge_nights(
    workplace: Workplace, instrument: Instrument, chain: Sequence[Place], nights: Iterable[dt.date]
) -> None:
    """Judge some nights on every copy of a chain by what was read so far: note which are safe, and open to steps."""
    for night in sorted(set(nights) - {ANY_NIGHT}):
        held = held_by_chain(workplace, instrument, chain, night)
        for place, one in zip(chain, held, strict=True):
            reopen_if_late(workplace, instrument, place, night, [row.file for row in one.evidence.values()])
        for one, safe in zip(held, judge(held), strict=True):
            if safe is not None:
                workplace.ledger.record_safe(one.holder, {night: safe})


def held_by_chain(workplace: Workplace, instrument: Instrument, chain: Sequence[Place], night: dt.date) -> list[Held]:
    """Return everything that is remembered of a night on each copy of a chain."""
    holders = {place.name: holder_of(workplace, instrument, place) for place in chain}
    held = [_held_by(workplace, instrument, place, night, holders) for place in chain]
    vouched = _vouched(workplace, instrument, night, held)
    return [replace(one, vouched=vouched) for one in held] if vouched else held


def _vouched(
    workplace: Workplace, instrument: Instrument, night: dt.date, held: Sequence[Held]
) -> dict[bytes, dt.datetime]:
    """Return the files of a night that a person named and accepted as they are, and when."""
    said = {
        word: acceptance.at_utc
        for acceptance in workplace.ledger.acceptances(instrument.instrument)
        if acceptance.night == night
        for word in acceptance.files
    }
    if not said:
        return {}
    files = (one.file for copy in held for one in copy.evidence.values())
    words = ((file.name, (EVERYWHERE + file.name, file.path, file.name.rpartition(b"/")[2])) for file in files)
    found = ((name, next((said[word] for word in forms if word in said), None)) for name, forms in words)
    return {name: at for name, at in found if at is not None}


def upstream_of(instrument: Instrument, name: str) -> frozenset[str]:
    """Return the names of the copies that a copy is filled from, directly or over others."""
    labels = [copy.label for copy in instrument.copies]
    direct = sources_of(instrument, labels.index(name))
    return frozenset(direct).union(*(upstream_of(instrument, source) for source in direct))


def _held_by(
    workplace: Workplace, instrument: Instrument, place: Place, night: dt.date, holders: Mapping[str, int]
) -> Held:
    holder = holders[place.name]
    return Held(
        holder=holder,
        cameras=frozenset(cameras_at(instrument, place)),
        upstream=frozenset(holders[name] for name in upstream_of(instrument, place.name)),
        evidence=workplace.ledger.evidence_of(holder, night),
        made=_made_on(workplace, instrument, place, night),
        freed={file.name: file.sha256 for file in workplace.ledger.freed(holder, [night]).values()},
    )


def _made_on(workplace: Workplace, instrument: Instrument, place: Place, night: dt.date) -> Mapping[bytes, str]:
    """Return the hash that each product of a step had when it was made there."""
    records = _steps_on(workplace, instrument, place, night)
    return {product.path: product.sha256 for record in records for product in record.products if product.sha256}


def consumed_on(workplace: Workplace, instrument: Instrument, place: Place, night: dt.date) -> set[tuple[bytes, str]]:
    """Return path and hash of what steps made there and later steps put something else in the place of."""
    records = _steps_on(workplace, instrument, place, night)
    return {(taken.path, taken.sha256) for record in records for taken in record.inputs if taken.is_consumed}


def _steps_on(workplace: Workplace, instrument: Instrument, place: Place, night: dt.date) -> list[StepRecord]:
    if instrument.convert is None:
        return []
    from converters.pipeline import copy_name  # what takes steps is loaded only where there are some

    name = copy_name(instrument, place)
    return [one for one in workplace.ledger.step_records(instrument.instrument, night) if one.copy == name]


@dataclass(frozen=True, slots=True)
class PlaceRead:
    """What became of reading one copy: how many files, and why not all; `is_away` where it could not be seen at all."""

    place: Place
    files: int = 0
    unread: int = 0
    reason: str | None = None
    is_away: bool = False


def read_place(
    workplace: Workplace,
    instrument: Instrument,
    place: Place,
    nights: tuple[dt.date, ...],
    progress: Callable[[int], None] = lambda files: None,
) -> PlaceRead:
    """Hash every file of some nights on one copy, where the bytes lie, and remember it; never raises for a far end."""
    scope = scope_of(instrument, place, cameras_at(instrument, place), nights, workplace.clock_of(instrument))
    witness = Witness(workplace, instrument, scope, "status")
    try:
        return _read_all(witness, witness.endpoint.survey(scope.request), progress)
    except CouldNotTell as error:
        return PlaceRead(place, reason=str(error), is_away=isinstance(error, (RootNotProven, HostUnreachable)))


def _read_all(witness: Witness, survey: Survey, progress: Callable[[int], None]) -> PlaceRead:
    scope = witness.scope
    try:
        refuse_other_root(witness.workplace, scope.place, witness.endpoint.name, survey.facts)
        chunks = scope.asked_about(survey)
        paths = [path_of(record) for chunk in chunks for record in chunk[:-1].split(NUL) if record[:1] == FILE]
    finally:
        survey.close()
    troubles = [f"{witness.endpoint.name}: {trouble.reason}" for trouble in survey.troubles]
    unread = 0
    for batch in batched(paths, BATCH_FILES):
        hashed = list(witness.endpoint.hash(scope.request.root, batch))
        if [one.path for one in hashed] != list(batch):
            raise CommandFailed(witness.endpoint.name, "hashing", "others were answered than were asked about")
        witness.remember(survey.facts, hashed)
        unread += sum(one.sha256 is None for one in hashed)
        progress(len(batch))
    if not troubles:
        witness.forget(_known_paths(witness) - set(paths))
    if _is_off(survey.facts):
        troubles.append(
            f"{witness.endpoint.name}: its clock is {clock_words(survey.facts.clock_ahead_s)} this machine's; when its"
            " files were read cannot be told. Set the clocks (chrony or ntpd)"
        )
    return PlaceRead(scope.place, len(paths), unread, troubles[0] if troubles else None)


def _known_paths(witness: Witness) -> set[bytes]:
    ledger, holder = witness.workplace.ledger, witness.holder
    return {path for night in witness.scope.nights for path in ledger.evidence_of(holder, night)}


def refuse_other_root(workplace: Workplace, place: Place, host: str, facts: RootFacts) -> None:
    """Refuse a root that shows no sign of being one, or another marker than the one that it bore.

    Raises
    ------
    RootNotProven
    """
    known = workplace.ledger.root(place.host, place.root)
    if known is not None and known.identity and facts.marker != known.identity:
        why = OTHER_DRIVE if facts.marker is not None else NO_SIGN
        raise RootNotProven(host, place.root, why)
    if not facts.is_proven:
        raise RootNotProven(host, place.root, NO_SIGN)
