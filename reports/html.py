"""The report as HTML: the part of a mail that a telephone shows, and a static page that keeps everything.

What stands in it is prepared here as plain rows, how it looks is the templates' alone. Words are those of
sections.py and summary.py, with runs of frame numbers folded into one line.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import jinja2

from observatory.counting import counted
from observatory.truth import State
from reports.model import Note, Report
from reports.sections import Said, Section, ends_of, said_of, unsaid_sections, verdict_sections
from reports.subject import told
from reports.summary import (
    processed_lines,
    quiet_lines,
    remark_lines,
    step_cells,
    telling_steps,
    verdict_remarks,
)
from reports.words import instant_text, one_line, seconds_text, size_text
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

MOST_LINES = 200
"""Lines of one section that a mail shows; a page shows them all."""
MOST_QUIET = 20
"""Hops of which nothing is to be said that a mail has a row for each. Of more it sums them up: a telephone shows seven
rows at a time, and what comes after the first 100 kB of a mail some readers' programs do not show at all."""
_QUIET = (State.OK, State.AWAY)

_AHop = TypeVar("_AHop", HopVerdict, HopOutcome)

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


Cells = Sequence[tuple[str, str]]
"""A word, and a small one below it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A hop as it is shown, or several quiet ones as one: a row of the table on top, and its blocks below."""

    instrument: str
    hop: str
    way: str
    state: str
    nights: str
    cells: Cells
    blocks: Sequence[Block]
    remarks: Sequence[str] = ()

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing below the table to read but that nothing is missing."""
        return not self.remarks and all(block.ending == "None" and not block.count for block in self.blocks)


def render_html(report: Report, most_lines: int = MOST_LINES) -> str:
    """Return the HTML part of a mail: inline styles, no pictures, nothing fetched from anywhere.

    At most `most_lines` lines of each section are shown and the rest counted; a run is one line. Of many quiet
    instruments one row tells how many files were compared.
    """
    return _render("mail.html.j2", report, most_lines)


def render_page(report: Report) -> str:
    """Return a static page that holds every line, long sections closed until they are opened."""
    return _render("page.html.j2", report, None)


def _render(template: str, report: Report, most_lines: int | None) -> str:
    report = report.in_order()
    said = said_of(report)
    quiet = frozenset() if most_lines is None else _quiet_instruments(report)
    verdicts = [_verdict_row(verdict, most_lines) for verdict in report.verdicts]
    outcomes = [_outcome_row(outcome, said, most_lines) for outcome in report.outcomes]
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
            verdicts=_table(report.verdicts, verdicts, quiet, _verdict_cells),
            outcomes=_table(report.outcomes, outcomes, quiet, _outcome_cells),
            verdicts_told=_told(report.verdicts, verdicts, quiet),
            outcomes_told=_told(report.outcomes, outcomes, quiet),
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


def _quiet_instruments(report: Report) -> frozenset[str]:
    """Return the instruments all of whose hops are quiet, where these are more than a mail has a row for each."""
    hops: list[HopVerdict | HopOutcome] = [*report.verdicts, *report.outcomes]
    loud = {hop.instrument for hop in hops if hop.state not in _QUIET}
    quiet = [hop.instrument for hop in hops if hop.instrument not in loud]
    return frozenset(quiet) if len(quiet) > MOST_QUIET else frozenset()


def _table(
    hops: Sequence[_AHop], rows: Sequence[Row], quiet: Collection[str], cells: Callable[[Sequence[_AHop]], Cells]
) -> list[Row]:
    """Return the rows of a table: hop by hop but for the quiet instruments, which are one row for each state."""
    shown = [row for hop, row in zip(hops, rows, strict=True) if hop.instrument not in quiet]
    rest = [hop for hop in hops if hop.instrument in quiet]
    for state in (state for state in _QUIET if any(hop.state is state for hop in rest)):
        alike = [hop for hop in rest if hop.state is state]
        names = sorted({one_line(hop.instrument) for hop in alike})
        whose = counted(len(names), "instrument")
        shown.append(Row(whose, ", ".join(names), "", str(state), counted(len(alike), "hop"), cells(alike), ()))
    return shown


def _told(hops: Sequence[_AHop], rows: Sequence[Row], quiet: Collection[str]) -> list[Row]:
    """Return the rows of which there is something to read below the table; quiet instruments have mostly nothing."""
    return [row for hop, row in zip(hops, rows, strict=True) if hop.instrument not in quiet or not row.is_silent]


def _verdict_row(verdict: HopVerdict, most_lines: int | None) -> Row:
    return Row(
        instrument=one_line(verdict.instrument),
        hop=one_line(verdict.hop),
        way=_way(verdict),
        state=str(verdict.state),
        nights=counted(len(verdict.nights), "night"),
        cells=_verdict_cells([verdict]),
        blocks=_blocks(verdict_sections(verdict), most_lines),
        remarks=verdict_remarks(verdict),
    )


def _verdict_cells(verdicts: Sequence[HopVerdict]) -> Cells:
    levels = ", ".join(sorted({verdict.level for verdict in verdicts}))
    return (
        (str(sum(verdict.compared for verdict in verdicts)), f"by {levels}"),
        (str(sum(verdict.not_comparable for verdict in verdicts)), ""),
        (str(sum(len(verdict.missing) for verdict in verdicts)), _other_findings(verdicts)),
    )


def _outcome_cells(outcomes: Sequence[HopOutcome]) -> Cells:
    moved_bytes = sum(one.planned_bytes if one.dry_run else one.moved_bytes for one in outcomes)
    return (
        (str(sum(one.transferred for one in outcomes)), f"of {sum(one.planned for one in outcomes)}"),
        (size_text(moved_bytes), ""),
        (seconds_text(sum(one.seconds for one in outcomes)), ""),
    )


def _other_findings(verdicts: Sequence[HopVerdict]) -> str:
    """Return what else is wrong, in a word for the table: ``different`` beside nothing but zeros would be a riddle."""
    absent = sum(len(gap.numbers) for verdict in verdicts for gap in verdict.sequence_gaps)
    found = [
        (sum(len(one.size_differs) + len(one.checksum_differs) for one in verdicts), "differ"),
        (sum(len({finding.path for finding in one.damaged}) for one in verdicts), "damaged"),
        (absent, "frame absent" if absent == 1 else "frames absent"),
        (sum(len(one.extra) for one in verdicts), "extra"),
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
        cells=_outcome_cells([outcome]),
        blocks=_blocks(unsaid_sections(outcome, said), most_lines),
        remarks=[line.strip() for line in remark_lines(outcome)],
    )


def _way(hop: HopVerdict | HopOutcome) -> str:
    return " → ".join(ends_of(hop))


def _blocks(sections: Iterable[Section], most_lines: int | None) -> list[Block]:
    return [_block(section, most_lines) for section in sections]


def _block(section: Section, most_lines: int | None) -> Block:
    folded = section.folded_lines()
    lines = list(itertools.islice(folded, most_lines))
    unshown = sum(1 for _ in folded)
    return Block(section.root, section.title, section.count, lines, unshown, section.ending)
