"""How quickly files are catalogued and exposures found; writes docs/benchmarks-catalogue.md.

A night of small FITS files, made by code, is catalogued from disk; then questions are put to a catalogue of millions
of exposures, in SQLite and in PostgreSQL (a server of its own on a socket), in this process, warm.

    python -m benchmarks.holdings [--files N] [--exposures N] [--rounds N] [--no-page]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.machine import facts
from catalogue.catalogue import Catalogue
from catalogue.holdings.queries import ExposureQuery
from catalogue.holdings.tables import exposures
from tests.databases import fresh_database, postgresql_server
from tests.exposures import DESI, Held, fits, header, write

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-catalogue.md"
TARGET_MS = 50.0
ROWS = 1000
"""Rows that a question returns at most."""
A_NIGHT = 1000
"""Exposures of a night."""
FILES_PER_EXPOSURE = 10
FIRST_NIGHT = dt.date(2010, 1, 1)


@dataclass(frozen=True)
class Filling:
    """How long cataloguing took, and what it took of memory beyond what was there before."""

    files: int
    first_s: float
    first_cpu_s: float
    again_s: float
    more_memory_mb: float


@dataclass(frozen=True)
class Question:
    """How long one question took on one database."""

    database: str
    name: str
    rows: int
    median_ms: float
    highest_ms: float


def fill(folder: Path, files: int) -> Filling:
    """Catalogue a night of so many files."""
    held = _night(folder, files)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy = time.process_time()
    first = _timed(lambda: _filled(held, files))
    busy = time.process_time() - busy
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    again = _timed(lambda: _filled(held, 0))
    held.catalogue.close()
    return Filling(files, first, busy, again, more / 1024)


def _night(folder: Path, files: int) -> Held:
    (folder / "data" / ".nightferry").mkdir(parents=True)
    (folder / "data" / ".nightferry" / "root").touch()
    section: dict[str, Any] = {**DESI, "exposure": "(?P<exposure>[0-9]{8})/.+", "hdu": "0"}
    section.pop("headers")
    held = Held(folder / "data", Catalogue.open(f"sqlite:///{folder}/catalogue.db"), section)
    for expid in range(files // FILES_PER_EXPOSURE):
        content = fits(header(expid) | {f"KEY{number}": number * 1.5 for number in range(60)})
        for number in range(FILES_PER_EXPOSURE):
            write(held.folder(expid) / f"desi-{expid:08d}-{number}.fits", content)
    return held


def _filled(held: Held, expected: int) -> None:
    outcome = held.fill()
    if outcome.counts.read != expected or outcome.doubts or outcome.counts.faults:
        raise RuntimeError(f"{outcome.counts.read} of {expected} files were read: {outcome.doubts}")


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


_SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < :count - 1)",
    "postgresql": "WITH series(n) AS (SELECT * FROM generate_series(0, CAST(:count AS integer) - 1))",
}
_WORDS = {
    "sqlite": {
        "id": "randomblob(16)",
        "night": "date('2010-01-01', '+' || (n / 1000) || ' days')",
        "instant": "strftime('%Y-%m-%d %H:%M:%f', '2010-01-02 03:00:00', '+' || (n / 1000) || ' days', "
        "'+' || (n % 1000 * 30 + {s}) || ' seconds') || '000'",
    },
    "postgresql": {
        "id": "gen_random_uuid()",
        "night": "DATE '2010-01-01' + n / 1000",
        "instant": "TIMESTAMPTZ '2010-01-02 03:00:00Z' + (n / 1000) * INTERVAL '1 day' "
        "+ (n % 1000 * 30 + {s}) * INTERVAL '1 second'",
    },
}


def load(catalogue: Catalogue, count: int) -> None:
    """Put exposures into an empty catalogue, a thousand a night: rows first, then the indices that it keeps."""
    engine = catalogue._store.engine  # a benchmark may load what nobody else writes at once
    writer = engine.execution_options(nightferry_writes=True)
    with writer.begin() as connection:
        for index in exposures.indexes:
            index.drop(connection)
        connection.execute(sa.text(_insertion(engine.dialect.name)), {"count": count})
        for index in exposures.indexes:
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE exposures")


def _insertion(dialect: str) -> str:
    """Return the statement that makes exposures within the database, many times as fast as row by row."""
    words = _WORDS[dialect]
    true = "1" if dialect == "sqlite" else "true"
    values = {
        "id": words["id"],
        "instrument": "'desi'",
        "variant": "''",
        "night": words["night"],
        "number": "n",
        "name": "CAST(n AS text)",
        "header_night": words["night"],
        "date": words["instant"].format(s=0),
        "exptime": "n % 1200",
        "skyra": "(n % 36000) / 100.0",
        "skydec": "(n % 12000) / 100.0 - 30",
        "airmass": "1 + (n % 100) / 100.0",
        "object": "'field ' || CAST(n % 20000 AS text)",
        "exptype": "CASE n % 4 WHEN 0 THEN 'SCIENCE' WHEN 1 THEN 'FLAT' WHEN 2 THEN 'ARC' ELSE 'ZERO' END",
        "program": "CASE n % 3 WHEN 0 THEN 'DARK' WHEN 1 THEN 'BRIGHT' ELSE 'BACKUP' END",
        "tile_id": "n % 50000",
        "facts": "'{}'",
        "data_written": true,
        "data_written_utc": words["instant"].format(s=300),
        "arrived_utc": words["instant"].format(s=300),
        "catalogued_utc": words["instant"].format(s=0),
    }
    names, made = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO exposures ({names}) {_SERIES[dialect]} SELECT {made} FROM series"  # noqa: S608  # our own words


def questions(count: int) -> dict[str, Callable[[int], ExposureQuery]]:
    """Return the questions; each round asks for another part of the catalogue."""
    nights = count // A_NIGHT

    def night(turn: int) -> dt.date:
        return FIRST_NIGHT + dt.timedelta(days=(turn * 997) % nights)

    def span(turn: int) -> tuple[int, int]:
        first = (turn * 104_729) % (count - ROWS)
        return first, first + ROWS - 1

    return {
        "a night": lambda turn: ExposureQuery("desi", nights=(night(turn),) * 2, limit=ROWS),
        "a range of numbers": lambda turn: ExposureQuery("desi", numbers=span(turn), limit=ROWS),
        "where: a night's program": lambda turn: ExposureQuery(
            "desi", where=f"night = {night(turn):%Y%m%d} and program = 'DARK' and exptime > 300", limit=ROWS
        ),
        "where: a tile": lambda turn: ExposureQuery("desi", where=f"tile_id = {turn * 7}", limit=ROWS),
        "where: an object's long exposures": lambda turn: ExposureQuery(
            "desi", where=f"object = 'field {turn * 11}' and exptime between 300 and 900", limit=ROWS
        ),
        "where: nothing that is indexed": lambda turn: ExposureQuery(
            "desi", where=f"airmass > 1.5 and exptime > {600 + turn}", limit=ROWS
        ),
        "where: three tiles": lambda turn: ExposureQuery(
            "desi", where=f"tile_id in ({turn * 7}, {turn * 11}, {turn * 13})", limit=ROWS
        ),
        "where: a tile or an object": lambda turn: ExposureQuery(
            "desi", where=f"tile_id = {turn * 7} or object = 'field {turn * 11}'", limit=ROWS
        ),
        "where: all tiles above one": lambda turn: ExposureQuery("desi", where=f"tile_id > {turn * 7}", limit=ROWS),
        "where: observed since": lambda turn: ExposureQuery(
            "desi", where=f"date > '{night(turn):%Y-%m-%d}T12:00:00'", limit=ROWS
        ),
        "where: objects that begin alike": lambda turn: ExposureQuery(
            "desi", where=f"object like 'field 199{turn}%'", limit=ROWS
        ),
        "where: few, of columns without an index": lambda turn: ExposureQuery(
            "desi", where=f"skydec > 89.9 and exptime = {turn} and airmass > 1.9", limit=ROWS
        ),
        "arrived within an hour": lambda turn: ExposureQuery(
            "desi", is_written=True, limit=ROWS, arrived=_hour(night(turn))
        ),
        "the last": lambda turn: ExposureQuery("desi", is_written=True, last="arrived"),
    }


def _hour(night: dt.date) -> tuple[dt.datetime, dt.datetime]:
    first = dt.datetime.combine(night + dt.timedelta(days=1), dt.time(5), dt.UTC)
    return first, first + dt.timedelta(hours=1)


def ask(name: str, catalogue: Catalogue, count: int, rounds: int) -> Iterator[Question]:
    """Put every question so many times after one that warms up."""
    for title, make in questions(count).items():
        catalogue.exposures(make(0))
        spent = []
        found = 0
        for turn in range(rounds):
            asked = make(turn)
            started = time.perf_counter()
            found = len(catalogue.exposures(asked))
            spent.append((time.perf_counter() - started) * 1e3)
        yield Question(name, title, found, statistics.median(spent), max(spent))


def page(filling: Filling, asked: Sequence[Question], count: int, rounds: int, folder: Path) -> str:
    """Return the page."""
    lines = [
        "# The catalogue: how quickly files are catalogued and exposures found",
        "",
        f"Measured {dt.date.today():%Y-%m-%d} by `make bench-catalogue`, one process.",  # a page's date
        "",
        *(f"* {fact}" for fact in facts(folder)),
        f"* load average while measuring: {', '.join(f'{one:.1f}' for one in os.getloadavg())}",
        "",
        "## Cataloguing",
        "",
        f"A night of {filling.files:,} FITS files of 70 cards, {FILES_PER_EXPOSURE} to an exposure, into SQLite:",
        "each is judged whole, its header read, its columns taken, its exposure judged complete.",
        "",
        "| | files a second | seconds | of these of a processor | more memory |",
        "|---|---|---|---|---|",
        f"| first time | {filling.files / filling.first_s:,.0f} | {filling.first_s:.1f} "
        f"| {filling.first_cpu_s:.1f} | {filling.more_memory_mb:.0f} MB |",
        f"| again, nothing new | {filling.files / filling.again_s:,.0f} | {filling.again_s:.1f} | | |",
        "",
        f"## Questions to {count:,} exposures",
        "",
        f"In process, warm, {rounds} rounds each for another part; at most {ROWS:,} rows with all columns.",
        f"Target: under {TARGET_MS:.0f} ms.",
        "",
        "| database | question | rows | median ms | highest ms | target |",
        "|---|---|---|---|---|---|",
    ]
    for one in asked:
        reached = "reached" if one.median_ms < TARGET_MS else "**missed**"
        lines.append(
            f"| {one.database} | {one.name} | {one.rows:,} | {one.median_ms:.1f} | {one.highest_ms:.1f} | {reached} |"
        )
    return "\n".join([*lines, "", *_SHORT.splitlines(), ""])


_SHORT = """\
## What falls short

