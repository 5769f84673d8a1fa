"""One night of one place in the catalogue: what is new is read, what it says is noted in one transaction.

Listing the place is filling.py's; when an exposure is complete, complete.py's.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.holdings.book import HoldingBook, NightHoldings
from catalogue.holdings.complete import Eyes, Present, waits_for
from catalogue.holdings.grouping import Belonging, Grouping
from catalogue.holdings.headers import FileFault, Reader
from catalogue.holdings.records import Exposure, FileState, HeldCopy, HeldFile, Place, file_id
from observatory.endpoints.contract import Look
from observatory.errors import CouldNotTell, FileUnreadable
from observatory.names import show
from observatory.records import Entry

_BLOCK_BYTES = 1 << 20
_LARGEST_LIST_BYTES = 64 << 20
_SETTLED = (FileState.READ, FileState.LISTED)


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a night as listed: its camera, its path below the night's folder, and its entry."""

    camera: str
    below: bytes
    entry: Entry


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that could not be read. `is_damage`: the file is at fault; else it could not be looked at."""

    night: dt.date
    path: bytes
    reason: str
    is_damage: bool


@dataclass
class NightOutcome:
    """What filling came to, in counts, and what is to be said.

    Attributes
    ----------
    files : int
        Listed.
    read : int
        Of these, read by this run.
    growing : int
        Could not be read, and may still be written.
    new_exposures, written_exposures : int
        Known for the first time; found complete for the first time.
    waiting : int
        Exposures, among those looked at, whose data are not all on disk.
    faults : list of Fault
    warnings : list of str
        Nights that disagree, values that could not be read.
    """

    files: int = 0
    read: int = 0
    growing: int = 0
    exposures: int = 0
    new_exposures: int = 0
    written_exposures: int = 0
    waiting: int = 0
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, other: NightOutcome) -> None:
        """Add another night's."""
        for one in dataclasses.fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, slots=True)
class Bench:
    """What all nights of one place share.

    Attributes
    ----------
    endpoint : Look
        The machine on which the place is.
    links : callable
        Gives the links that stand in a night's folder on another copy of the chain, None where it cannot be looked at.
    again : bool
        Read every file anew.
    dry_run : bool
        Note nothing.
    stable_s, settle_s : float
        Seconds for which a complete exposure may not have changed, and after which a file is no longer growing.
    """

    book: HoldingBook
    endpoint: Look
    place: Place
    grouping: Grouping
    reader: Reader
    links: Callable[[str, dt.date], frozenset[bytes] | None]
    now: Callable[[], dt.datetime]
    stable_s: float
    settle_s: float
    again: bool = False
    dry_run: bool = False


