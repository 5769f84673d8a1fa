"""An ingest: files found, known for what they are, planned all together, placed exposure by exposure, recorded.

Puts together the syncer, which places, and the catalogue, which knows; what each file came to is ingest_outcome.py's.
All metadata is read and everything planned before the first file is placed. A file is recorded once it lies in its
place on disk; an ingest that was cut off finds what lies there unrecorded, and goes on.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from catalogue.datasets.grammar import NameFault
from catalogue.datasets.records import CollectionKind, NewDataset
from nightferry.holdings.datastores import Datastore
from nightferry.holdings.describing import Describer, Known
from nightferry.holdings.ingest_outcome import IngestOutcome, IngestRow
from nightferry.holdings.originals import LEADING, why_they_stay
from nightferry.workplace import Workplace
from observatory.names import show
from observatory.spec.models import Instrument
from syncer.ingest.find import Found, look
from syncer.ingest.model import Bin, Candidate, Planned, Result, Source, Transfer
from syncer.ingest.place import Placed, PlaceFailed, Placer, hash_file, place_exposure, remove_original, same_bytes
from syncer.ingest.plan import hold_back, plan

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue

_FILES_AT_ONCE = 5000
"""Files placed before their folders are brought to disk and their exposures recorded."""
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many files are done, and how many there are."""
_TO_PLACE = (Result.NEW, Result.FOUND)


