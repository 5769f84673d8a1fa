"""The part of a report that one instrument's people get, its order, and what makes two of them the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from reports.model import Note, Report
from reports.policy import digest
from reports.subject import subject_of
from reports.summary import outcome_cells, quiet_lines, telling_steps
from reports.text import render_text
from tests.unit.reports.made import FIRST_HOP, MOVED, NEXT_NIGHT, NIGHT, NOT_MOVED, OK_HOP, SHD, STEP, report
from verifier.verdict import SequenceGap

OTHERS = replace(NOT_MOVED, instrument="shd"), replace(STEP, instrument="shd")
BOTH = report(
    SHD,
    OK_HOP,
    outcomes=(OTHERS[0], MOVED),
    steps=(OTHERS[1], replace(STEP, night=NEXT_NIGHT), STEP),
    notes=(Note("of the site"), Note("of one", "sha"), Note("of the other", "shd")),
    problems=(Note("of the site"), Note("of one", "sha"), Note("of the other", "shd")),
)


def subject_words(told: Report) -> str:
    """Return what the subject says after the site."""
    return subject_of(told).partition(": ")[2]


def test_a_part_holds_what_is_of_its_instrument_and_nothing_else() -> None:
    """Another one's failures are not its people's, and what is said of the site is the site's."""
    part = BOTH.part("sha")
    assert (part.verdicts, part.outcomes) == ([OK_HOP], [MOVED])
    assert (part.steps, part.notes, part.problems) == (
        [replace(STEP, night=NEXT_NIGHT), STEP],
        [Note("of one", "sha")],
        [Note("of one", "sha")],
    )


def test_instruments_stand_by_name_and_steps_by_night() -> None:
    """In every list of the report."""
    ordered = BOTH.in_order()
    assert [row.instrument for row in ordered.verdicts] == ["sha", "shd"]
    assert [row.instrument for row in ordered.outcomes] == ["sha", "shd"]
    assert [(step.instrument, step.night) for step in ordered.steps] == [
        ("sha", NIGHT),
        ("sha", NEXT_NIGHT),
        ("shd", NIGHT),
    ]


def test_what_is_no_fault_does_not_make_another_mail() -> None:
    """A night that was processed well, and a hole that only warns; either is a fault where it fails."""
    well = replace(STEP, failed=0, reasons=())
    assert digest(report(FIRST_HOP, steps=(well,))) == digest(report(FIRST_HOP))
    assert digest(report(FIRST_HOP, steps=(STEP,))) != digest(report(FIRST_HOP))
    holed = replace(FIRST_HOP, sequence_gaps=(SequenceGap(NIGHT, "sha", (4,)),))
    assert digest(report(replace(holed, gaps_fail=False))) == digest(report(replace(FIRST_HOP, gaps_fail=False)))
    assert digest(report(holed)) != digest(report(FIRST_HOP))


def test_the_subject_counts_what_was_kept_stuck_left_and_refused_and_no_hole_that_only_warns() -> None:
    """Each by its number."""
    failure = NOT_MOVED.failed[0]
    outcome = replace(NOT_MOVED, kept=(failure,) * 2, stuck=(failure,) * 3, postponed=4, refused_reason="no space")
    assert subject_words(report(outcomes=(outcome,))) == (
        "sha 1 not transferred, 2 kept, 3 stuck, 4 left for the next run, 1 refused"
    )
    holed = replace(FIRST_HOP, sequence_gaps=(SequenceGap(NIGHT, "sha", (4, 5)),))
    assert subject_words(report(holed)) == "sha 42 missing, 2 frames absent"
    assert subject_words(report(replace(holed, gaps_fail=False))) == "sha 42 missing"


def test_a_plan_says_what_it_would_move_and_a_sync_what_it_moved() -> None:
    """In the subject and in the hop's line; a rehearsal is never taken for the thing itself."""
    planned = replace(MOVED, dry_run=True, planned=7, planned_bytes=2_000_000, transferred=0, moved_bytes=0)
    assert subject_words(report(outcomes=(planned,))) == "ok, 7 files to be transferred"
    assert subject_words(report(outcomes=(planned, MOVED))) == "ok, 42 files transferred"
    assert outcome_cells(planned)[3:5] == ("7 planned", "2.0 MB")
    assert outcome_cells(replace(MOVED, planned_bytes=1))[3:5] == ("42 of 42 moved", "42.0 MB")


def test_what_is_left_for_the_next_run_and_what_was_remarked_stand_below_the_hop() -> None:
    """A hop that stopped in time is not whole."""
    said = render_text(report(outcomes=(replace(MOVED, postponed=4, remarks=("the group is not kept",)),)))
    assert "\n    4 files left for the next run\n    the group is not kept\n" in said


def test_a_night_with_a_step_that_failed_or_waits_is_processed_in_part() -> None:
    """Whatever else was done in it."""
    done = replace(STEP, failed=0, reasons=())
    for step, is_whole in ((done, True), (replace(done, failed=1), False), (replace(done, waiting=1), False)):
        (night,) = report(steps=(done, replace(step, step="pack"))).nights_processed()
        assert night.is_whole is is_whole


def test_a_step_that_did_or_says_something_is_shown_among_nights_that_are_as_they_were() -> None:
    """Two quiet nights are a line; the one that speaks stands by itself."""
    quiet = [replace(STEP, night=NIGHT + dt.timedelta(days), done=0, failed=0, reasons=()) for days in (1, 2)]
    told = replace(STEP, done=0, failed=0, skipped=1, reasons=("x.fits: dubious",))
    did = replace(STEP, night=NIGHT + dt.timedelta(3), failed=0, reasons=(), skipped=5)
    assert telling_steps([*quiet, told, did]) == [told, did]
    assert quiet_lines([*quiet, told, did]) == ["sha: 2 nights are through their steps already"]
