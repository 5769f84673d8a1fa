"""The part of a report that one instrument's people get, its order, and what makes two of them the same."""

from __future__ import annotations

from dataclasses import replace

from reports.model import Note
from reports.policy import digest
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
