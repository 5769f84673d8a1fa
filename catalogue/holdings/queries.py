"""Questions about exposures: which there are, of which files, and where the nearest proven copy of each lies.

How a where-expression becomes a condition is catalogue/conditions.py's; what is asked of other subjects other books'.
"""

from __future__ import annotations

import datetime as dt
import socket
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from catalogue.book import Book
from catalogue.conditions import Column, Kind, condition
from catalogue.holdings import choosing
from catalogue.holdings.book import exposure_of, held_file
from catalogue.holdings.records import Exposure, HeldCopy, HeldFile, Place
from catalogue.holdings.section import STANDARD, ColumnType
from catalogue.holdings.tables import exposure_copies, exposure_files, exposure_places, exposures
from catalogue.records import NightState
from catalogue.store import AT_ONCE
from catalogue.tables import nights as proven_nights
from catalogue.where import names_in, parse
from observatory.batches import batched
from observatory.errors import UsageError

_KINDS: Mapping[ColumnType, Kind] = {
    "text": "text", "integer": "integer", "number": "real", "night": "night", "instant": "instant", "mjd": "instant",
}  # fmt: skip
_LARGEST = 2**63 - 1
_ACROSS = dt.timedelta(days=7)
"""How long after its first night a file of an exposure may still come, to be found proven."""
_BY_NUMBER = (exposures.c.number, exposures.c.name)
_AFTER: Mapping[str, tuple[sa.ColumnElement[Any], ...]] = {
    "night": (exposures.c.night, *_BY_NUMBER),
    "number": _BY_NUMBER,
    "arrived_utc": (exposures.c.arrived_utc, *_BY_NUMBER),
    "date": (exposures.c.date, *_BY_NUMBER),
}
"""Orders of answers, by what they begin with: each is that of an index, so that nothing is sorted."""
Span = tuple[Any, Any]
"""Lowest and highest, both included; None: no bound."""


@dataclass(frozen=True, slots=True)
class ExposureQuery:
    """What is asked of exposures; None asks nothing.

    Attributes
    ----------
    nights : (date, date)
    numbers : (int, int)
    arrived : (datetime, datetime)
        When all data were noticed to be on disk; of one that still waits, when it was first seen.
    observed : (datetime, datetime)
        When it began, as its header says.
    is_written : bool or None
        Only those whose data are all on disk, or are not.
    where : str or None
        See catalogue/where.py.
    own_columns : mapping of column to its type
        Columns of the instrument's own that `where` may name.
    last : str or None
        ``arrived``, ``number`` or ``observed``: only the newest by that.
    limit : int or None
        So many at most.
    """

    instrument: str | None = None
    name: str | None = None
    nights: Span | None = None
    numbers: Span | None = None
    arrived: Span | None = None
    observed: Span | None = None
    is_written: bool | None = None
    where: str | None = None
    own_columns: Mapping[str, ColumnType] = field(default_factory=dict)
    last: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class LyingCopy:
    """A copy of a file, with the place where it lies.

    `is_proven`: the last verification found its night whole there, data are born there, or its bytes are what the
    instrument's own list of checksums says.
    """

    place: Place
    copy: HeldCopy
    is_proven: bool

    @property
    def is_here(self) -> bool:
        """Say whether it lies on this machine."""
        return self.place.machine == socket.gethostname()


@dataclass(frozen=True, slots=True)
class LyingFile:
    """A file of an exposure with all its copies, the nearest proven one first."""

    file: HeldFile
    copies: tuple[LyingCopy, ...]


