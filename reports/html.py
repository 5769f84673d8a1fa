"""The report as HTML: the part of a mail that a telephone shows, and a static page that keeps everything.

What stands in it is prepared here as plain rows, how it looks is the templates' alone. Words are those of
sections.py and summary.py, with runs of frame numbers folded into one line.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import jinja2

from observatory.counting import counted
from reports.model import Note, Report
from reports.sections import Said, Section, said_of, unsaid_sections, verdict_sections
from reports.subject import told
from reports.summary import (
    processed_lines,
    quiet_lines,
    remark_lines,
    step_cells,
    telling_steps,
)
from reports.words import instant_text, one_line, seconds_text, size_text
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

MOST_LINES = 200
"""Lines of one section that a mail shows; a page shows them all."""

_KINDS = {"verify": "Verification", "sync": "Transfer", "run": "Nightly run", "prune": "Freed space"}


@dataclass(frozen=True, slots=True)
class Block:
    """A section as it is shown: `unshown` lines were left out; `state` colours the ending."""

    root: str
    title: str
    count: int
    lines: Sequence[str]
    unshown: int
    ending: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A hop as it is shown: one row of the table on top (cells of a word and a small one), and its blocks below."""

    instrument: str
    hop: str
    way: str
    state: str
    nights: str
    cells: Sequence[tuple[str, str]]
    blocks: Sequence[Block]
    remarks: Sequence[str] = ()


def render_html(report: Report, most_lines: int = MOST_LINES) -> str:
    """Return the HTML part of a mail: inline styles, no pictures, nothing fetched from anywhere.

    At most `most_lines` lines of each section are shown and the rest counted; a run is one line.
    """
    return _render("mail.html.j2", report, most_lines)


def render_page(report: Report) -> str:
    """Return a static page that holds every line, long sections closed until they are opened."""
    return _render("page.html.j2", report, None)


def _render(template: str, report: Report, most_lines: int | None) -> str:
    report = report.in_order()
    said = said_of(report)
    return (
        _templates()
        .get_template(template)
        .render(
            site=one_line(report.site),
            kind=_KINDS[report.kind],
            state=str(report.state),
            told=told(report),
            started=_people_time(instant_text(report.started_utc)),
            took=seconds_text((report.finished_utc - report.started_utc).total_seconds()),
            verdicts=[_verdict_row(verdict, most_lines) for verdict in report.verdicts],
            outcomes=[_outcome_row(outcome, said, most_lines) for outcome in report.outcomes],
            steps=[(step_cells(step), list(map(one_line, step.reasons))) for step in telling_steps(report.steps)],
            nights=[*quiet_lines(report.steps), *processed_lines(report)],
            notes=list(_sentences(report.notes)),
            problems=list(_sentences(report.problems)),
        )
    )


@functools.cache
def _templates() -> jinja2.Environment:
    """A misspelt name in a template is an error, and every name out of a listing is escaped."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _people_time(instant: str) -> str:
    return instant.replace("T", " ").removesuffix(":00Z").removesuffix("Z") + " UTC"


def _sentences(notes: Iterable[Note]) -> Iterator[str]:
    for note in notes:
        yield (f"{one_line(note.instrument)}: " if note.instrument else "") + one_line(note.sentence)


def _verdict_row(verdict: HopVerdict, most_lines: int | None) -> Row:
    return Row(
        instrument=one_line(verdict.instrument),
        hop=one_line(verdict.hop),
        way=_way(verdict),
        state=str(verdict.state),
        nights=counted(len(verdict.nights), "night"),
        cells=(
            (str(verdict.compared), f"by {verdict.level}"),
            (str(verdict.not_comparable), ""),
            (str(len(verdict.missing)), _other_findings(verdict)),
        ),
        blocks=_blocks(verdict_sections(verdict), most_lines),
        remarks=[f"{count} accepted: {one_line(reason)}" for reason, count in sorted(verdict.accepted.items())],
    )


def _other_findings(verdict: HopVerdict) -> str:
    """Return what else is wrong, in a word for the table: ``different`` beside nothing but zeros would be a riddle."""
    absent = sum(len(gap.numbers) for gap in verdict.sequence_gaps)
    found = [
        (len(verdict.size_differs) + len(verdict.checksum_differs), "differ"),
        (len({finding.path for finding in verdict.damaged}), "damaged"),
        (absent, "frame absent" if absent == 1 else "frames absent"),
        (len(verdict.extra), "extra"),
    ]
    kinds = [f"{count} {words}" for count, words in found if count]
    return kinds[0] if len(kinds) == 1 else f"{sum(count for count, _ in found)} other" if kinds else ""


def _outcome_row(outcome: HopOutcome, said: Said, most_lines: int | None) -> Row:
    return Row(
        instrument=one_line(outcome.instrument),
        hop=one_line(outcome.hop),
        way=_way(outcome),
        state=str(outcome.state),
        nights=counted(len(outcome.nights), "night"),
        cells=(
            (str(outcome.transferred), f"of {outcome.planned}"),
            (size_text(outcome.planned_bytes if outcome.dry_run else outcome.moved_bytes), ""),
            (seconds_text(outcome.seconds), ""),
        ),
        blocks=_blocks(unsaid_sections(outcome, said), most_lines),
        remarks=[line.strip() for line in remark_lines(outcome)],
    )


def _way(hop: HopVerdict | HopOutcome) -> str:
    return f"{one_line(hop.source)} → {one_line(hop.destination)}"


def _blocks(sections: Iterable[Section], most_lines: int | None) -> list[Block]:
    return [_block(section, most_lines) for section in sections]


def _block(section: Section, most_lines: int | None) -> Block:
    folded = section.folded_lines()
    lines = list(itertools.islice(folded, most_lines))
    unshown = sum(1 for _ in folded)
    return Block(section.root, section.title, section.count, lines, unshown, section.ending)
