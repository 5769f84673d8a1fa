"""How quickly datasets are found by keys of their data ids among millions; a part of `make bench-catalogue`.

Raw files as PFS takes them, twelve to a visit, put into an empty catalogue within the database; then questions in
this process, warm. The page is benchmarks/holdings.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from catalogue.catalogue import Catalogue
from catalogue.datasets.grammar import DatasetType, Key
from catalogue.datasets.query import Question
from catalogue.datasets.records import CollectionKind
from catalogue.datasets.tables import datasets

RUN = "PFS/raw/all"
A_VISIT = 12
"""Files of a visit: three arms of four spectrographs."""
A_NIGHT = 250
"""Visits of a night."""
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
_DATA = """'{{"instrument": "PFS", "arm": "' || substr('brn', n % 3 + 1, 1) || '", "dither": 0.0, "pfs_design_id": "'
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
        "few, of a key without an index": asked(lambda turn: f"dither > {turn + 1}"),
    }
