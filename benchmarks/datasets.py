"""How quickly datasets are found by keys of their data ids among millions; writes docs/benchmarks-datasets.md.

Raw files as PFS takes them, twelve to a visit, put into an empty catalogue within the database; then questions in
this process, warm.

    python -m benchmarks.datasets [--datasets N] [--rounds N] [--no-page]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks.holdings import ROWS, TARGET_MS
from benchmarks.machine import facts
from catalogue.catalogue import Catalogue
from catalogue.datasets.grammar import DatasetType, Key
from catalogue.datasets.query import Question
from catalogue.datasets.records import CollectionKind
from catalogue.datasets.tables import datasets
from tests.databases import fresh_database, postgresql_server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-datasets.md"


@dataclass(frozen=True)
class Asked:
    """How long one question took on one database: in the least disturbed round, in the middle one, in the longest.

    `processor_ms` is this process's own work in the middle one; PostgreSQL's is not in it.
    """

    database: str
    name: str
    rows: int
    lowest_ms: float
    median_ms: float
    highest_ms: float
    processor_ms: float

    @property
    def line(self) -> str:
        """Its line of the table."""
        reached = "reached" if self.median_ms < TARGET_MS else "**missed**"
        if self.lowest_ms < TARGET_MS <= self.median_ms:
            reached = "in the least disturbed round"
        figures = (self.lowest_ms, self.median_ms, self.highest_ms, self.processor_ms)
        spent = " | ".join(f"{one:.1f}" for one in figures)
        return f"| {self.database} | {self.name} | {self.rows:,} | {spent} | {reached} |"


RUN = "PFS/raw/all"
A_VISIT = 12
"""Files of a visit: three arms of four spectrographs."""
A_NIGHT = 250
"""Visits of a night."""
A_DAY = dt.timedelta(days=1)
FIRST_NIGHT = dt.date(2020, 1, 1)
RAW = DatasetType("raw", "pfs", (
    Key("instrument", "text"), Key("arm", "text"), Key("dither", "real", identifies=False),
    Key("pfs_design_id", "hexadecimal", identifies=False), Key("spectrograph", "integer"),
    Key("detector", "integer", identifies=False), Key("visit", "integer"),
))  # fmt: skip
_SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < :count - 1)",
    "postgresql": "WITH series(n) AS (SELECT * FROM generate_series(0, CAST(:count AS integer) - 1))",
}
"""One file in so many is of the fourth arm."""
_DATA = """'{{"instrument": "PFS", "arm": "' || CASE WHEN n % 1000003 = 500000 THEN 'm'
ELSE substr('brn', n % 3 + 1, 1) END || '", "dither": 0.0, "pfs_design_id": "'
|| {design} || '", "spectrograph": ' || (n / 3 % 4 + 1) || ', "detector": ' || (n % 12) || ', "visit": ' || (n / 12)
|| '}}'"""
_WORDS = {
    "sqlite": {
        "id": "randomblob(16)",
        "night": "date('2020-01-01', '+' || (n / 3000) || ' days')",
        "data": _DATA.format(design="printf('%016d', 1000000000 + n / 120)"),
        "path": "CAST('PFS/raw/all/' || n AS blob)",
        "origin": "CAST('/raw/' || n AS blob)",
        "at_utc": "'2024-01-01 00:00:00.000000'",
    },
    "postgresql": {
        "id": "gen_random_uuid()",
        "night": "DATE '2020-01-01' + n / 3000",
        "data": "CAST(" + _DATA.format(design="lpad(CAST(1000000000 + n / 120 AS text), 16, '0')") + " AS json)",
        "path": "CAST('PFS/raw/all/' || n AS bytea)",
        "origin": "CAST('/raw/' || n AS bytea)",
        "at_utc": "TIMESTAMPTZ '2024-01-01 00:00:00Z'",
    },
}


def load(catalogue: Catalogue, count: int) -> None:
    """Put datasets into an empty catalogue; the indices that it keeps are filled as ingests fill them."""
    now = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    catalogue.declare_types([RAW], {"raw": "visit"})
    catalogue.make_collection(RUN, CollectionKind.RUN, now)
    datastore = catalogue.open_datastore("bench", b"/store")
    ingest = catalogue.start_ingest("pfs", datastore, "hardlink", "bench", 1, now)
    engine = catalogue._store.engine  # a benchmark may load what nobody else writes at once
    with engine.execution_options(nightferry_writes=True).begin() as connection:
        made = _insertion(engine.dialect.name, datastore, ingest)
        connection.execute(sa.text(made), {"count": count})
    if engine.dialect.name == "postgresql":  # SQLite is left without statistics, as an ingest leaves it
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE datasets")


def _insertion(dialect: str, datastore: int, ingest: int) -> str:
    values = _WORDS[dialect] | {
        "type_id": "1", "run_id": "1", "ingest_id": str(ingest), "datastore_id": str(datastore), "exposure": "n / 12",
        "data_id": "CAST(n AS text)", "transfer": "'hardlink'", "size_bytes": "100", "mtime_s": "0.0",
    }  # fmt: skip
    names, made = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO {datasets.name} ({names}) {_SERIES[dialect]} SELECT {made} FROM series"  # noqa: S608  # our own words


def questions(count: int, rows: int) -> dict[str, Callable[[int], Question]]:
    """Return the questions; each round asks for another part of the catalogue."""
    visits = count // A_VISIT

    def visit(turn: int) -> int:
        return (turn * 104_729) % (visits - rows)

    def night(turn: int) -> dt.date:
        return FIRST_NIGHT + dt.timedelta(days=(turn * 997) % max(visits // A_NIGHT, 1))

    def asked(make: Callable[[int], str]) -> Callable[[int], Question]:
        return lambda turn: Question("raw", where=make(turn), collections=(RUN,), limit=rows)

    def sorted_by(*keys: str) -> Callable[[int], Question]:
        return lambda turn: Question("raw", collections=(RUN,), order_by=keys, limit=rows)

    return {
        "visit and arm": asked(lambda turn: f"visit = {visit(turn)} and arm = 'r'"),
        "a range of visits": asked(lambda turn: f"visit in ({visit(turn)}..{visit(turn) + 80})"),
        "a night": asked(lambda turn: f"night = {night(turn):%Y%m%d}"),
        "an arm": asked(lambda turn: f"arm = '{'brn'[turn % 3]}'"),
        "arm and spectrograph": asked(lambda turn: f"arm = '{'brn'[turn % 3]}' and spectrograph = {turn % 4 + 1}"),
        "a detector": asked(lambda turn: f"detector = {turn % 12}"),
        "a design": asked(lambda turn: f"pfs_design_id = 0x{1_000_000_000 + visit(turn) // 10}"),
        "an instrument": asked(lambda turn: "instrument = 'PFS'"),
        "the last of an arm": lambda turn: Question(
            "raw", where=f"arm = '{'brn'[turn % 3]}'", collections=(RUN,), order_by=("-visit",), limit=rows
        ),
        "a rare arm": asked(lambda turn: "arm = 'm'"),
        "an arm that there is not": asked(lambda turn: f"arm = 'x{turn}'"),
        "an instrument that there is not": asked(lambda turn: f"instrument = 'PFS-{turn}'"),
        "a number above all": asked(lambda turn: f"dither > {turn + 1}"),
        "no number but one": asked(lambda turn: "not dither = 0"),
        "a detector of another arm": asked(lambda turn: "detector = 0 and arm = 'r' and not spectrograph = 7"),
        "one key or another": asked(lambda turn: f"arm = 'm' or spectrograph = {turn % 4 + 1}"),
        "some values": asked(lambda turn: f"arm in ('b', 'm') and spectrograph in ({turn % 3 + 1}..4)"),
        "all values but one": asked(lambda turn: f"not arm = '{'brn'[turn % 3]}'"),
        "a text like another": asked(lambda turn: "arm like 'm%'"),
        "many visits and an arm": asked(lambda turn: f"visit > {visit(turn)} and arm = '{'brn'[turn % 3]}'"),
        "many visits and a rare arm": asked(lambda turn: f"visit > {visit(turn) // 2} and arm = 'm'"),
        "a night and an arm": asked(lambda turn: f"night = {night(turn):%Y%m%d} and arm = '{'brn'[turn % 3]}'"),
        "all but a visit, of an arm": asked(lambda turn: f"visit != {visit(turn)} and arm = 'r'"),
        "by arm and visit": sorted_by("arm", "visit"),
        "by detector, the last visits first": sorted_by("-detector", "-visit"),
        "three nights": asked(lambda turn: f"night in ({night(turn):%Y%m%d}..{night(turn) + 2 * A_DAY:%Y%m%d})"),
        "a year of nights": asked(lambda turn: f"night in ({night(turn):%Y%m%d}..{night(turn) + 364 * A_DAY:%Y%m%d})"),
        "a year of nights and an arm": asked(
            lambda turn: (
                f"night in ({night(turn):%Y%m%d}..{night(turn) + 364 * A_DAY:%Y%m%d}) and arm = '{'brn'[turn % 3]}'"
            )
        ),
        "a night or an arm": asked(lambda turn: f"night = {night(turn):%Y%m%d} or arm = '{'brn'[turn % 3]}'"),
        "far visits and near ones": asked(lambda turn: f"visit in (5..20, {visit(turn)}..{visit(turn) + 9999})"),
        "a run by its name": asked(lambda turn: f"run = '{RUN}' and arm = '{'brn'[turn % 3]}'"),
        "a visit or a rare arm": asked(lambda turn: f"visit = {visit(turn)} or arm = 'm'"),
    }


def ask(name: str, catalogue: Catalogue, count: int, rounds: int) -> Iterator[Asked]:
    """Put every question so many times after one that warms up."""
    for title, make in questions(count, ROWS).items():
        catalogue.find_datasets(make(0))
        spent: list[float] = []
        worked: list[float] = []
        found = 0
        for turn in range(1, rounds + 1):
            question = make(turn)
            started, before = time.perf_counter(), time.process_time()
            found = len(catalogue.find_datasets(question).datasets)
            spent.append((time.perf_counter() - started) * 1e3)
            worked.append((time.process_time() - before) * 1e3)
        yield Asked(name, title, found, min(spent), statistics.median(spent), max(spent), statistics.median(worked))


def page(asked: Sequence[Asked], count: int, rounds: int, folder: Path) -> str:
    """Return the page."""
    lines = [
        "# Datasets: how quickly they are found by what they are",
        "",
        f"Measured {dt.date.today():%Y-%m-%d} by `make bench-catalogue`, one process.",  # a page's date
        "",
        *(f"* {fact}" for fact in facts(folder)),
        f"* load average, most of it others': {', '.join(f'{one:.1f}' for one in os.getloadavg())}",
        "",
        f"{count:,} raw files of PFS, twelve to a visit, in one run, which every question names. In process, warm,",
        f"{rounds} rounds each for another part; at most {ROWS:,} rows, all columns. Target: under {TARGET_MS:.0f} ms.",
        "Processor: of this process in the median round; for SQLite that is all of the work, for PostgreSQL our part.",
        "",
        "| database | question | rows | lowest ms | median ms | highest ms | processor ms | target |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*lines, *(one.line for one in asked), "", *_SHORT.splitlines(), ""])


_SHORT = """\
## What is found by an index

