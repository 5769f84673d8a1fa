"""Which step of a night may follow which, and which nights wait for one another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from catalogue.ledger import Ledger
from converters.nightstep import NightStepSection
from converters.order import Order
from converters.outcome import ConvertRow, RowResult
from converters.remembered import NightMemory
from observatory.spec.models import StepSection

NIGHT, NEXT = dt.date(2016, 9, 7), dt.date(2016, 9, 8)


class Single(StepSection):
    """A step of single files."""

    step: Literal["single"] = "single"


class Whole(NightStepSection):
    """A step of a whole night."""

    step: Literal["whole"] = "whole"


class Numbered(Whole):
    """One whose numbers follow the nights."""

    keeps_order: ClassVar[bool] = True


@pytest.fixture
def known(tmp_path: Path) -> Iterator[NightMemory]:
    """What is known of a night of which nothing was noted."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path) as ledger:
        yield NightMemory(ledger, "sha", "here", NIGHT, tmp_path)


def row(step: StepSection, result: RowResult) -> ConvertRow:
    """Return what became of a step in a night."""
    return ConvertRow(step.label, NIGHT, b"2016/0907", result)


def test_after_a_single_step_that_failed_single_steps_go_on_and_whole_ones_wait(known: NightMemory) -> None:
    """A file that one program refuses keeps no other program from the files; a night is taken whole or not at all."""
    first, single, whole = Single(name="first"), Single(name="second"), Whole()
    order = Order(known, {})
    assert order.taken(first, [row(first, RowResult.DONE), row(first, RowResult.FAILED)], NIGHT) is False
    assert order.reason_to_wait(single, NIGHT) is None
    assert order.reason_to_wait(whole, NIGHT) == (RowResult.WAITING, "first is not complete")


def test_after_a_whole_step_that_failed_all_wait_for_it_and_the_first_one_is_named(known: NightMemory) -> None:
    """What waits for it is not complete either, and is not what a person should look at."""
    first, second, single = Whole(name="first"), Whole(name="second"), Single()
    order = Order(known, {})
    order.taken(first, [row(first, RowResult.FAILED)], NIGHT)
    order.taken(second, [row(second, RowResult.WAITING)], NIGHT)
    assert order.reason_to_wait(single, NIGHT) == (RowResult.WAITING, "first is not complete")
    assert order.reason_to_wait(second, NIGHT) == (RowResult.WAITING, "first is not complete")


def test_only_where_numbers_follow_the_nights_a_later_night_waits_for_an_older_one(known: NightMemory) -> None:
    """Of several older nights the oldest is named; that night itself waits for nothing."""
    plain, numbered = Whole(name="plain"), Numbered(name="numbered")
    late: dict[str, dt.date] = {}
    Order(known, late).all_late([plain, numbered], NIGHT)
    Order(known, late).taken(numbered, [row(numbered, RowResult.FAILED)], NEXT)
    assert late == {"numbered": NIGHT}
    order = Order(known, late)
    assert order.reason_to_wait(plain, NEXT) is None
    assert order.reason_to_wait(numbered, NIGHT) is None
    reason = "numbers follow the nights, and 20160907 has not come so far"
    assert order.reason_to_wait(numbered, NEXT) == (RowResult.WAITING, reason)


def test_a_step_that_was_not_asked_for_is_to_be_taken_first(known: NightMemory) -> None:
    """Nothing in this run will make it complete; one that is complete is in nobody's way."""
    done, first, second = Whole(name="done"), Whole(name="first"), Whole(name="second")
    order = Order(known, {})
    order.passed_by(done, [row(done, RowResult.SKIPPED)], NIGHT)
    assert order.reason_to_wait(second, NIGHT) is None
    order.passed_by(first, [row(first, RowResult.WAITING)], NIGHT)
    order.passed_by(second, [row(second, RowResult.WAITING)], NIGHT)
    found = order.reason_to_wait(Whole(name="third"), NIGHT)
    assert found == (
        RowResult.FAILED,
        "first is not complete, and was not asked for: take it first (`--from first`)",
    )
