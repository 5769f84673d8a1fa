"""The nights as a table of the form that VAMPIRES' people know (ARCHIVE_LOG.csv), for any chain; and such a log read.

What is written rests on the ledger alone: moved and proven nights, steps, and hashes. What another log claims is shown
where nothing better is known, and never called safe.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import commonpath

from catalogue.evidence_records import Claim, SafeNight, SafeState
from catalogue.records import HopNight, NightState, NightStatus
from nightferry.reporting.still_to_come import hops_above, still_to_come
from nightferry.retention.evidence import cameras_at, chains
from nightferry.retention.holders import known_holder
from nightferry.selection import Asked, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.layouts import Layout
from observatory.listing import camera_layout
from observatory.spec.chain import Hop, Place, hops
from observatory.spec.models import Instrument

PROCESSED, TRANSFERRED, SAFE = "processed", "transferred", "safe"
_STAMP = "%Y-%m-%dT%H:%M:%S"


def headings(instrument: Instrument) -> list[str]:
    """Return the columns: those of the first destination as in the log, those of further ones with its name behind."""
    first, *others = (copy.label for copy in instrument.copies)
    found = [f"{first}_path", "utc_date", "processed", "processed_timestamp"]
    for name in others:
        behind = "" if name == others[0] else f"_{name}"
        found += [f"transferred_to_{name}", f"transferred_timestamp{behind}"]
        found += [f"safe_on_{name}", f"safe_timestamp{behind}"]
    return found


def csv_lines(workplace: Workplace, asked: Asked) -> Iterator[str]:
    """Yield the lines of the table, heading first, the oldest night first.

    Raises
    ------
    UsageError
        Several instruments are asked for: their columns differ.
    """
    instruments = instruments_asked(workplace, asked)
    if len(instruments) != 1:
        raise UsageError("--csv: one instrument at a time, as the columns are its copies: name it with -i")
    (instrument,) = instruments
    yield _line(headings(instrument))
    for row in log_rows(workplace, asked, instrument):
        yield _line(row)


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def log_rows(workplace: Workplace, asked: Asked, instrument: Instrument) -> Iterator[list[str]]:
    """Yield the cells of each night and variant under `headings`."""
    wanted = nights_asked(workplace, asked, instrument) if asked.dates or asked.nights is not None else None
    known = {row.night: row for row in workplace.ledger.status(instrument.instrument, wanted)}
    claims: dict[dt.date, list[Claim]] = {}
    for claim in workplace.ledger.claims(instrument.instrument):
        if wanted is None or claim.night in wanted:
            claims.setdefault(claim.night, []).append(claim)
    tables = [_Chain(workplace, instrument, chain) for chain in chains(instrument)]
    for night in sorted({*known, *claims}):
        row = known.get(night, NightStatus(night))
        for table in tables:
            if table.shows(row) or (night in claims and table is tables[0]):
                yield table.cells(row, claims.get(night, ()))


@dataclass(frozen=True, slots=True)
class _Known:
    """One answer of the table, and since when it holds; without an instant where it is known from looking alone."""

    holds: bool
    at_utc: dt.datetime | None = None

    @property
    def cells(self) -> list[str]:
        stamp = self.at_utc.strftime(_STAMP) if self.holds and self.at_utc else ""
        return [str(self.holds), stamp]


class _Chain:
    """One variant of an instrument, with what the ledger holds of its hashes."""

    def __init__(self, workplace: Workplace, instrument: Instrument, chain: Sequence[Place]) -> None:
        self._instrument, self._chain = instrument, chain
        self._hops = [hop for hop in hops(instrument) if hop.destination in chain]
        self._above = hops_above(self._hops)
        self._safe = {place.name: safe_on(workplace, instrument, place) for place in chain}
        self._steps = list(processed_on(workplace, instrument, chain))

    def shows(self, row: NightStatus) -> bool:
        """Say whether anything of a night is known of this variant."""
        keys = {hop.key for hop in self._hops}
        return bool(row.steps) or any(hop.hop in keys for hop in row.hops)

    def cells(self, row: NightStatus, claims: Sequence[Claim]) -> list[str]:
        """Return a night's cells."""
        first, *others = self._chain
        found = [str(night_path(self._instrument, first, row.night)), row.night.isoformat()]
        processed = self._processed(row, claims)
        found += ["", ""] if processed is None else processed.cells
        for place in others:
            found += self._transferred(place, row, claims).cells + self._is_safe(place, row).cells
        return found

    def _processed(self, row: NightStatus, claims: Sequence[Claim]) -> _Known | None:
        """Say whether every step is done; None where there are no steps and nobody claims any.

        Of a night whose steps were begun here no other log knows better.
        """
        done = [(wanted, nights.get(row.night)) for wanted, nights in self._steps]
        if done and all(known is not None and known[0] >= wanted for wanted, known in done):
            return _Known(True, max(known[1] for _, known in done if known is not None))
        claimed = None if done and row.steps else _claimed(claims, PROCESSED, self._chain[0].name)
        return claimed or (_Known(False) if done else None)

    def _transferred(self, place: Place, row: NightStatus, claims: Sequence[Claim]) -> _Known:
        seen = _hops_into(self._hops, place, row)
        if seen and all(_has_arrived(hop) for hop in seen) and not self._is_to_come(seen, row):
            return _Known(True, max((hop.moved_utc for hop in seen if hop.moved_utc), default=None))
        if any(hop.first_seen_utc is not None for hop in seen):
            return _Known(False)  # we looked, and something was not there: no other log knows better
        return _claimed(claims, TRANSFERRED, place.name) or _Known(False)

    def _is_safe(self, place: Place, row: NightStatus) -> _Known:
        safe = self._safe[place.name].get(row.night)
        seen = _hops_into(self._hops, place, row)
        if safe is None or not still_safe(safe, seen) or self._is_to_come(seen, row):
            return _Known(False)
        return _Known(True, safe.at_utc)

    def _is_to_come(self, hops_into: Sequence[HopNight], row: NightStatus) -> bool:
        """Say whether the source of one of these hops is still to be brought files of the night."""
        return not still_to_come(self._above, row.hops).isdisjoint(hop.hop for hop in hops_into)