| asked for | how |
|---|---|
| the exposure's key (`visit`) | an index of its own: `=`, `in`, ranges, both orders |
| `night` | an index of its own: one night, and spans and lists of nights, of which each night's exposures are known |
| `run` | looked up among the collections; a run of few datasets is read whole |
| `or` of any of these (`visit = 12 or arm = 'm'`), and lists of spans | each alternative by its own index, the first \
of all by the first of each |
| keys of 64 bits (`pfs_design_id`) | an index of their own, for one number |
| every other key of the type, whether it identifies or not: `instrument` (the site), `arm`, `spectrograph`, \
`detector`, `dither` of `raw`; `instrument`, `subset`, `proposal` of `pfsConfig` | one index of all of them together, \
by run, *kind* (what they all hold) and exposure: any expression of these keys, also with the exposure beside it, in \
any order by them and then by the exposure |
| `size_bytes`, `ingested` | no index: looked at in dataset after dataset |

Before a question goes to the database it is looked which kinds there are, and one dataset of each is asked whether it
satisfies what is asked of these keys. So it is known at once that there is no such dataset, whether the keys are each
frequent or not; few are read directly; of many the index gives the first.

## What falls short

* More than 1,000 kinds in a run (thousands of proposals, say) are not gone through: then keys are looked at in dataset
  after dataset, in the order of the exposures: milliseconds where one in a few is such, seconds over millions where
  hardly one is. Name an exposure or a night beside it.
* A range of 64-bit numbers: the same. So is a span of nights with a rare key beside it where exposure numbers begin
  anew every night, one of more than 3,000 nights (eight years), and an OR of more than 16 alternatives.
* Sorting by `night`, `size_bytes`, `ingested` or a key of 64 bits, and `--find-first` without more, read all that they
  sort; so does a question to a tagged or calibration collection, which are seldom large.
* The index is made when an instrument's types are declared, by its next ingest: half a minute over millions, once.
"""


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--no-page", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nf-bench-", dir="/var/tmp") as text:
        asked: list[Asked] = []
        with Catalogue.open(f"sqlite:///{text}/big.db") as catalogue:
            load(catalogue, options.datasets)
            asked += ask(f"SQLite {sqlite3.sqlite_version}", catalogue, options.datasets, options.rounds)
        print(*asked, sep="\n", file=sys.stderr)
        with postgresql_server() as server, Catalogue.open(fresh_database(server)) as catalogue:
            load(catalogue, options.datasets)
            asked += ask("PostgreSQL", catalogue, options.datasets, options.rounds)
        written = page(asked, options.datasets, options.rounds, Path(text))
    print(written)
    if not options.no_page:
        PAGE.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
