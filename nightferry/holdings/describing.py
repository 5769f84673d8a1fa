"""What the files of an ingest are: their names and headers read, a reason for each that does not tell.

Reads files and nothing of the catalogue. How names and headers are understood is catalogue/datasets/grammar.py's.
"""

from __future__ import annotations

import datetime as dt
import re
import signal
import uuid
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from catalogue.datasets.grammar import Described, Grammar, NameFault
from catalogue.datasets.headers import KeywordReader, NotWhole
from catalogue.holdings.values import Unreadable, instant_of_mjd, instant_of_text
from nightferry.holdings.ingest_outcome import IngestRow
from observatory.batches import batched
from observatory.forking import forkserver
from observatory.nights import NightClock
from syncer.ingest.model import Bin, Result, Source

_MANY_FILES = 1000
_DATE_ALONE = re.compile(r"\d{4}-\d\d-\d\d|\d{8}")
_BUNDLE = 250
"""Files that a process is told of at once."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file whose type and data id are known, the run that it is to be born in, and its id there."""

    source: Source
    described: Described
    run: str
    id: uuid.UUID
    exposure: Hashable


@dataclass(frozen=True, slots=True)
class Describer:
    """Reads what files are.

    Attributes
    ----------
    grammar : Grammar
    clock : NightClock
        For the night of an instant in a header.
    nights : mapping of path to night
        Of files of which the night is known already.
    type : str or None
        The type, whatever the names say.
    collection : str or None
        The run, instead of the types' own.
    """

    grammar: Grammar
    clock: NightClock
    nights: Mapping[bytes, dt.date]
    type: str | None = None
    collection: str | None = None

    def type_of(self, source: Source) -> str | None:
        """Return the type of a file, None where its name is of none."""
        return self.type or self.grammar.type_of(source.name)

    def describe_all(self, work: Sequence[tuple[Source, str]], jobs: int) -> Iterator[Known | IngestRow]:
        """Yield of each file what it is or why that cannot be told, in order, several read at a time.

        A few files are read by threads, which helps where the disk is slow; many by processes, which are told in
        bundles what to read.
        """
        memory = Memory(self.grammar, self.clock)
        if jobs == 1:
            yield from (self.describe(source, name, memory) for source, name in work)
        elif len(work) < _MANY_FILES:
            with ThreadPoolExecutor(jobs) as pool:
                yield from pool.map(lambda one: self.describe(one[0], one[1], memory), work)
        else:
            yield from self._by_processes(work, jobs)

    def describe_some(self, work: Sequence[tuple[Source, str]]) -> list[Known | IngestRow]:
        """Return of each of some files what it is, or why that cannot be told."""
        memory = Memory(self.grammar, self.clock)
        return [self.describe(source, name, memory) for source, name in work]

    def _by_processes(self, work: Sequence[tuple[Source, str]], jobs: int) -> Iterator[Known | IngestRow]:
        done = 0
        try:
            with ProcessPoolExecutor(jobs, forkserver([__name__]), _be_quiet) as pool:
                for some in pool.map(self.describe_some, batched(work, _BUNDLE)):
                    yield from some
                    done += len(some)
        except BrokenProcessPool:  # a process was killed from outside: what is left is read here
            yield from self.describe_some(work[done:])

    def describe(self, source: Source, type_name: str, memory: Memory) -> Known | IngestRow:
        """Return what one file is, or a row that says why it does not tell."""
        try:
            header = memory.readers[type_name].read(source.real)
            night = self.nights.get(source.path) or self._night_of(type_name, header, memory)
            described = self.grammar.describe(type_name, source.name, header, night)
        except (NameFault, NotWhole) as error:
            return IngestRow(source.path, Result.FAILED, str(error), Bin.METADATA, type_name)
        except OSError as error:
            why = error.strerror or str(error)
            return IngestRow(source.path, Result.UNREADABLE, why, Bin.METADATA, type_name)
        run = self.collection or self.grammar.section_of(type_name).collection
        identity = described.id_in(run)
        return Known(source, described, run, identity, self._exposure_of(described) or identity)

    def exposure_by_name(self, name: bytes, type_name: str) -> Hashable:
        """Return the exposure that a name alone tells; None where it tells none."""
        try:
            return self._exposure_of(self.grammar.describe(type_name, name, {}))
        except NameFault:
            return None

    def _exposure_of(self, described: Described) -> Hashable:
        key = self.grammar.section_of(described.type.name).exposure
        value = described.values.get(key) if key is not None else None
        return None if value is None else (described.type.name, described.values.get("instrument"), value)

    def _night_of(self, type_name: str, header: Mapping[str, object], memory: Memory) -> dt.date | None:
        for keyword in self.grammar.section_of(type_name).night or ():
            told = header.get(keyword)
            night = None if told is None else memory.night_at(told)
            if night is not None:
                return night
        return None


class Memory:
    """What was read of other files and comes again: cards of headers, and nights of instants."""

    def __init__(self, grammar: Grammar, clock: NightClock) -> None:
        self.readers = {one.name: KeywordReader(grammar.keywords(one.name)) for one in grammar.types}
        self._clock = clock
        self._last: tuple[object, dt.date | None] = (None, None)

    def night_at(self, told: object) -> dt.date | None:
        """Return the night of what a header tells, an instant or a modified Julian date; None where it is neither.

        A date alone tells the night where nights are UT dates.
        """
        last = self._last  # the files of an exposure come one after another; threads may set it in between
        if told != last[0]:
            last = self._last = (told, self._night_at(told))
        return last[1]

    def _night_at(self, told: object) -> dt.date | None:
        try:
            if isinstance(told, int | float) and not isinstance(told, bool):
                return self._clock.night_of(instant_of_mjd(told))
            text = str(told).strip()
            instant = instant_of_text(text)
        except Unreadable:
            return None
        if _DATE_ALONE.fullmatch(text):
            return instant.date() if self._clock.rollover is None else None
        return self._clock.night_of(instant)


def _be_quiet() -> None:
    """An interrupt ends the ingest, which ends its processes; they need not each say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
