"""Frame ids asked for by many processes at a time, of SQLite and of a real PostgreSQL: none is given twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalogue.frame_id_records import Series
from catalogue.ledger import Ledger
from tests.databases import fresh_database

NIGHT = dt.date(2025, 11, 6)
NOON = dt.datetime(2025, 11, 7, 12, tzinfo=dt.UTC)
SERIES = Series("VMPA", 1, 69_999_999)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own."""
    kind = request.param
    yield "sqlite:///catalogue.db" if kind == "sqlite" else fresh_database(request.getfixturevalue("postgresql"))


def test_many_that_ask_at_a_time_get_different_numbers(url: str, tmp_path: Path) -> None:
    """Eight ledgers of their own, each for files of its own; all numbers together are one row without a hole."""
    Ledger.open(url, tmp_path).close()

    def reserve(number: int) -> list[int]:
        wanted = [(b"%d-%d" % (number, place), "00") for place in range(20)]
        with Ledger.open(url, tmp_path) as ledger:
            given = ledger.reserve_frame_ids(SERIES, f"instrument-{number}", NIGHT, wanted, NOON)
            assert ledger.reserve_frame_ids(SERIES, f"instrument-{number}", NIGHT, wanted, NOON) == given
        return sorted(given.values())

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(reserve, range(8)))
    assert sorted(number for numbers in found for number in numbers) == list(range(1, 161))
    assert all(numbers == list(range(numbers[0], numbers[0] + 20)) for numbers in found)