@dataclass(frozen=True, slots=True)
class IngestWishes:
    """How a person wants it.

    Attributes
    ----------
    transfer : Transfer
    fail_fast : bool
        The first failure ends it; one before anything is placed leaves everything as it was.
    jobs : int
        Files whose headers are read at a time.
    collection : str or None
        The run, instead of each type's own.
    type : str or None
        The type, whatever the names say.
    checksum : bool
        Hash files that are linked too.
    incomplete : bool
        Take the good files of an exposure of which others failed.
    dry_run : bool
    """

    transfer: Transfer = Transfer.AUTO
    fail_fast: bool = False
    jobs: int = 1
    collection: str | None = None
    type: str | None = None
    checksum: bool = False
    incomplete: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class Ingest:
    """One ingest.

    Attributes
    ----------
    workplace : Workplace
    catalogue : Catalogue
    instrument : Instrument
    datastore : Datastore
    wishes : IngestWishes
    nights : mapping of path to night
        Of files of which the night is known already.
    progress : callable
    """

    workplace: Workplace
    catalogue: Catalogue
    instrument: Instrument
    datastore: Datastore
    wishes: IngestWishes
    nights: Mapping[bytes, dt.date] = field(default_factory=dict)
    progress: Progress = lambda what, done, total: None
    outcome: IngestOutcome = field(init=False)
    _known: dict[int, Known] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.outcome = IngestOutcome(self.instrument.instrument, self.datastore.root, self.wishes.dry_run)

    def run(self, found: Found) -> IngestOutcome:
        """Ingest files that were found; return what became of each.

        Raises
        ------
        UsageError
            A type or collection that does not fit; nothing was done.
        CouldNotTell
            The datastore's disk or the database is away.
        """
        self.datastore.prove()
        self.outcome.troubles += found.troubles
        with self._timed("metadata"):
            candidates, spoilt = self._describe(found)
        with self._timed("plan"):
            planned = self._plan(candidates, spoilt)
        with self._timed("place and record"):
            self._act(planned)
        self.outcome.rows.sort(key=lambda row: row.path)
        return self.outcome

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.outcome.seconds[phase] = time.perf_counter() - start

    # ---- what each file is

    def _describe(self, found: Found) -> tuple[list[Candidate], set[Hashable]]:
        describer = Describer(
            self.datastore.grammar,
            self.workplace.clock_of(self.instrument),
            self.nights,
            self.wishes.type,
            self.wishes.collection,
        )
        work = list(self._typed(found, describer))
        candidates: list[Candidate] = []
        spoilt: set[Hashable] = set()
        for done, one in enumerate(describer.describe_all(work, self.wishes.jobs), 1):
            candidate = self._candidate(one) if isinstance(one, Known) else one
            if isinstance(candidate, Candidate):
                candidates.append(candidate)
            else:
                self.outcome.rows.append(candidate)
                spoilt.add(describer.exposure_by_name(candidate.path.rpartition(b"/")[2], work[done - 1][1]))
            self.progress("reading headers", done, len(work))
        return candidates, spoilt - {None}

    def _typed(self, found: Found, describer: Describer) -> Iterator[tuple[Source, str]]:
        for source in found.named:
            type_name = describer.type_of(source)
            if type_name is None:
                why = "its name is of no type that the instrument's file declares"
                self.outcome.rows.append(IngestRow(source.path, Result.FAILED, why, Bin.METADATA))
            else:
                yield source, type_name
        for source in found.inside:
            type_name = describer.type_of(source)
            if type_name is None:
                self.outcome.unrecognised.append(source.path)
            else:
                yield source, type_name

    def _candidate(self, one: Known) -> Candidate | IngestRow:
        transfer = self.wishes.transfer
        if transfer is Transfer.AUTO:
            transfer = Transfer.INSIDE if self.datastore.holds(one.source) else Transfer.LINK
        try:
            destination = self.datastore.place_of(one.source, one.described, one.run, transfer)
        except NameFault as error:
            return IngestRow(one.source.path, Result.FAILED, str(error), Bin.METADATA, one.described.type.name)
        candidate = Candidate(one.source, one.id, one.exposure, destination, transfer)
        self._known[id(candidate)] = one
        return candidate

    # ---- what is to become of it

    def _plan(self, candidates: Sequence[Candidate], spoilt: set[Hashable]) -> tuple[Planned, ...]:
        known = self.catalogue.places_of([candidate.id for candidate in candidates])
        root, number = self.datastore.root, self.datastore.number
        recorded = {one: path for one, (held_in, path) in known.items() if held_in == root}
        mine = [one for one in candidates if one.id in recorded or one.id not in known]
        destinations = sorted({candidate.destination for candidate in mine})
        taken = {} if number is None else self.catalogue.ids_at(number, destinations)
        present = look(root, sorted({*destinations, *recorded.values()}))
        planned = plan(mine, recorded, taken, present, self._comparer(len(mine)))
        away = [_elsewhere(one, *known[one.id]) for one in candidates if one.id in known and one.id not in recorded]
        everything = (*planned, *away)
        return everything if self.wishes.incomplete else hold_back(everything, spoilt)

    def _comparer(self, total: int) -> Callable[[bytes, bytes], str]:
        asked: list[bytes] = []

        def compare(source: bytes, held: bytes) -> str:
            asked.append(held)
            self.progress("comparing", len(asked), total)
            return same_bytes(source, os.path.join(self.datastore.root, held))  # noqa: PTH118 - names are bytes

        return compare

    # ---- doing it

    def _act(self, planned: Sequence[Planned]) -> None:
        failed = bool(self.outcome.troubles) or any(not row.result.is_good for row in self.outcome.rows)
        failed = failed or any(not one.result.is_good for one in planned)
        to_place = [one for one in planned if one.result in _TO_PLACE]
        if self.wishes.dry_run:
            self._tell(planned)
        elif self.wishes.fail_fast and failed:
            self._tell(_not_tried(one) if one.result in _TO_PLACE else one for one in planned)
        else:
            self._tell(one for one in planned if one.result not in _TO_PLACE)
            self._place_all(to_place)
            self._remove_originals(one for one in planned if one.result is Result.IDENTICAL)

    def _tell(self, planned: Iterable[Planned]) -> None:
        self.outcome.rows += [self._row(one) for one in planned]

    def _row(self, one: Planned, placed: Placed | None = None, note: str | None = None) -> IngestRow:
        known = self._known[id(one.candidate)]
        transfer = placed.transfer if placed is not None else one.candidate.transfer
        return IngestRow(
            path=one.candidate.source.path,
            result=one.result,
            reason=one.reason,
            bin=one.bin,
            type=known.described.type.name,
            run=known.run,
            id=one.candidate.id,
            values=known.described.values,
            destination=one.candidate.destination if one.at is None else one.at,
            transfer=transfer if one.result in _TO_PLACE else None,
            note=note,
        )

    def _place_all(self, to_place: Sequence[Planned]) -> None:
        placer = Placer(self.datastore.root)
        placer.sweep()
        if not to_place:
            placer.close()
            return
        number = self._begin()
        try:
            for batch in _batches(to_place):
                has_failed = self._place_batch(placer, number, batch)
                self.progress("ingesting", len(self.outcome.rows), len(self._known))
                if has_failed and self.wishes.fail_fast:
                    tried = {row.path for row in self.outcome.rows}
                    self._tell(_not_tried(one) for one in to_place if one.candidate.source.path not in tried)
                    break
        finally:
            placer.close()
        self.catalogue.finish_ingest(number, self.outcome.state, self.outcome.counts, self.workplace.now())

    def _begin(self) -> int:
        """Note what the datasets will be of; return the number of the ingest."""
        catalogue, now = self.catalogue, self.workplace.now()
        grammar = self.datastore.grammar
        catalogue.declare_types(
            grammar.types, {one.name: grammar.section_of(one.name).exposure for one in grammar.types}
        )
        for run in sorted({one.run for one in self._known.values()}):
            catalogue.make_collection(run, CollectionKind.RUN, now)
        number = self.datastore.open(catalogue)
        name, way = self.instrument.instrument, self.wishes.transfer.value
        return catalogue.start_ingest(name, number, way, self.workplace.hostname, os.getpid(), now)

    def _place_batch(self, placer: Placer, number: int, batch: Sequence[Sequence[Planned]]) -> bool:
        """Place some exposures, bring them to disk, record each in a transaction of its own; say if one failed."""
        done: list[list[tuple[Planned, Placed]]] = []
        has_failed = False
        for exposure in batch:
            try:
                done.append(self._place_exposure(placer, exposure))
            except PlaceFailed as error:
                self._tell(_failed(exposure, error))
                has_failed = True
                if self.wishes.fail_fast:
                    break
        everything = [placed for exposure in done for _, placed in exposure]
        try:
            placer.sync()
            rows = [[self._record(*one) for one in exposure] for exposure in done]
            datastore = self.datastore.open(self.catalogue)
            self.catalogue.record_exposures(number, datastore, rows, self.workplace.now())
        except PlaceFailed as error:
            placer.undo(everything)
            self._tell(_failed([one for exposure in done for one, _ in exposure], error))
            return True
        left = self._without_orphans(placer, done)
        self._finish(left)
        return has_failed or sum(map(len, left)) < sum(map(len, done))

    def _without_orphans(
        self, placer: Placer, done: Sequence[list[tuple[Planned, Placed]]]
    ) -> list[list[tuple[Planned, Placed]]]:
        """Take back exposures whose originals went while they were recorded: prune did not know of them before."""
        kept = []
        for exposure in done:
            if all(self._leads_somewhere(placed) for _, placed in exposure):
                kept.append(exposure)
                continue
            self.catalogue.remove_datasets([one.candidate.id for one, _ in exposure])
            placer.undo([placed for _, placed in exposure])
            self._tell(_failed([one for one, _ in exposure], PlaceFailed("an original was taken away meanwhile")))
        return kept

    def _leads_somewhere(self, placed: Placed) -> bool:
        place = os.path.join(self.datastore.root, placed.candidate.destination)  # noqa: PTH118 - names are bytes
        return placed.transfer.value not in LEADING or os.path.exists(place)  # noqa: PTH110

    def _place_exposure(self, placer: Placer, exposure: Sequence[Planned]) -> list[tuple[Planned, Placed]]:
        new = [one for one in exposure if one.result is Result.NEW]
        placed = place_exposure(placer, [one.candidate for one in new])
        there = [
            (one, Placed(one.candidate, placer.way_of(one.candidate), is_ours=False))
            for one in exposure
            if one.result is Result.FOUND
        ]
        return [*zip(new, placed, strict=True), *there]

    def _record(self, one: Planned, placed: Placed) -> NewDataset:
        candidate, known = one.candidate, self._known[id(one.candidate)]
        key = self.datastore.grammar.section_of(known.described.type.name).exposure
        exposure = known.described.values.get(key) if key is not None else None
        return NewDataset(
            id=candidate.id,
            type=known.described.type,
            run=known.run,
            values=known.described.values,
            exposure=exposure if isinstance(exposure, int) else None,
            night=known.described.night,
            path=candidate.destination,
            transfer=placed.transfer.value,
            origin=candidate.source.real,
            size_bytes=candidate.source.size_bytes,
            mtime_s=candidate.source.mtime_ns / 1e9,
            sha256=placed.sha256 or self._hash(candidate),
        )

    def _hash(self, candidate: Candidate) -> str | None:
        if not self.wishes.checksum:
            return None
        try:
            return hash_file(os.path.join(self.datastore.root, candidate.destination))  # noqa: PTH118
        except OSError as error:
            raise PlaceFailed(f"{show(candidate.destination)} could not be hashed: {error.strerror}") from error

    def _finish(self, done: Sequence[Sequence[tuple[Planned, Placed]]]) -> None:
        """Say what was placed; of what was moved remove the originals, now that the copies are recorded."""
        pairs = [pair for exposure in done for pair in exposure]
        stay = self._why_they_stay([one for one, _ in pairs])
        for one, placed in pairs:
            note = None
            if one.candidate.transfer is Transfer.MOVE:
                source, path = one.candidate.source, one.candidate.destination
                note = stay.get(source.real) or remove_original(source, self.datastore.root, path, placed.sha256)
            self.outcome.rows.append(self._row(one, placed, note))

    def _why_they_stay(self, moved: Sequence[Planned]) -> dict[bytes, str]:
        if self.wishes.transfer is not Transfer.MOVE:
            return {}
        hosts = {self.datastore.host, self.workplace.hostname}
        return why_they_stay(self.catalogue, [one.candidate.source for one in moved], hosts)

    def _remove_originals(self, identical: Iterable[Planned]) -> None:
        """Finish a move that was cut off: what is there already is compared once more before the original goes."""
        if self.wishes.transfer is not Transfer.MOVE:
            return
        there = [(one.candidate.source, one.at, one) for one in identical if one.at is not None]
        stay = self._why_they_stay([one for _, _, one in there])
        notes = {
            source.path: stay.get(source.real) or remove_original(source, self.datastore.root, at, None)
            for source, at, _ in there
        }
        self.outcome.rows = [replace(row, note=notes.get(row.path, row.note)) for row in self.outcome.rows]


