"""The ledger's pages on nights in the pipeline, in SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalogue.ledger import Ledger
from catalogue.records import KnownHash, Product, StepInput, StepRecord, StepResult

NIGHT = dt.date(2025, 11, 6)
NOON = dt.datetime(2025, 11, 7, 12, tzinfo=dt.UTC)
RECORD = StepRecord(
    "vampires",
    "here",
    "list",
    NIGHT,
    b"20251106",
    "digest",
    StepResult.DONE,
    NOON,
    products=(Product(b"20251106/m.csv", "ab"),),
    inputs=(StepInput(b"20251106/x.fits", "ef", is_consumed=True), StepInput(b"20251106/\xff.fits", "cd")),
    facts='{"frames_in": 2}',
    hold="too few pairs",
)


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open(database, tmp_path) as opened:
        yield opened


def test_a_record_comes_back_as_it_was_noted(ledger: Ledger) -> None:
    """With what it took, consumed, counted, and why it is held; many at a time as one by one."""
    others = [replace(RECORD, subject=b"%d" % number, facts=None, hold=None) for number in range(600)]
    for record in (RECORD, *others):
        ledger.record_step(record)
    assert ledger.step_record("vampires", "here", "list", b"20251106") == RECORD
    found = ledger.step_records("vampires", NIGHT)
    assert set(found) == {RECORD, *others}


def test_letters_wait_are_replaced_and_are_sent_once(ledger: Ledger) -> None:
    """Made anew before it was sent, a letter takes the place of the old one; after that it is a second one."""
    ledger.record_step(replace(RECORD, letters=("first",)))
    ledger.record_step(replace(RECORD, letters=("second",)))
    ledger.record_step(RECORD)
    (waiting,) = ledger.letters("vampires")
    assert (waiting.content, waiting.sent_utc) == ("second", None)
    ledger.letters_sent([waiting.id], NOON)
    ledger.record_step(replace(RECORD, letters=("third",)))
    assert [one.content for one in ledger.letters("vampires")] == ["third"]
    assert [one.content for one in ledger.letters("vampires", NIGHT, unsent=False)] == ["second", "third"]
    assert ledger.letters("other") == ()


def test_the_letter_that_was_sent_last_does_not_wait_again(ledger: Ledger) -> None:
    """Word for word it is known already; what was sent before another one is news again."""
    for minute, content in enumerate(("first", "second")):
        ledger.record_step(replace(RECORD, letters=(content,)))
        ledger.letters_sent([one.id for one in ledger.letters("vampires")], NOON + dt.timedelta(minutes=minute))
    ledger.record_step(replace(RECORD, letters=("second",)))
    assert ledger.letters("vampires") == ()
    ledger.record_step(replace(RECORD, letters=("first",)))
    assert [one.content for one in ledger.letters("vampires")] == ["first"]


def test_what_is_forgotten_takes_its_unsent_letters_along(ledger: Ledger) -> None:
    """One subject, or a night on one copy."""
    ledger.record_step(replace(RECORD, letters=("lost",)))
    ledger.forget_step("vampires", "here", "list", b"20251106")
    assert (ledger.step_records("vampires", NIGHT), ledger.letters("vampires")) == ((), ())
    elsewhere = replace(RECORD, copy="there")
    for record in (replace(RECORD, letters=("lost",)), elsewhere):
        ledger.record_step(record)
    assert ledger.forget_steps("vampires", "here", NIGHT) == 1
    assert (ledger.step_records("vampires", NIGHT), ledger.letters("vampires")) == ((elsewhere,), ())


def test_an_approval_is_of_one_step_on_one_copy(ledger: Ledger) -> None:
    """And of the results that were seen."""
    ledger.approve("vampires", "here", "summary", NIGHT, "d1", "me", NOON)
    assert ledger.approved("vampires", "here", NIGHT) == {("summary", "d1")}
    assert ledger.approved("vampires", "there", NIGHT) == frozenset()


def test_hashes_are_kept_by_path_and_the_last_counts(ledger: Ledger) -> None:
    """Of one night at a time."""
    ledger.remember_hashes("vampires", "here", NIGHT, [(b"a\xff", KnownHash("1 2 3 4", "ab"))])
    ledger.remember_hashes("vampires", "here", NIGHT, [(b"a\xff", KnownHash("1 2 3 5", "cd"))])
    ledger.remember_hashes("vampires", "here", NIGHT, [])
    assert ledger.known_hashes("vampires", "here", NIGHT) == {b"a\xff": KnownHash("1 2 3 5", "cd")}
    assert ledger.known_hashes("vampires", "here", NIGHT + dt.timedelta(1)) == {}


def test_a_night_is_processed_since_the_first_time_with_these_steps(ledger: Ledger) -> None:
    """Further steps make it a later time, and none at all makes it unprocessed."""
    later = NOON + dt.timedelta(days=1)
    ledger.night_processed("vampires", "here", NIGHT, ["b", "a"], NOON)
    ledger.night_processed("vampires", "here", NIGHT, ["a", "b"], later)
    assert ledger.nights_processed("vampires", "here") == {NIGHT: (frozenset({"a", "b"}), NOON)}
    ledger.night_processed("vampires", "here", NIGHT, ["a", "b", "c"], later)
    assert ledger.nights_processed("vampires", "here")[NIGHT][1] == later
    ledger.night_processed("vampires", "here", NIGHT, [], later)
    assert ledger.nights_processed("vampires", "here") == {}