class NightFilling:
    """The work on one night."""

    def __init__(self, bench: Bench, night: dt.date, listed: Sequence[Listed], is_whole: bool) -> None:
        self._bench = bench
        self._night = night
        self._listed = listed
        self._is_whole = is_whole
        self._now_utc = bench.now()
        self._place_id = bench.place.id
        self._known = bench.book.files_of_night(bench.place, night)
        self._files: dict[uuid.UUID, HeldFile] = {key: file for key, (file, _) in self._known.items()}
        self._copies: dict[uuid.UUID, HeldCopy] = {}
        self._belongings: dict[uuid.UUID, Belonging] = {}
        self._changed: set[uuid.UUID] = set()
        self._touched: set[uuid.UUID] = set()
        self._left: set[uuid.UUID] = set()
        self._links: list[frozenset[bytes] | None] = []
        self.outcome = NightOutcome(files=len(listed))

    def fill(self) -> NightOutcome:
        """Read what is to be read and note it."""
        for listed in self._listed:
            self._take(listed)
        gone = self._gone()
        exposures = [*self._exposures(), *self._lost(gone)]
        changed_copies = [copy for key, copy in self._copies.items() if copy != self._copy_known(key)]
        held = NightHoldings(
            files=[self._files[key] for key in sorted(self._changed)],
            # in one order everywhere: two machines that write the same rows then wait for, and never block, one another
            copies=sorted(changed_copies, key=lambda copy: copy.file_id),
            exposures=sorted(exposures, key=lambda exposure: exposure.id),
            gone=gone,
            left=sorted(self._left),
        )
        if not self._bench.dry_run and (held.files or held.copies or held.exposures or held.gone):
            self._bench.book.record_holdings(self._bench.place, held)
        return self.outcome

    def _copy_known(self, key: uuid.UUID) -> HeldCopy | None:
        return self._known[key][1] if key in self._known else None

    def _gone(self) -> list[uuid.UUID]:
        """Return the files that this place held and does not hold now; of a listing with holes nothing is gone."""
        if not self._is_whole:
            return []
        return [key for key, (_, copy) in self._known.items() if copy is not None and key not in self._copies]

    def _lost(self, gone: Sequence[uuid.UUID]) -> list[Exposure]:
        """Return the exposures of which a file is left nowhere: their data are no longer all on disk."""
        nowhere = set(gone) - self._bench.book.held_elsewhere(self._bench.place, gone)
        lost = {
            file.exposure_id: file
            for key, (file, _) in self._known.items()
            if key in nowhere and file.exposure_id is not None
        }
        known = self._bench.book.exposures_by_id(lost)
        return [
            dataclasses.replace(
                exposure,
                data_written=False,
                data_written_utc=None,
                waits_for=_lost_words(lost[exposure.id]),
            )
            for exposure in known.values()
        ]

    # ---- files

    def _take(self, listed: Listed) -> None:
        place, entry = self._bench.place, listed.entry
        key = file_id(place.instrument, place.variant, self._night, listed.camera, listed.below)
        belonging = self._bench.grouping.exposure_of(self._night, listed.camera, listed.below)
        known = self._copy_known(key)
        is_same = known is not None and (known.size_bytes, known.mtime_s) == (entry.size_bytes, entry.mtime_s)
        fresh = HeldCopy(key, self._place_id, entry.path, entry.size_bytes, entry.mtime_s, self._now_utc)
        if known is not None and is_same:
            sha256 = None if self._bench.again else known.sha256
            self._copies[key] = dataclasses.replace(fresh, since_utc=known.since_utc, sha256=sha256)
        else:
            self._copies[key] = fresh
        if belonging is not None:
            self._belongings.setdefault(belonging.id, belonging)
        old, again = self._files.get(key), self._bench.again
        if old is not None and not again and self._still_holds(old, belonging, known, is_same, entry):
            return
        file = self._read(listed, belonging)
        if self._is_read_elsewhere(key, old, file):
            del self._copies[key]  # what cannot be read is no copy, and takes back nothing that another one said
            return
        self._files[key] = file
        self._changed.add(key)
        if old is not None and old.exposure_id is not None and old.exposure_id != file.exposure_id:
            self._left.add(old.exposure_id)
        if belonging is not None and self._says_otherwise(old, file, known, is_same):
            self._touched.add(belonging.id)

    @staticmethod
    def _still_holds(
        old: HeldFile, belonging: Belonging | None, known: HeldCopy | None, is_same: bool, entry: Entry
    ) -> bool:
        if old.state not in _SETTLED or old.exposure_id != (belonging.id if belonging is not None else None):
            return False  # the latter: the section says otherwise than when it was read
        if known is not None:
            return is_same and old.size_bytes == entry.size_bytes  # else it was read in another place
        return (old.size_bytes, old.mtime_s) == (entry.size_bytes, entry.mtime_s)  # another place's, read there

    def _is_read_elsewhere(self, key: uuid.UUID, old: HeldFile | None, new: HeldFile) -> bool:
        """Say whether a file that cannot be read here was read, and is held by another place."""
        if old is None or old.state not in _SETTLED or new.state in _SETTLED:
            return False
        return bool(self._bench.book.held_elsewhere(self._bench.place, [key]))

    @staticmethod
    def _says_otherwise(old: HeldFile | None, new: HeldFile, known: HeldCopy | None, is_same: bool) -> bool:
        """Say whether a file that was read is another than before; a time alone, on another copy, makes it none."""
        if old is None or (known is not None and not is_same):
            return True
        facts = ("size_bytes", "state", "reason", "columns", "counts", "exposure_id")
        return any(getattr(old, name) != getattr(new, name) for name in facts)

    def _read(self, listed: Listed, belonging: Belonging | None) -> HeldFile:
        place, entry = self._bench.place, listed.entry
        file = HeldFile(
            instrument=place.instrument,
            variant=place.variant,
            night=self._night,
            camera=listed.camera,
            path=listed.below,
            exposure_id=belonging.id if belonging else None,
            size_bytes=entry.size_bytes,
            mtime_s=entry.mtime_s,
            state=FileState.LISTED,
        )
        if belonging is None or not self._bench.reader.wants(listed.camera, listed.below):
            return file
        return self._with_reading(file, listed)

    def _with_reading(self, file: HeldFile, listed: Listed) -> HeldFile:
        entry, path = listed.entry, self._bench.place.root.encode() + b"/" + listed.entry.path
        try:
            with self._bench.endpoint.open(path) as stream:
                reading = self._bench.reader.read(listed.camera, listed.below, stream, entry.size_bytes)
        except FileFault as fault:
            is_young = self._now_utc.timestamp() - entry.mtime_s < self._bench.settle_s
            return self._unread(file, entry, str(fault), is_young, is_damage=True)
        except CouldNotTell as error:
            return self._unread(file, entry, str(error), False, is_damage=False)
        except OSError as error:
            return self._unread(file, entry, error.strerror or str(error), False, is_damage=False)
        self.outcome.read += 1
        self.outcome.warnings += [f"{show(entry.path)}: {fault}" for fault in reading.faults]
        return dataclasses.replace(
            file,
            state=FileState.READ,
            columns=reading.columns,
            counts=reading.counts,
            faults=reading.faults,
            read_utc=self._now_utc,
        )

    def _unread(self, file: HeldFile, entry: Entry, reason: str, is_growing: bool, is_damage: bool) -> HeldFile:
        if is_growing:
            self.outcome.growing += 1
        else:
            self.outcome.faults.append(Fault(self._night, entry.path, reason, is_damage))
        return dataclasses.replace(file, state=FileState.GROWING if is_growing else FileState.UNREADABLE, reason=reason)

    # ---- exposures

    def _exposures(self) -> list[Exposure]:
        """Return the exposures of the night that are other than they were."""
        by_exposure: defaultdict[uuid.UUID, dict[uuid.UUID, HeldFile]] = defaultdict(dict)
        for key, file in self._files.items():
            if file.exposure_id is not None:
                by_exposure[file.exposure_id][key] = file
        known = self._bench.book.exposures_by_id(self._belongings)
        self.outcome.exposures = len(self._belongings)
        due = [key for key in self._belongings if self._is_due(key, known.get(key))]
        elsewhere = self._elsewhere(due)
        made = [
            self._exposure(key, by_exposure[key], elsewhere.get(key, ()), known.get(key))
            for key in due
            if key in by_exposure or key in elsewhere
        ]
        return [exposure for exposure in made if exposure != known.get(exposure.id)]

    def _is_due(self, key: uuid.UUID, known: Exposure | None) -> bool:
        return self._bench.again or key in self._touched or known is None or not known.data_written

    def _elsewhere(self, due: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[tuple[HeldFile, HeldCopy | None]]]:
        """Return the files that exposures have in other nights: numbers that go on may lie across a rollover."""
        found: defaultdict[uuid.UUID, list[tuple[HeldFile, HeldCopy | None]]] = defaultdict(list)
        if self._bench.grouping.section.numbers == "instrument" and self._bench.grouping.section.exposure:
            for file, copy in self._bench.book.files_of_exposures(self._bench.place, list(due), self._night):
                if file.exposure_id is not None:
                    found[file.exposure_id].append((file, copy))
        return found

    def _exposure(
        self,
        key: uuid.UUID,
        here: Mapping[uuid.UUID, HeldFile],
        elsewhere: Sequence[tuple[HeldFile, HeldCopy | None]],
        known: Exposure | None,
    ) -> Exposure:
        belonging, place = self._belongings[key], self._bench.place
        files = [*here.values(), *(file for file, _ in elsewhere)]
        lying = [(file, copy) for file, copy in elsewhere if copy is not None]
        lying += [(file, self._copies[key]) for key, file in here.items() if key in self._copies]
        waits = self._lost_of(files, lying) if len(lying) < len(files) else None
        waits = waits or self._waits_for(belonging, lying)
        made = Exposure(
            id=key,
            instrument=place.instrument,
            variant=place.variant,
            night=min(file.night for file in files),
            number=belonging.number,
            name=belonging.name,
            columns=self._bench.grouping.columns_of(files),
            data_written=waits is None,
            data_written_utc=self._written_utc(waits, known),
            waits_for=waits,
            catalogued_utc=known.catalogued_utc if known is not None else self._now_utc,
        )
        self._count(made, known)
        doubt = self._bench.grouping.doubt_of(belonging.name, files)
        self.outcome.warnings += [doubt] if doubt is not None else []
        return made

    def _lost_of(self, files: Iterable[HeldFile], lying: Iterable[tuple[HeldFile, HeldCopy]]) -> str | None:
        """Return what to say of a file that is neither here nor anywhere else."""
        here = {file.id for file, _ in lying}
        absent = {file.id: file for file in files if file.id not in here}
        lost = absent.keys() - self._bench.book.held_elsewhere(self._bench.place, absent) if absent else frozenset()
        return _lost_words(absent[min(lost)]) if lost else None

    def _written_utc(self, waits: str | None, known: Exposure | None) -> dt.datetime | None:
        """Return when the data were noticed to be complete; what changed since was written anew."""
        if waits is not None:
            return None
        kept = known.data_written_utc if known is not None and known.data_written else None
        return kept or self._now_utc

    def _count(self, made: Exposure, known: Exposure | None) -> None:
        self.outcome.new_exposures += known is None
        self.outcome.waiting += not made.data_written
        self.outcome.written_exposures += made.data_written and not (known is not None and known.data_written)
        said = made.columns.get("header_night")
        if said is not None and said != made.night and (known is None or known.columns.get("header_night") != said):
            self.outcome.warnings.append(
                f"exposure {made.name} lies in the night {made.night:%Y%m%d}, its header says {said:%Y%m%d}"
            )

    # ---- completeness

    def _waits_for(self, belonging: Belonging, lying: Sequence[tuple[HeldFile, HeldCopy]]) -> str | None:
        copies = {copy.path: copy for _, copy in lying}
        present = [_present(*one) for one in lying]
        present.sort(key=lambda file: (file.path, file.place))
        eyes = Eyes(
            content=lambda file: self._content(copies[file.place]),
            digest=lambda file, algorithm: self._digest(copies[file.place], algorithm),
            agreed=lambda file, sha256: self._agreed(copies[file.place], sha256),
            is_link=self._is_link,
        )
        rules = self._bench.grouping.section.complete
        return waits_for(rules, belonging.written, present, eyes, self._bench.stable_s, self._now_utc)

    def _path(self, copy: HeldCopy) -> bytes:
        return self._bench.place.root.encode() + b"/" + copy.path

    def _content(self, copy: HeldCopy) -> bytes:
        try:
            if copy.size_bytes > _LARGEST_LIST_BYTES:
                raise OSError(27, f"{show(copy.path)} is too large for a list of checksums")
            with self._bench.endpoint.open(self._path(copy)) as stream:
                return stream.read(_LARGEST_LIST_BYTES + 1)
        except FileUnreadable as error:
            raise OSError(str(error)) from error

    def _digest(self, copy: HeldCopy, algorithm: str) -> str:
        """Hash a file; of bytes that agreed once the sum is kept."""
        if algorithm == "sha256" and copy.sha256 is not None:
            return copy.sha256
        digest = hashlib.new(algorithm)
        try:
            with self._bench.endpoint.open(self._path(copy)) as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
        except FileUnreadable as error:
            raise OSError(str(error)) from error
        return digest.hexdigest()

    def _agreed(self, copy: HeldCopy, sha256: str) -> None:
        """Keep the sum of a copy that is what the instrument's own list says: it is proven by that."""
        if copy.file_id in self._copies:
            self._copies[copy.file_id] = dataclasses.replace(copy, sha256=sha256)

    def _is_link(self, path: str) -> bool | None:
        rule = self._bench.grouping.section.complete.published
        if rule is not None and not self._links:  # asked once a night
            self._links.append(self._bench.links(rule.copy_, self._night))
        links = self._links[0] if self._links else None
        return None if links is None else path.encode() in links


def _present(file: HeldFile, copy: HeldCopy) -> Present:
    return Present(
        path=file.path,
        place=copy.path,
        size_bytes=copy.size_bytes,
        mtime_s=copy.mtime_s,
        since_utc=copy.since_utc,
        state=file.state,
        reason=file.reason,
        counts=file.counts,
    )


def _lost_words(file: HeldFile) -> str:
    return f"no copy of {show(file.path)} is left where the catalogue looks"