Processed = tuple[set[str], Mapping[dt.date, tuple[frozenset[str], dt.datetime]]]
"""The steps that a copy has, and which nights are through which of them since when."""


def processed_on(workplace: Workplace, instrument: Instrument, chain: Sequence[Place]) -> Iterator[Processed]:
    """Yield, for each copy that has steps, what these are and which nights are through which of them since when."""
    if instrument.convert is None:
        return
    from converters.pipeline import copy_name
    from nightferry.products.pending import steps_of

    for place in chain:
        wanted = {step.label for step in steps_of(instrument, place)}
        if wanted:
            yield wanted, workplace.ledger.nights_processed(instrument.instrument, copy_name(instrument, place))


def safe_on(
    workplace: Workplace, instrument: Instrument, place: Place, wanted: Collection[dt.date] | None = None
) -> Mapping[dt.date, SafeNight]:
    """Return what hashes showed of some nights of a copy, None: of all; nothing where none was ever read."""
    holder = known_holder(workplace, instrument, place)
    return {} if holder is None else workplace.ledger.safe_nights(holder, wanted)


def still_safe(safe: SafeNight, hops_into: Sequence[HopNight]) -> bool:
    """Say whether a night that hashes showed to be safe still is, by what sync and verify saw since. Pure."""
    if safe.state is not SafeState.SAFE:
        return False
    return all(
        not hop.open_files
        and hop.source_files <= safe.files
        and (hop.moved_utc is None or hop.moved_utc <= safe.at_utc)
        for hop in hops_into
    )


def _hops_into(declared: Sequence[Hop], place: Place, row: NightStatus) -> list[HopNight]:
    keys = {hop.key for hop in declared if hop.destination == place}
    return [hop for hop in row.hops if hop.hop in keys]


def _has_arrived(hop: HopNight) -> bool:
    is_whole = hop.state is NightState.PROVEN or not hop.open_files
    return is_whole and hop.first_seen_utc is not None


def _claimed(claims: Sequence[Claim], what: str, copy: str) -> _Known | None:
    found = [claim for claim in claims if (claim.what, claim.copy) == (what, copy)]
    return _Known(found[0].holds, found[0].at_utc) if found and found[0].holds else None