class ExposureBook(Book):
    """Exposures, asked for by night, number, arrival, time or any of their columns."""

    def exposures(self, asked: ExposureQuery) -> list[Exposure]:
        """Return the exposures asked for, by instrument, night, number and name.

        Asked for by number they come by number, by arrival or time by that; the night counts before all of these. So
        it is where they are asked for by an expression that names one of these.

        Raises
        ------
        UsageError
            The where-expression cannot be read, or names a column that is none.
        """
        expression = parse(asked.where) if asked.where is not None else None
        columns = _columns(asked)
        bounds = _bounds(asked)
        always = [*_conditions(asked), *(one for held in bounds.values() for one in held)]
        with self._store.read() as connection:
            if asked.last is not None:
                also = [] if expression is None else [condition(expression, columns)]
                newest = sa.select(exposures).where(*always, *also).order_by(*_newest_first(asked.last)).limit(1)
                return [exposure_of(row) for row in connection.execute(newest)]
            walked = _walked(asked, frozenset() if expression is None else names_in(expression))
            terms = () if expression is None else (expression,)
            order = (exposures.c.instrument, *_AFTER[walked])
            put = choosing.Asked(asked.instrument, always, bounds, terms, columns, order, walked, asked.limit)
            return [exposure_of(row) for row in choosing.find(connection, put)]

    def files_of(self, wanted: Iterable[Exposure]) -> dict[uuid.UUID, list[LyingFile]]:
        """Return the files of some exposures, each with its copies; by path."""
        by_id = {exposure.id: exposure for exposure in wanted}
        found: defaultdict[uuid.UUID, list[LyingFile]] = defaultdict(list)
        if not by_id:
            return found
        proven = self._proven(by_id.values())
        for some in batched(sorted(by_id), AT_ONCE):
            for file in self._lying(some, proven):
                if file.file.exposure_id is not None:
                    found[file.file.exposure_id].append(file)
        return found

    def locations_of(self, wanted: Sequence[Exposure]) -> dict[uuid.UUID, str]:
        """Return ``host:path`` of the nearest proven copy of some exposures, fit for rsync; absent: there is none."""
        return {
            key: location
            for key, files in self.files_of(wanted).items()
            if (location := location_of(files)) is not None
        }

    def _lying(self, ids: Sequence[uuid.UUID], proven: Collection[tuple[str, str, dt.date]]) -> list[LyingFile]:
        with self._store.read() as connection:
            rows = connection.execute(
                sa.select(exposure_files).where(exposure_files.c.exposure_id.in_(ids)).order_by(exposure_files.c.path)
            ).all()
            files = {row.id: held_file(row) for row in rows}
            joined = exposure_copies.join(exposure_places, exposure_places.c.id == exposure_copies.c.place_id)
            asked = sa.select(exposure_copies, exposure_places).select_from(joined)
            copies: defaultdict[uuid.UUID, list[LyingCopy]] = defaultdict(list)
            for some in batched(list(files), AT_ONCE):
                for row in connection.execute(asked.where(exposure_copies.c.file_id.in_(some))):
                    copies[row.file_id].append(_lying_copy(row, files[row.file_id], proven))
        return [LyingFile(file, tuple(sorted(copies[key], key=_distance))) for key, file in files.items()]

    def _proven(self, wanted: Iterable[Exposure]) -> set[tuple[str, str, dt.date]]:
        """Return instrument, copy and variant, and night of what a verification found whole."""
        named = {exposure.instrument for exposure in wanted}
        days = [exposure.night for exposure in wanted]
        asked = sa.select(proven_nights.c.instrument, proven_nights.c.hop, proven_nights.c.night).where(
            proven_nights.c.instrument.in_(sorted(named)),
            proven_nights.c.night.between(min(days), max(days) + _ACROSS),
            proven_nights.c.state == NightState.PROVEN.value,
        )
        with self._store.read() as connection:
            return {
                (row.instrument, row.hop.partition(":")[2], row.night) for row in connection.execute(asked)
            }  # fmt: skip


def _lying_copy(row: Any, file: HeldFile, proven: Collection[tuple[str, str, dt.date]]) -> LyingCopy:
    place = Place(
        instrument=row.instrument,
        variant=row.variant,
        copy=row.copy,
        position=row.position,
        is_origin=row.is_origin,
        host=row.host,
        address=row.address,
        root=row.root,
        machine=row.machine,
    )
    copy = HeldCopy(
        row.file_id, row.place_id, row.path, row.size_bytes, row.mtime_s, row.since_utc, row.sha256
    )  # fmt: skip
    key = f"{place.copy}@{place.variant}" if place.variant else place.copy
    is_proven = place.is_origin or copy.sha256 is not None or (place.instrument, key, file.night) in proven
    return LyingCopy(place, copy, is_proven)


def _distance(lying: LyingCopy) -> tuple[bool, bool, int]:
    """Proven before others, this machine before others, archives before instruments."""
    return not lying.is_proven, not lying.is_here, -lying.place.position


def location_of(files: Sequence[LyingFile]) -> str | None:
    """Return ``host:path`` of the nearest place that holds a proven copy of every file of an exposure."""
    lying = nearest(files)
    if lying is None:
        return None
    place, copies = lying
    address = f"[{place.address}]" if ":" in place.address else place.address
    return f"{address}:{place.root}/{_as_text(common_path([copy.path for copy in copies]))}"