def _batches(to_place: Sequence[Planned]) -> Iterator[list[list[Planned]]]:
    """Yield exposures, so many at a time that they hold about as many files as are brought to disk together."""
    exposures: dict[Hashable, list[Planned]] = {}
    for one in to_place:
        exposures.setdefault(one.candidate.exposure, []).append(one)
    batch: list[list[Planned]] = []
    count = 0
    for exposure in exposures.values():
        batch.append(exposure)
        count += len(exposure)
        if count >= _FILES_AT_ONCE:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def _elsewhere(candidate: Candidate, root: bytes, path: bytes) -> Planned:
    place = show(os.path.join(root, path))  # noqa: PTH118 - names are bytes
    why = f"the catalogue holds it in another datastore, at {place}; name another --collection"
    return Planned(candidate, Result.REFUSED, why, Bin.EXPOSURE)


def _not_tried(one: Planned) -> Planned:
    return Planned(one.candidate, Result.NOT_TRIED, "another file failed before")


def _failed(exposure: Sequence[Planned], error: PlaceFailed) -> Iterator[Planned]:
    """Give the file at fault its reason, and the others of its exposure theirs."""
    at_fault = getattr(error, "__notes__", [])
    result = Result.UNREADABLE if error.is_unreadable else Result.FAILED
    for one in exposure:
        if not at_fault or show(one.candidate.source.path) in at_fault:
            yield Planned(one.candidate, result, str(error), Bin.FILE)
        else:
            yield Planned(one.candidate, Result.HELD_BACK, "another file of its exposure failed", Bin.EXPOSURE)
