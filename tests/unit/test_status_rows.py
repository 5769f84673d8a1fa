"""What a row of ``status`` says of a night, and when its last run is too long ago."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from catalogue.records import HopNight, NightState, NightStatus, StepCount
from nightferry.reporting import AHEAD
from nightferry.reporting.status import Declared, LastRun, Row
from observatory.spec.models import Instrument

NIGHT = dt.date(2016, 9, 7)
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
PROVEN = HopNight("a:b", NIGHT, NightState.PROVEN, 10, 0, NOON, NOON, "size", 7, 700, NOON)
OPEN = HopNight("b:c", NIGHT, NightState.OPEN, 8, 2, NOON, NOON + 2 * HOUR, "size", 8, 800, NOON + HOUR)
NEVER = HopNight("c:d", NIGHT, NightState.ACCEPTED, 0, 0, None, None, None, 0, 0, None)


def row(*hops: HopNight, steps: tuple[StepCount, ...] = (), is_processed: bool | None = None) -> Row:
    """Return a row of an instrument of four copies."""
    return Row("sha", 3, NightStatus(NIGHT, hops, steps), is_processed=is_processed)


def step(name: str, done: int, not_done: int) -> StepCount:
    """Return the counts of one step."""
    return StepCount(name, "a", done, not_done, NOON)


def test_a_night_shows_the_last_that_its_hops_show() -> None:
    """What moved when last, and what was proven; a hop that never moved or proved anything has no time."""
    full = row(NEVER, PROVEN, OPEN)
    assert full.last_moved() == NOON + HOUR
    assert full.last_proven() == NOON  # the other is open again
    assert full.is_accepted and not row(PROVEN, OPEN).is_accepted
    assert (row().last_moved(), row(OPEN, NEVER).last_proven()) == (None, None)


def test_proven_is_as_old_as_the_copy_that_was_looked_at_longest_ago() -> None:
    """A copy whose host has been off for three weeks was not proven this morning."""
    this_morning = replace(PROVEN, hop="b:c", proven_utc=NOON + 21 * 24 * HOUR)
    assert row(PROVEN, this_morning).last_proven() == row(this_morning, PROVEN).last_proven() == NOON


def test_steps_are_told_one_by_one_only_where_something_is_left() -> None:
    """Several complete ones are counted; ``so far`` where that is not all of the night."""
    pack, name = step("fpack", 12, 0), step("frame-ids", 3, 9)
    assert row(steps=(pack,)).processed == "12/12 fpack"
    assert row(steps=(pack, step("thumb", 1, 0))).processed == "all 2 steps"
    assert row(steps=(pack, name)).processed == "3/12 frame-ids"
    assert row(steps=(pack, name), is_processed=False).processed == "3/12 frame-ids"
    assert row(steps=(pack, step("thumb", 1, 0)), is_processed=False).processed == "2 steps so far"
    assert row(steps=(pack,), is_processed=False).processed == "12/12 fpack so far"
    assert row().processed == ""


def test_a_run_is_too_long_ago_that_never_was_or_is_dated_ahead_of_our_clock() -> None:
    """Of one that will have finished tomorrow nothing is known."""
    span = dt.timedelta(hours=26)
    said = [LastRun(at).is_older(span, NOON) for at in (None, NOON - 27 * HOUR, NOON - 25 * HOUR, NOON)]
    assert said == [True, True, False, False]
    assert LastRun(NOON + 2 * AHEAD).is_older(span, NOON)
    assert not LastRun(NOON + AHEAD / 2).is_older(span, NOON)


def test_a_row_is_made_where_a_copy_has_rules_of_its_own() -> None:
    """Which of its files may be freed, and when: a mapping of kinds, of which no hash can be made."""
    copies = [
        {"host": "dome", "root": "/data/sha", "retention": {"keep_nights": 3, "kinds": {}}},
        {"host": "cape", "root": "/archive/sha"},
    ]
    rest = {"cameras": {"sha": {"files": ["*.fits"]}}, "copies": copies}
    declared = Instrument.model_validate({"instrument": "sha", "layout": "%Y%m%d", **rest})
    assert Declared(declared).row(NightStatus(NIGHT, (replace(PROVEN, hop="dome:cape"),))).files == 10


def test_a_night_is_whole_where_no_copy_of_it_is_open() -> None:
    """One accepted copy of three speaks for itself alone: it coloured the whole night green."""
    accepted, proven = replace(OPEN, state=NightState.ACCEPTED), replace(PROVEN, hop="a:c")
    assert row(accepted, PROVEN, proven).is_whole
    assert not row(accepted, PROVEN).is_whole, "nobody has looked at the third"
    assert not row(accepted, PROVEN, replace(OPEN, hop="c:d")).is_whole
    assert replace(row(PROVEN), proven_copies=3).is_whole


def test_a_whole_night_is_settled_unless_it_began_its_steps_and_is_not_through_them() -> None:
    """Years of nights from before the steps were declared are no work that is left."""
    whole = replace(row(PROVEN), proven_copies=3)
    assert whole.is_settled and replace(whole, is_processed=False).is_settled
    begun = NightStatus(NIGHT, (PROVEN,), (step("fpack", 12, 0),))
    assert replace(whole, night=begun, is_processed=True).is_settled
    assert not replace(whole, night=begun, is_processed=False).is_settled
    assert not replace(whole, night=NightStatus(NIGHT, (PROVEN,), (step("fpack", 11, 1),))).is_settled
    assert not row(PROVEN).is_settled
