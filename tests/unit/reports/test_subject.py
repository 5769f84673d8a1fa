"""The subject of a mail: who reads nothing else must not be misled."""

from __future__ import annotations

from dataclasses import replace

from reports.model import Note
from reports.subject import subject_of
from tests.unit.reports.made import (
    AWAY,
    EVERYTHING,
    FIRST_HOP,
    MOVED,
    NIGHT,
    NOT_MOVED,
    OK_HOP,
    SECOND_HOP,
    SHD_UNKNOWN,
    STEP,
    report,
)
from verifier.verdict import SequenceGap


def test_the_interface_s_example_comes_out_to_the_letter() -> None:
    """Worst instruments and their counts, by name."""
    assert (
        subject_of(report(FIRST_HOP, SECOND_HOP, SHD_UNKNOWN)) == "nightferry Sutherland: sha 42 missing; shd unknown"
    )


def test_ok_stands_with_the_number_it_rests_on() -> None:
    """Green without a count says nothing."""
    assert subject_of(report(OK_HOP)) == "nightferry Sutherland: ok, 163 files compared"


def test_nothing_looked_at_is_unknown() -> None:
    """An empty report is never ok."""
    assert subject_of(report()) == "nightferry Sutherland: unknown"


def test_an_away_instrument_is_named_beside_the_others() -> None:
    """Off the telescope is no alarm, and no silence either."""
    assert subject_of(report(OK_HOP, AWAY)) == "nightferry Sutherland: ok, 163 files compared; shd away"
    assert subject_of(report(AWAY)) == "nightferry Sutherland: away, 0 files compared"


def test_every_kind_of_finding_is_counted() -> None:
    """Unknown comes first, then what was found all the same."""
    assert subject_of(report(EVERYTHING)) == (
        "nightferry Sutherland: sha unknown, 3 missing, 1 of other size, 1 of other content, 1 damaged,"
        " 4 frames absent, 1 extra"
    )


def test_what_shows_on_every_copy_is_counted_once() -> None:
    """A file that is damaged on three copies is one file, and a lost frame is lost once however long the chain is."""
    first = replace(EVERYTHING, missing=(), size_differs=(), checksum_differs=(), extra=(), unreadable=())
    told = replace(first, not_comparable=0, sequence_gaps=(SequenceGap(NIGHT, "sha", (4,)),))
    assert subject_of(report(told, replace(told, hop="b:c"))).endswith(": sha 1 damaged, 1 frame absent")


def test_of_many_instruments_the_worst_are_named_and_the_rest_counted() -> None:
    """A subject is one short line, and no unknown is lost to a difference."""
    hops = [replace(FIRST_HOP, instrument=f"cam{index}", missing=FIRST_HOP.missing[: index + 1]) for index in range(7)]
    told = subject_of(report(*hops, SHD_UNKNOWN))
    assert told == "nightferry Sutherland: cam4 5 missing; cam5 6 missing; cam6 7 missing; shd unknown; 4 more"


def test_what_was_not_transferred_and_failed_steps_are_counted() -> None:
    """A sync and a run have subjects too."""
    assert subject_of(report(kind="sync", outcomes=(NOT_MOVED,))) == (
        "nightferry Sutherland: sha 1 not transferred, 1 kept"
    )
    assert subject_of(report(kind="sync", outcomes=(MOVED,))) == "nightferry Sutherland: ok, 42 files transferred"
    assert subject_of(report(OK_HOP, steps=(STEP,))) == "nightferry Sutherland: sha 1 step failed"


def test_an_urgent_note_is_pointed_at() -> None:
    """Whoever reads only subjects would take the day for a quiet one."""
    late = Note("the hop a:b did not come within 2 h", "sha", is_urgent=True)
    assert subject_of(report(OK_HOP, notes=[late])) == subject_of(report(OK_HOP)) + "; read the note"
    assert subject_of(report(OK_HOP, notes=[late, late, Note("made up")])).endswith("compared; read the notes")


def test_a_problem_of_the_whole_site_is_unknown() -> None:
    """What broke the run is in its subject."""
    told = subject_of(report(OK_HOP, problems=(Note("the state folder is full"),)))
    assert told == "nightferry Sutherland: unknown"


def test_a_job_that_ended_before_its_report_says_which() -> None:
    """``unknown`` alone leaves open whether it was looked at all."""
    told = subject_of(replace(report(problems=(Note("the database is away"),)), kind="prune"))
    assert told == "nightferry Sutherland: unknown, the prune made no report"


def test_a_name_with_a_newline_stays_in_one_line() -> None:
    """No second header can be smuggled in."""
    forged = replace(FIRST_HOP, instrument="sha\r\nBcc: everyone@example.org")
    told = subject_of(replace(report(forged), site="Suther\nland"))
    assert told.isprintable()
