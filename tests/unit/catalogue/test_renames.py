"""Pages that are given another name: whole, in one go, and never over what bears that name already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.ledger import Ledger
from catalogue.records import HopRecord, MovedFile, NightRecord, NightState, StepRecord, StepResult
from catalogue.renames import MovedPlace, NewName
from observatory.truth import State

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
NIGHT = dt.date(2016, 9, 7)
PROVEN = {NIGHT: NightRecord(3, 0, state=NightState.PROVEN, level="size")}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A night that came over one hop and was proven, processed and waited for."""
    with Ledger.open("sqlite:///ledger.db", tmp_path) as opened:
        run = opened.start_run("run", ["sha"], NOON, "here", 1)
        opened.record_hop(run, HopRecord("sha", "dome:hill", "d.suth", "h.suth", State.OK, None, "/d/", "/h/"))
        opened.record_nights(run, "sha", "dome:hill", PROVEN, NOON)
        opened.record_moved(run, "sha", "dome:hill", [MovedFile(b"a", 1, 1.0, None)], NOON)
        opened.record_step(step("hill"))
        opened.record_root_seen("hill", "/h", NOON, "id")
        opened.record_loss("hill", "/h", 9, 1, NOON)
        opened.holder("sha", "hill", "hill", "/h")
        yield opened


def step(copy: str) -> StepRecord:
    """Return a step that was taken on a copy."""
    return StepRecord(
        instrument="sha",
        copy=copy,
        step="pack",
        night=NIGHT,
        subject=b"a",
        digest="",
        result=StepResult.DONE,
        products=(),
        at_utc=NOON,
        seconds=1.0,
    )


MOVED = MovedPlace(("hill", "/h"), ("archive", "/a"))
NAMES = NewName("sha", (("hill", "archive"),), (("dome:hill", "dome:archive"),))


def test_a_copy_takes_all_its_pages_along(ledger: Ledger) -> None:
    """Root, loss, holder, nights, files moved and steps."""
    ledger.take_over([MOVED], [NAMES])
    assert ledger.known_roots() == {("archive", "/a"): "id"}
    assert [(one.host, one.root) for one in ledger.losses_pending()] == [("archive", "/a")]
    assert [(one.copy, one.host, one.root) for one in ledger.known_copies()] == [("archive", "archive", "/a")]
    assert [one.state for one in ledger.hop_nights("sha", "dome:archive")] == [NightState.PROVEN]
    assert [one.path for one in ledger.moved_files("sha", "dome:archive")] == [b"a"]
    assert [one.copy for one in ledger.step_records("sha", NIGHT)] == ["archive"]
    assert ledger.hop_nights("sha", "dome:hill") == ()
    ledger.take_over([MOVED], [NAMES])  # a second program that saw the same does no harm


def test_what_bears_the_name_already_is_not_touched(ledger: Ledger) -> None:
    """It was noted of what is there now."""
    ledger.record_nights(1, "sha", "dome:archive", {NIGHT: NightRecord(7, 7)}, NOON)
    ledger.record_root_seen("archive", "/a", NOON, "another")
    ledger.holder("sha", "archive", "archive", "/a")
    ledger.take_over([MOVED], [NAMES])
    assert ledger.known_roots() == {("archive", "/a"): "another", ("hill", "/h"): "id"}
    assert len(ledger.known_copies()) == 2
    assert [one.source_files for one in ledger.hop_nights("sha", "dome:archive")] == [7]


def test_one_copy_may_take_the_name_that_another_lays_down(ledger: Ledger) -> None:
    """The archive becomes the hill, and the hill the dome: what makes room goes first."""
    ledger.record_step(step("cape"))
    ledger.take_over([], [NewName("sha", (("cape", "hill"), ("hill", "dome")))])
    assert sorted(one.copy for one in ledger.step_records("sha", NIGHT)) == ["dome", "hill"]


def test_two_copies_that_change_names_are_left_alone(ledger: Ledger) -> None:
    """Nothing tells any more which page is whose."""
    ledger.record_step(step("cape"))
    ledger.take_over([], [NewName("sha", (("cape", "hill"), ("hill", "cape")))])
    assert sorted(one.copy for one in ledger.step_records("sha", NIGHT)) == ["cape", "hill"]


def test_the_addresses_at_a_root_are_those_that_runs_looked_at(ledger: Ledger) -> None:
    """With or without a slash behind the path."""
    assert (ledger.addresses_at("/h"), ledger.addresses_at("/d/")) == ({"h.suth"}, {"d.suth"})
    assert ledger.addresses_at("/elsewhere") == frozenset()


def test_an_instrument_takes_all_its_pages_along(ledger: Ledger) -> None:
    """Its nights, what a person said, and what its steps made."""
    ledger.accept("sha", NIGHT, frames=(), files=(), reason="rain", by="ana", at_utc=NOON, until=None)
    assert ledger.known_instruments() == {"sha"}
    ledger.rename_instrument("sha", "shoc")
    assert ledger.known_instruments() == {"shoc"}
    assert [one.reason for one in ledger.acceptances("shoc")] == ["rain"]
    assert [one.copy for one in ledger.step_records("shoc", NIGHT)] == ["hill"]
    assert ledger.known_holder("shoc", "hill", "hill", "/h") is not None
    (run,) = ledger.unfinished_runs()
    assert run.instruments == ("shoc",)
