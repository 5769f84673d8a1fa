"""Nights that went through their steps, as every form of the report says it."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from nightferry.reporting.record import read_record, write_record
from observatory.truth import State
from reports.html import render_html, render_page
from reports.json import document_of
from reports.model import FrameCount, Report, StepRow
from reports.subject import subject_of
from reports.terminal import print_report
from reports.text import render_text
from tests.unit.reports.made import NEXT_NIGHT, NIGHT, report

FRAMES = FrameCount(800, 790, 10, 4, {"A": 400, "<B>": 390})
WHOLE = report(
    kind="run",
    steps=(
        StepRow("vampires", NIGHT, "sync", done=1, seconds=2.0, frames=FRAMES),
        StepRow("vampires", NIGHT, "pack", done=2, seconds=3.0),
        StepRow("vampires", NEXT_NIGHT, "sync", done=1, held=0, frames=FRAMES),
        StepRow("vampires", NEXT_NIGHT, "pack", held=1, reasons=("sync is held (review)",)),
    ),
)


def on_a_terminal(made: Report) -> str:
    """Return what appears on a wide terminal."""
    console = Console(file=io.StringIO(), width=200)
    print_report(made, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("render", [render_text, render_html, render_page, on_a_terminal])
def test_every_form_counts_the_frames(render: object) -> None:
    """In and out, listed, dubious, kinds; and whether the night is through."""
    said = render(WHOLE).replace("&lt;", "<").replace("&gt;", ">")  # type: ignore[operator]
    counts = "800 frames in, 790 out, 10 listed; 0.51 % dubious (<B> 390, A 400)"
    assert f"vampires {NIGHT:%Y%m%d} processed in 5 s: {counts}" in said
    assert f"vampires {NEXT_NIGHT:%Y%m%d} processed in part in 0 s: {counts}" in said


def test_programs_get_the_same_counts() -> None:
    """As JSON, with every key."""
    document = json.loads(json.dumps(document_of(WHOLE)))
    first, second = document["nights_processed"]
    assert first["frames"] == {"in": 800, "out": 790, "listed": 10, "dubious": 4, "kinds": {"<B>": 390, "A": 400}}
    assert (first["is_whole"], second["is_whole"]) == (True, False)
    assert [step["held"] for step in document["steps"]] == [0, 0, 0, 1]


def test_a_night_that_waits_for_a_person_is_in_the_subject() -> None:
    """And makes the report differ."""
    assert WHOLE.state is State.DIFFERENT
    assert subject_of(WHOLE) == "nightferry Sutherland: vampires 1 held for review"


def test_a_report_is_read_back_with_its_frames() -> None:
    """`report` shows the last one again."""
    assert render_text(read_record(write_record(WHOLE))) == render_text(WHOLE)


def test_where_nothing_was_to_be_done_all_is_well_and_where_something_could_not_be_read_it_is_not() -> None:
    """Looked and found nothing is not the same as not looked; a file that could not be read has not failed a check."""
    assert report(kind="run", is_idle=True).state is State.OK
    assert report(kind="run").state is State.UNKNOWN
    assert StepRow("vampires", NIGHT, "sync", failed=2).state is State.DIFFERENT
    assert StepRow("vampires", NIGHT, "sync", failed=2, unread=1).state is State.UNKNOWN
