"""``exposures`` and ``fetch`` from the command line: what was asked, tables, CSV, JSON.

What is held the catalogue answers; copying is catalogue/holdings/fetching.py's.
"""

from __future__ import annotations

import csv as csv_module
import datetime as dt
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from catalogue.holdings.fetching import FetchFault, FileRotted, fetch_exposure
from catalogue.holdings.queries import ExposureQuery
from catalogue.holdings.records import Exposure
from catalogue.holdings.section import column_type, sources_of
from catalogue.ics import KEYS, summary_of
from nightferry.cli.context import is_terminal, print_document, say
from nightferry.holdings.as_read import as_read
from nightferry.holdings.cataloguing import catalogued, section_of
from nightferry.holdings.parquet import write_rows
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.errors import CouldNotTell, UsageError
from observatory.names import to_json
from observatory.nights import parse_nights
from observatory.spec.models import Instrument

SHOWN = ("instrument", "expid", "night", "date", "exptime", "exptype", "program", "tile_id", "object", "airmass",
         "data_written", "data_location")  # fmt: skip
"""Columns of the table; CSV and JSON have all."""
EVERY = ("instrument", "name", *KEYS, "waits_for", "data_written_utc", "catalogued_utc", "id")
"""The columns that every exposure has."""
TELLING = ("instrument", "expid", "night", "data_written", "exptime", "exptype", "date", "program", "tile_id", "object",
           "data_location", "airmass")  # fmt: skip
"""The same, the more telling first: those for which a terminal has room are shown."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of ``exposures``."""

    last: bool = False
    nights: str | None = None
    ids: str | None = None
    arrived: str | None = None
    observed: str | None = None
    where: str | None = None
    written: bool = False
    limit: int | None = None


def run_exposures(
    workplace: Workplace, asked: Asked, wanted: Wanted, *, csv: bool, json: bool, parquet: Path | None = None
) -> int:
    """Print the exposures asked for, or write them as a Parquet file."""
    if csv + json + (parquet is not None) > 1:
        raise UsageError("--csv, --json and --parquet: give one of them")
    instruments = catalogued(workplace, asked)
    rows = [row for instrument in instruments for row in _rows(workplace, instrument, wanted)]
    if wanted.last and rows:
        rows = [max(rows, key=lambda row: str(row["data_written_utc"] or row["catalogued_utc"]))]
    is_cut_off = wanted.limit is not None and len(rows) > wanted.limit
    rows = rows[: wanted.limit]
    _tell(rows, csv=csv, json=json, parquet=parquet)
    if not rows and not json:
        say(_nothing_found(workplace, instruments))
    if is_cut_off and not json:
        say(f"there are more than the {wanted.limit} shown (--limit)")
    return 0


def _nothing_found(workplace: Workplace, instruments: Iterable[Instrument]) -> str:
    """Return what is said of no exposures: a catalogue that was never filled knows of none, whatever was taken."""
    queries = {one.instrument: ExposureQuery(instrument=one.instrument, limit=1) for one in instruments}
    empty = [name for name, query in queries.items() if not workplace.catalogue.exposures(query)]
    if not empty:
        return "no exposure is such"
    names = ", ".join(empty)
    return f"nothing of {names} is catalogued yet: `nightferry catalogue` reads the copies that lie on this machine"


def _tell(rows: Sequence[dict[str, Any]], *, csv: bool, json: bool, parquet: Path | None) -> None:
    if json:
        print_document({"exposures": [_plain(row) for row in rows]})
    elif csv:
        typer.echo(_csv(rows), nl=False)
    elif parquet is not None:
        write_rows(parquet, rows)
        say(f"{parquet}: {counted(len(rows), 'exposure')}")
    elif rows and is_terminal():
        _print_table(rows)
    else:
        for line in _lines(rows):
            typer.echo(line)


def _rows(workplace: Workplace, instrument: Instrument, wanted: Wanted) -> list[dict[str, Any]]:
    found = workplace.catalogue.exposures(_query(workplace, instrument, wanted))
    locations = workplace.catalogue.locations_of(found)
    return [_row(exposure, locations.get(exposure.id)) for exposure in found]


def _query(workplace: Workplace, instrument: Instrument, wanted: Wanted) -> ExposureQuery:
    section = section_of(instrument)
    own = {} if section is None else {name: column_type(name, sources) for name, sources in sources_of(section).items()}
    present = workplace.present_night(instrument)
    nights = parse_nights([wanted.nights], present) if wanted.nights is not None else None
    return ExposureQuery(
        instrument=instrument.instrument,
        nights=None if nights is None else (nights[0], nights[-1]),
        numbers=_span("--ids", wanted.ids, _number),
        arrived=_span("--arrived", wanted.arrived, _instant),
        observed=_span("--observed", wanted.observed, _instant),
        is_written=True if wanted.written else None,
        where=wanted.where,
        own_columns=own,
        last="arrived" if wanted.last else None,
        limit=None if wanted.limit is None else wanted.limit + 1,  # whether there are more is said
    )


def _span(option: str, text: str | None, read: Callable[[str], Any]) -> tuple[Any, Any] | None:
    """Read ``A..B``, ``A..``, ``..B`` or one value alone; both ends are included."""
    if text is None:
        return None
    low, dots, high = text.partition("..")
    try:
        first = read(low) if low else None
        last = (read(high) if high else None) if dots else first
    except (ValueError, OverflowError) as error:  # the latter: an instant that lies before or after all years in UTC
        raise UsageError(f"{option} {text}: {error}") from error
    if first is None and last is None:
        raise UsageError(f"{option} {text}: a value, or a span A..B")
    if first is not None and last is not None and last < first:
        raise UsageError(f"{option} {text}: the span runs backwards")
    return first, last


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is no exposure number")
    return int(text)


