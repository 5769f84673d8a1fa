"""What is known of a night while it is worked on: what stands, found once, and believed no longer than it holds."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.ledger import Ledger
from catalogue.records import Product, StepInput, StepRecord, StepResult
from converters.remembered import NightMemory

NIGHT = dt.date(2025, 11, 6)
FILES = 60


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as opened:
        yield opened


def record(step: str, subject: bytes, made: list[Product], taken: list[Product]) -> StepRecord:
    """Return what is noted of a step that consumed what it took."""
    return StepRecord(
        instrument="vampires",
        copy="here",
        step=step,
        night=NIGHT,
        subject=subject,
        digest=step,
        result=StepResult.DONE,
        at_utc=dt.datetime(2025, 11, 7, tzinfo=dt.UTC),
        products=tuple(made),
        inputs=tuple(StepInput(one.path, one.sha256, is_consumed=True) for one in taken),
    )


def put(root: Path, name: str) -> Product:
    """Write a file, as a product."""
    (root / name).write_text(name)
    os.utime(root / name, (1_700_000_000, 1_700_000_000))
    return Product(name.encode(), hashlib.sha256(name.encode()).hexdigest())


def numbered(root: Path, ledger: Ledger) -> tuple[NightMemory, list[StepRecord]]:
    """Return a night of which one step has made many files, and another has given all of them numbers together."""
    (root / "data").mkdir()
    known = NightMemory(ledger, "vampires", "here", NIGHT, root / "data")
    made = [Product(b"cube%d" % number, f"{number:064d}") for number in range(FILES)]
    ids = [put(root / "data", f"id{number}") for number in range(FILES)]
    cubes = [record("make", one.path, [one], []) for one in made]
    for one in (*cubes, record("number", b".", ids, made)):
        known.note(one)
    return known, cubes


def test_what_one_step_took_together_is_looked_at_once(tmp_path: Path, ledger: Ledger) -> None:
    """Each file that was numbered asked after every number: a night of 10,000 cubes would have taken hours to skip."""
    known, cubes = numbered(tmp_path, ledger)
    looks: list[bytes] = []
    real = known.hashes.of

    def counted(path: bytes) -> str:
        looks.append(path)
        return real(path)

    known.hashes.of = counted  # type: ignore[method-assign]
    assert all(known.stands(one.products) for one in cubes)
    assert len(looks) == 2 * FILES, "each cube, which is consumed, and each number"


def test_what_stood_is_believed_until_it_is_looked_at_again(tmp_path: Path, ledger: Ledger) -> None:
    """A number that is gone lets none of those fall that were found to stand in this step; the next step sees it."""
    known, cubes = numbered(tmp_path, ledger)
    assert known.stands(cubes[0].products)
    (tmp_path / "data" / "id7").unlink()
    known.look_again()
    assert not known.stands(cubes[0].products)
    put(tmp_path / "data", "id7")
    assert known.stands(cubes[0].products), "that something does not stand is never remembered"


def test_what_a_step_makes_anew_is_looked_at_again_at_once(tmp_path: Path, ledger: Ledger) -> None:
    """The numbers are given anew, of one cube less: that cube stands no more, and nothing of before is said of it."""
    known, cubes = numbered(tmp_path, ledger)
    assert known.stands(cubes[0].products)
    fewer = [product for one in cubes[1:] for product in one.products]
    known.note(record("number", b".", [put(tmp_path / "data", "id0")], fewer))
    assert not known.stands(cubes[0].products)
    assert known.stands(cubes[1].products)
    assert known.is_made(b"id0", hashlib.sha256(b"id0").hexdigest())
    assert not known.is_made(b"id1", hashlib.sha256(b"id1").hexdigest())
    assert not known.is_made(b"id0", None)
    assert len(known.made()) == FILES + 1