def night_path(instrument: Instrument, place: Place, night: dt.date) -> PurePosixPath:
    """Return a night's folder on a copy: the one that all cameras share, else that of the first."""
    cameras = cameras_at(instrument, place)
    texts = [camera_layout(place, name, camera) for name, camera in cameras.items() if camera.nights != "none"]
    layouts = [Layout(text) for text in texts if text != "."]
    if not layouts:
        return PurePosixPath(place.root)
    folders = [layout.folder(night).decode() for layout in layouts]
    shared = commonpath(folders)
    above = layouts[0].text.split("/")[: len(PurePosixPath(shared).parts)]
    is_night = any(word in part for part in above for word in ("%d", "%j"))  # else one above cameras, or of a year
    return PurePosixPath(place.root) / (shared if is_night else folders[0])


# ---- reading such a log


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read from a log: its claims, and a sentence for each line that made no sense."""

    claims: list[Claim]
    nights: int
    faults: list[str]


def read_log(content: str, name: str, instrument: Instrument, zone: dt.tzinfo) -> Imported:
    """Read a log with the columns of `headings`, whatever its order.

    Parameters
    ----------
    zone : tzinfo
        Of the times of ``safe``: the scripts that wrote these logs took them by the local clock, the others in UTC.

    Raises
    ------
    UsageError
        It has no such columns, or they name copies that the instrument does not have.
    """
    rows = csv.DictReader(io.StringIO(content))
    columns = _columns(list(rows.fieldnames or ()), name, instrument)
    claims: list[Claim] = []
    faults: list[str] = []
    nights = set()
    for number, row in enumerate(rows, 2):
        try:
            night = dt.date.fromisoformat((row["utc_date"] or "").strip())
            found = [_claim(row, column, night, name, zone) for column in columns]
        except ValueError as error:
            faults.append(f"{name}, line {number}: {error}")
            continue
        claims += found
        nights.add(night)
    return Imported(claims, len(nights), faults)


@dataclass(frozen=True, slots=True)
class _Column:
    what: str
    copy: str
    flag: str
    stamp: str


def _columns(names: Sequence[str], log: str, instrument: Instrument) -> list[_Column]:
    by_word = {copy.host: copy.label for copy in instrument.copies} | {
        copy.label: copy.label for copy in instrument.copies
    }
    if not {"utc_date", "processed"} <= set(names):
        raise UsageError(f"{log}: no such log: it has no columns utc_date and processed; nothing was noted")
    found = [_Column(PROCESSED, instrument.copies[0].label, "processed", "processed_timestamp")]
    for name in names:
        match = re.fullmatch(r"(transferred_to|safe_on)_(.+)", name)
        if match is None:
            continue
        if match[2] not in by_word:
            declared = ", ".join(copy.label for copy in instrument.copies)
            raise UsageError(f"{log}: {name}: {instrument.instrument} has no copy {match[2]!r} (declared: {declared})")
        what = TRANSFERRED if match[1] == "transferred_to" else SAFE
        behind = f"{what}_timestamp_{match[2]}"
        found.append(_Column(what, by_word[match[2]], name, behind if behind in names else f"{what}_timestamp"))
    return found


def _claim(row: Mapping[str, str | None], column: _Column, night: dt.date, log: str, zone: dt.tzinfo) -> Claim:
    flag = (row.get(column.flag) or "").strip()
    if flag not in ("True", "False", ""):
        raise ValueError(f"{column.flag} is {flag!r}, neither True nor False")
    text = (row.get(column.stamp) or "").strip()
    at = dt.datetime.fromisoformat(text) if text else None
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=zone if column.what == SAFE else dt.UTC)
    return Claim(column.copy, night, column.what, flag == "True", at, Path(log).name)


def import_log(workplace: Workplace, asked: Asked, path: Path) -> Imported:
    """Read a log and remember what it claims of an instrument's nights.

    Raises
    ------
    UsageError
        It is none, or several instruments are asked for.
    """
    instruments = instruments_asked(workplace, asked)
    if len(instruments) != 1:
        raise UsageError("--import: a log is of one instrument: name it with -i")
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path}: could not be read: {why}; nothing was noted") from error
    found = read_log(content, str(path), instruments[0], workplace.specification.zone)
    workplace.ledger.record_claims(instruments[0].instrument, found.claims)
    return found
