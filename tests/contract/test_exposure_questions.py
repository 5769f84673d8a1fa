"""Exposures found by indices that we choose: the very rows, in the very order, that a plain statement gives."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from catalogue.catalogue import Catalogue
from catalogue.conditions import condition
from catalogue.holdings import choosing
from catalogue.holdings.queries import ExposureQuery
from catalogue.holdings.tables import exposures

BEGIN = dt.datetime(2024, 10, 1, 12, tzinfo=dt.UTC)
TERMS = (
    "tile_id = 3", "tile_id in (1, 2, 7)", "tile_id > 4", "tile_id in (1..2, 6..7)", "tile_id is null", "tile_id != 3",
    "object = 'field 2'", "object like 'field%'", "object like 'FIELD%'", r"object like 'a\_%'", "object is null",
    "object in ('field 1', 'none')", "number = 7", "expid > 150", "number in (5..9, 100..120)", "not number = 7",
    "night = 20241005", "night > 20241010", "night in (20241003..20241008)", "date > '2024-10-09T03:00:00'",
    "arrived_utc < '2024-10-05'", "program = 'DARK'", "not program = 'DARK'", "exptype = 'FLAT' or tile_id = 1",
    "not (exptype = 'FLAT' or tile_id = 1)", "airmass > 1.5", "number = 3 or airmass < 1.1 and tile_id < 3",
    "night = 20241002 or object = 'field 2'", "date is null", "name like '%1'", "color = 'red'", "instrument = 'desi'",
)  # fmt: skip


def row(chance: random.Random, number: int) -> dict[str, Any]:
    """Return one exposure of any kind; a few have no number, no tile, no object or no time."""
    at = BEGIN + dt.timedelta(hours=number * 2 + chance.randrange(30))
    return {
        "id": uuid.UUID(int=chance.getrandbits(128)),
        "instrument": chance.choice(("desi", "desi", "desi", "other")),
        "variant": "",
        "night": BEGIN.date() + dt.timedelta(days=number // 12 if chance.random() < 0.9 else chance.randrange(20)),
        "number": number if chance.random() < 0.95 else None,
        "name": str(number),
        "date": at if chance.random() < 0.9 else None,
        "airmass": 1 + chance.random(),
        "object": chance.choice(("field 1", "field 2", "Field 1", "a\\_b", "a_b", None)),
        "exptype": chance.choice(("SCIENCE", "FLAT")),
        "program": chance.choice(("DARK", "BRIGHT", None)),
        "tile_id": chance.choice((*range(9), None)),
        "facts": {"color": chance.choice(("red", "blue"))},
        "data_written": True,
        "arrived_utc": at + dt.timedelta(minutes=number % 7),
        "catalogued_utc": at,
    }


@pytest.fixture
def catalogue(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """Give a catalogue of some hundred exposures, in which so many are not few any more."""
    monkeypatch.setattr(choosing, "FEW", 25)  # the usual number is made for millions
    chance = random.Random(3)  # noqa: S311 - no secret
    with Catalogue.open(database) as opened:
        with opened._store.write() as connection:
            connection.execute(exposures.insert(), [row(chance, number) for number in range(240)])
        yield opened


def questions(chance: random.Random) -> Iterator[ExposureQuery]:
    """Yield questions of one to three terms, with every bound and limit."""
    for _ in range(120):
        terms = [f"({term})" for term in chance.sample(TERMS, chance.randint(1, 3))]
        days = sorted(BEGIN + dt.timedelta(days=chance.randrange(20)) for _ in range(2))
        yield ExposureQuery(
            instrument=chance.choice(("desi", "desi", None)),
            where=" and ".join(terms),
            nights=chance.choice((None, None, (days[0].date(), days[1].date()))),
            numbers=chance.choice((None, None, None, (20, 180), (40, 40))),
            arrived=chance.choice((None, None, None, (days[0], None))),
            limit=chance.choice((None, 1, 10, 1000)),
            own_columns={"color": "text"},
        )


def plain(connection: sa.Connection, asked: choosing.Asked) -> Any:
    """Ask everything in one statement and leave the way to the database."""
    held = [condition(term, asked.columns) for term in asked.terms]
    statement = sa.select(exposures).where(*asked.always, *held).order_by(*asked.order).limit(asked.limit)
    return connection.execute(statement).all()


def test_the_way_changes_no_answer(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the indices that we choose and plainly; what is equal in the order of the answer may change places."""
    asked = list(questions(random.Random(4)))  # noqa: S311 - no secret
    quick = [catalogue.exposures(one) for one in asked]
    monkeypatch.setattr(choosing, "find", plain)
    for question, found in zip(asked, quick, strict=True):
        assert [one.name for one in found] == [one.name for one in catalogue.exposures(question)], question
    assert sum(bool(found) for found in quick) > 60


@pytest.mark.parametrize(
    ("words", "objects"),
    [
        ("object like 'field%'", {"field 1", "field 2"}),
        ("object like 'FIELD%'", set()),
        (r"object like 'a\_%'", {r"a\_b"}),
        (r"object like '%\%'", {r"a\_b"}),
        ("object like 'a_b'", {"a_b"}),
        ("not object like 'a%'", {"field 1", "field 2", "Field 1"}),
    ],
)
def test_a_pattern_means_the_same_in_every_database(catalogue: Catalogue, words: str, objects: set[str]) -> None:
    """Capitals are told apart, and a backslash is one."""
    assert {one.columns["object"] for one in catalogue.exposures(ExposureQuery("desi", where=words))} == objects
