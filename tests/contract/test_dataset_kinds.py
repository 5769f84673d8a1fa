"""Questions answered by indices that we choose: the very rows, in the very order, that a plain statement gives."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from catalogue.catalogue import Catalogue
from catalogue.datasets import choosing, kinds, query, spans
from catalogue.datasets.kinds import KindIndex
from catalogue.datasets.query import Question
from catalogue.datasets.records import NewDataset
from tests.held import RAW, RUN, hold, new

RUNS = (RUN, "PFS/again")
TERMS = (
    "arm = 'r'", "arm = 'z'", "arm in ('b', 'n')", "not arm = 'r'", "arm like 'r%'", "spectrograph > 1",
    "spectrograph in (2..4) or arm = 'm'", "dither > 0.5", "dither is null", "not dither = 0.0", "arm != 'b'",
    "visit > 30", "visit <= 12", "visit in (5..2900)", "visit is null", "not visit = 7", "visit in (3, 4000)",
    "2 < visit", "visit = 7", "night = 20241005", "night > 20241004", "pfs_design_id = 0x1", "pfs_design_id > 0x1",
    "visit = 3 or arm = 'm'", "run = 'PFS/again'", "size_bytes > 0", "arm = 'r' and visit > 3000",
    "night in (20241003..20241006)", "night in (20241003..20241006)", "not night = 20241005", "night is null",
    "night < 20241004 or visit = 7", "arm = 'm' or night > 20241007", "visit in (1..3, 20..22)", "night < 20231004",
    "not (visit = 3 or arm = 'b')", "not (visit > 3 and night > 20241004)", "run = 'PFS/again' or visit > 2995",
    "run = 'there is none'", "visit < 9 or size_bytes < 0", "visit is null or pfs_design_id = 0x2",
)  # fmt: skip
ORDERS = ((), (), ("visit",), ("-visit",), ("arm",), ("-arm", "visit"), ("dither", "-visit"), ("spectrograph", "arm"),
          ("-dither", "arm", "visit"), ("night", "arm"), ("arm", "pfs_design_id"), ("-night", "visit"))  # fmt: skip
FIRST = dt.date(2024, 10, 1)


def night_of(chance: random.Random, number: int, grows: bool) -> dt.date | None:
    """Return a visit's night: later for higher numbers, or any."""
    day = min(number // 5, 9) if grows else chance.randrange(8)
    return None if number % 13 == 0 else FIRST + dt.timedelta(days=day)


def held(chance: random.Random, grows: bool) -> list[list[NewDataset]]:
    """Return raw files of visits near and far from one another, some without a visit, a night or a dither."""
    made = []
    for number in [*range(1, 40), *range(2990, 3010), 10**12]:
        arms = "brnm" if number > 35 else "brn"
        run = chance.choice(RUNS)
        files = [new(number, arm, one, run, chance.choice((1, 2))) for arm in arms for one in (1, 2, 3, 4)]
        night = night_of(chance, number, grows)
        files = [replace(one, night=night) for one in files if chance.random() < 0.7]
        made.append([replace(one, values={**one.values, "dither": chance.choice((0.0, 0.75, None))}) for one in files])
    nameless = [replace(one, id=uuid.uuid4(), exposure=None, path=b"n" + one.path) for one in made[3]]
    return [one for one in [*made, nameless] if one]


@pytest.fixture(params=(True, False), ids=("numbers grow from night to night", "numbers begin anew"))
def catalogue(database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """Give a catalogue of some hundred files, in which so many are not few any more."""
    monkeypatch.setattr(choosing, "FEW", 40)  # the usual numbers are made for millions of files
    monkeypatch.setattr(choosing, "_PINNED", 3)
    monkeypatch.setattr(spans, "_AT_ONCE", 15)
    with Catalogue.open(database) as opened:
        hold(opened, held(random.Random(5), request.param), RUNS)  # noqa: S311 - no secret
        yield opened


def questions(chance: random.Random) -> Iterator[Question]:
    """Yield questions of one to three terms, in every order and with every limit."""
    for _ in range(110):
        terms = [f"({term})" for term in chance.sample(TERMS, chance.randint(0, 3))]
        yield Question(
            "raw",
            where=" and ".join(terms) or None,
            order_by=chance.choice(ORDERS),
            limit=chance.choice((None, 1, 7, 30, 1000)),
            collections=chance.choice(((), (RUN,), RUNS)),
            equal=chance.choice((None, {"arm": "r"}, {"visit": 7}, {"dither": 0.75})),
        )


def test_the_way_changes_no_answer(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the indices that we choose, without that of kinds, and plainly: the same rows in the same order."""
    asked = list(questions(random.Random(7)))  # noqa: S311 - no secret
    quick = [catalogue.find_datasets(one) for one in asked]
    ((one, exposure),) = catalogue.dataset_types()
    index = KindIndex.of(one, 1, exposure)
    assert index is not None
    with catalogue._store.write() as connection:
        assert index.is_there(connection)
        index.drop(connection)
        assert not index.is_there(connection)
    without = [catalogue.find_datasets(one) for one in asked[::2]]
    monkeypatch.setattr(query, "choose", lambda *_: None)
    monkeypatch.setattr(query, "alternatives", lambda terms, _: [terms])
    plain = [catalogue.find_datasets(one) for one in asked]
    for question, found, other in zip([*asked, *asked[::2]], [*quick, *without], [*plain, *plain[::2]], strict=True):
        assert [row.id for row in found.datasets] == [row.id for row in other.datasets], question
        assert found.is_cut_off == other.is_cut_off, question
    assert sum(bool(found.datasets) for found in quick) > 60


def test_more_kinds_than_are_gone_through_are_looked_at_one_by_one(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer stays what it was."""
    question = Question("raw", where="arm = 'r' and dither > 0.5")
    before = catalogue.find_datasets(question)
    monkeypatch.setattr(kinds, "_MOST_KINDS", 3)  # a thousand kinds would take a thousand files
    assert catalogue.find_datasets(question) == before
    assert before.datasets


def test_the_index_follows_the_keys_of_its_type(catalogue: Catalogue) -> None:
    """A key that identifies nothing may be dropped from the specification: the old index goes, a new one is made."""
    fewer = replace(RAW, keys=tuple(key for key in RAW.keys if key.name != "dither"))
    catalogue.declare_types([fewer], {"raw": "visit"})
    before, now = (KindIndex.of(one, 1, "visit") for one in (RAW, fewer))
    assert before is not None
    assert now is not None
    with catalogue._store.read() as connection:
        assert not before.is_there(connection)
        assert now.is_there(connection)
    assert catalogue.find_datasets(Question("raw", where="arm = 'm'")).datasets