def _instant(text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no instant such as 2024-10-05T12:00:00") from error
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)


def _row(exposure: Exposure, location: str | None) -> dict[str, Any]:
    """Return an exposure for people: the keys of the ICS interface, then what is ours, then the instrument's own."""
    summary = summary_of(exposure, location)
    own = {name: value for name, value in sorted(exposure.columns.items()) if name not in summary}
    return {
        "instrument": exposure.instrument,
        "name": exposure.name,
        **summary,
        "waits_for": exposure.waits_for,
        "data_written_utc": exposure.data_written_utc,
        "catalogued_utc": exposure.catalogued_utc,
        "id": str(exposure.id),
        **own,
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _text(value) if isinstance(value, dt.date) else value for name, value in row.items()}


def _text(value: Any) -> str:
    """Return a value as table and CSV show it; an instant in UTC."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")
    if isinstance(value, dt.date):
        return f"{value:%Y%m%d}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(EVERY)
    written = io.StringIO()
    writer = csv_module.writer(written, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(row.get(name)) for name in names] for row in rows)
    return written.getvalue()


def _shown(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the columns of the table that hold anything."""
    return [name for name in SHOWN if any(_cell(name, row) for row in rows)]


def _cell(name: str, row: dict[str, Any]) -> str:
    if name == "expid":
        return str(row["name"])
    return _text(row.get(name))


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    names = _shown(rows)
    cells = [names, *([_cell(name, row) or "-" for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    for line in cells if rows else ():
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print as many columns as the terminal has room for, the more telling before others."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    names = _fitting(rows, console.width)
    for name in names:
        drawn.add_column(name, no_wrap=True)
    for row in rows:
        cells = (Text(_cell(name, row)) for name in names)
        drawn.add_row(*cells, style="green" if row["data_written"] else "yellow")
    console.print(drawn)
    console.print(f"{counted(len(rows), 'exposure')}; --csv and --json show every column")


def _fitting(rows: Sequence[dict[str, Any]], width: int) -> list[str]:
    several = len({row["instrument"] for row in rows}) > 1
    known = [name for name in _shown(rows) if several or name != "instrument"]
    widths = {name: 2 + max(len(name), *(len(_cell(name, row)) for row in rows)) for name in known}
    chosen: list[str] = []
    for name in sorted(known, key=TELLING.index):
        if sum(widths[one] for one in chosen) + widths[name] <= width:
            chosen.append(name)
    return [name for name in known if name in chosen]


@dataclass(frozen=True, slots=True)
class Fetch:
    """The options of ``fetch``."""

    exposure: str
    to: Path
    classes: tuple[str, ...]
    night: str | None
    overwrite: bool
    dry_run: bool


def run_fetch(workplace: Workplace, asked: Asked, what: Fetch, *, json: bool) -> int:
    """Copy the files of an exposure and print their paths; 1 where something failed, 3 where a copy cannot be asked."""
    instrument, exposure = _only(workplace, asked, what)
    section = section_of(instrument)
    if section is not None:
        refuse_unknown(what.classes, section.classes)
    (files,) = workplace.catalogue.files_of([exposure]).values() or ([],)
    try:
        if section is None or not exposure.data_written:
            raise FetchFault(f"exposure {exposure.name} is not complete: {exposure.waits_for}")
        paths = fetch_exposure(
            files,
            what.to,
            classes=section.classes,
            wanted=what.classes or None,
            overwrite=what.overwrite,
            endpoint_of=lambda place: workplace.endpoint(place.host),
            hash_of=as_read(workplace, instrument, exposure.night).hash_of,
            dry_run=what.dry_run,
        )
    except FetchFault as fault:
        is_unread = isinstance(fault.__cause__, CouldNotTell)
        words = f"{fault}{_next_copy(exposure) if is_unread or isinstance(fault, FileRotted) else ''}"
        if json:
            print_document({"error": words})
        say(f"nightferry: {words}")
        return 3 if is_unread else 1
    if json:
        print_document({"exposure": exposure.name, "files": [to_json(os.fsencode(path)) for path in paths]})
    else:
        for path in paths:
            typer.echo(str(path))
    return 0


def _next_copy(exposure: Exposure) -> str:
    call = f"nightferry verify --level checksum -i {exposure.instrument} -d {exposure.night:%Y%m%d}"
    return f". After `{call}` another copy is taken, if one is whole"


def refuse_unknown(wanted: Sequence[str], classes: Collection[str]) -> None:
    """Refuse a class of files that is none.

    Raises
    ------
    UsageError
    """
    unknown = [name for name in wanted if name not in classes]
    if unknown:
        raise UsageError(
            f"--class {unknown[0]}: there is no such class of files; there are {', '.join(classes) or 'none'}"
        )


def _only(workplace: Workplace, asked: Asked, what: Fetch) -> tuple[Instrument, Exposure]:
    """Return the one exposure that is meant.

    Raises
    ------
    UsageError
        There is none, or there are several.
    """
    name = str(int(what.exposure)) if what.exposure.isascii() and what.exposure.isdigit() else what.exposure
    found = []
    for instrument in catalogued(workplace, asked):
        nights = parse_nights([what.night], workplace.present_night(instrument)) if what.night else None
        span = None if nights is None else (nights[0], nights[-1])
        query = ExposureQuery(instrument=instrument.instrument, name=name, nights=span)
        found += [(instrument, exposure) for exposure in workplace.catalogue.exposures(query)]
    if len(found) != 1:
        several = ", ".join(f"{one.instrument} {exposure.night:%Y%m%d}" for one, exposure in found[:5])
        known = f"{len(found)} are called so ({several}): say which with -i or -d" if found else "none is called so"
        raise UsageError(f"exposure {what.exposure}: {known}")
    return found[0]