def nearest(files: Sequence[LyingFile]) -> tuple[Place, list[HeldCopy]] | None:
    """Return the nearest place that holds a proven copy of every file, and these in the order of the files."""
    held: defaultdict[uuid.UUID, list[LyingCopy]] = defaultdict(list)
    for file in files:
        for copy in file.copies:
            if copy.is_proven:
                held[copy.place.id].append(copy)
    whole = [copies for copies in held.values() if len(copies) == len(files)]
    if not whole:
        return None
    best = min(whole, key=lambda copies: _distance(copies[0]))
    return best[0].place, [lying.copy for lying in best]


def common_path(paths: Sequence[bytes]) -> bytes:
    """Return the folder that some paths share; of one path alone that path."""
    if len(paths) == 1:
        return paths[0]
    shared: list[bytes] = []
    for parts in zip(*(path.split(b"/")[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return b"/".join(shared)


def _as_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _conditions(asked: ExposureQuery) -> list[sa.ColumnElement[bool]]:
    table = exposures.c
    found: list[sa.ColumnElement[bool]] = []
    if asked.instrument is not None:
        found.append(table.instrument == asked.instrument)
    if asked.name is not None:
        found.append(table.name == asked.name)
    if asked.is_written is not None:
        found.append(table.data_written.is_(asked.is_written))
    if asked.last in ("number", "observed"):
        found.append((table.number if asked.last == "number" else table.date).is_not(None))
    return found


def _bounds(asked: ExposureQuery) -> dict[str, list[sa.ColumnElement[bool]]]:
    """Return what is asked of columns that have an index, by their names."""
    numbers = None if asked.numbers is None else (_held(asked.numbers[0]), _held(asked.numbers[1]))
    spans = {"night": asked.nights, "number": numbers, "arrived_utc": asked.arrived, "date": asked.observed}
    return {name: held for name, span in spans.items() if (held := _within(exposures.c[name], span))}


def _held(number: int | None) -> int | None:
    """Return a number that a database can compare: beyond the greatest that it holds there is none."""
    return None if number is None else max(-_LARGEST, min(number, _LARGEST))


def _within(element: sa.ColumnElement[Any], span: Span | None) -> list[sa.ColumnElement[bool]]:
    if span is None:
        return []
    low, high = span
    if low is not None and low == high:
        return [element == low]
    bounds = [] if low is None else [element >= low]
    return bounds if high is None else [*bounds, element <= high]


def _newest_first(last: str) -> tuple[sa.ColumnElement[Any], ...]:
    table = exposures.c
    newest = {"arrived": table.arrived_utc, "number": table.number, "observed": table.date}[last]
    return table.instrument.desc(), newest.desc(), table.number.desc(), table.name.desc()


def _walked(asked: ExposureQuery, named: Collection[str]) -> str:
    """Return the column in whose order the answer comes: one that was asked for, and that has an index of its own."""
    if asked.nights is not None:
        return "night"
    given = {"number": asked.numbers, "arrived_utc": asked.arrived, "date": asked.observed}
    spans = [name for name, span in given.items() if span is not None]
    if spans:
        return spans[0]
    words = [
        "number" if name == "expid" else name
        for name in ("night", "number", "expid", "arrived_utc", "date")
        if name in named
    ]
    return words[0] if words else "night"


def _columns(asked: ExposureQuery) -> dict[str, Column]:
    """Return what a where-expression may name."""
    table = exposures.c
    known: dict[str, Column] = {
        "instrument": Column(table.instrument, "text"),
        "night": Column(table.night, "night"),
        "number": Column(table.number, "integer"),
        "expid": Column(table.number, "integer"),
        "name": Column(table.name, "text"),
        "waits_for": Column(table.waits_for, "text"),
        "data_written_utc": Column(table.data_written_utc, "instant"),
        "arrived_utc": Column(table.arrived_utc, "instant"),
    }
    known |= {name: Column(table[name], _KINDS[kind]) for name, (kind, _) in STANDARD.items()}
    known |= {
        name: Column(_own(name, kind), _KINDS[kind]) for name, kind in asked.own_columns.items() if name not in known
    }
    return known


def _own(name: str, kind: ColumnType) -> sa.ColumnElement[Any]:
    """Return a column of the instrument's own, which lies in a document and has no index."""
    held = exposures.c.facts[name]
    element: sa.ColumnElement[Any]
    if kind == "integer":
        element = held.as_integer()
    elif kind == "number":
        element = held.as_float()
    elif kind == "text":
        element = held.as_string()
    else:
        raise UsageError(
            f"--where: {name} holds a {kind} of the instrument's own; only text and numbers can be asked for"
        )
    return element