A where-expression over columns without an index (airmass, seeing, and an instrument's own, which lie in a document)
walks the exposures in their order until it has found as many as are wanted: quick where many match, as in one of the
questions above, and most of a second over millions where few do, as in the other. Name a night, a range of numbers, a
tile, an object, a type or a program beside it, and it is quick again. So does a pattern (`object like 'M 3%'`) on
PostgreSQL, whose order of texts depends on the language; SQLite finds what begins alike by the index.

Memory grows with the files of one night, not with the nights: a night is noted whole or not at all."""


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--exposures", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--no-page", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nf-bench-", dir="/var/tmp") as text:
        folder = Path(text)
        filling = fill(folder / "night", options.files)
        print(filling, file=sys.stderr)
        asked: list[Question] = []
        with Catalogue.open(f"sqlite:///{folder}/big.db") as catalogue:
            load(catalogue, options.exposures)
            asked += ask(f"SQLite {sqlite3.sqlite_version}", catalogue, options.exposures, options.rounds)
        with postgresql_server() as server, Catalogue.open(fresh_database(server)) as catalogue:
            load(catalogue, options.exposures)
            asked += ask("PostgreSQL", catalogue, options.exposures, options.rounds)
        written = page(filling, asked, options.exposures, options.rounds, folder)
    print(written)
    if not options.no_page:
        PAGE.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
