"""The report on a terminal: a table of hops in colour, then what is wrong, runs folded.

For people at a terminal only; pipes and cron get text.py's plain form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.model import Report
from reports.sections import Section, sections_of
from reports.subject import told
from reports.summary import (
    outcome_cells,
    processed_lines,
    quiet_lines,
    remark_lines,
    step_cells,
    summary_sentences,
    telling_steps,
    verdict_cells,
    verdict_remarks,
)

STYLES = {"ok": "green", "different": "bold red", "unknown": "bold magenta", "away": "bright_black"}
"""Colours of states; the word always stands beside the colour."""

_GAPS = (2, 1)
"""Blanks between columns: two where there is room for them, else one; on eighty columns a name is not cut for them."""
MOST_LINES = 20
"""Lines of one section on a terminal; the plain text and the JSON have them all."""


def print_report(report: Report, console: Console) -> None:
    """Print a report: sections that list something, the tables, and one line that says it all."""
    report = report.in_order()
    for section in sections_of(report):
        if section.count or section.ending not in (None, "None"):
            _print_section(section, console)
    verdicts = [verdict_cells(verdict) for verdict in report.verdicts]
    notes = [verdict_remarks(verdict) for verdict in report.verdicts]
    _print_table(("instrument", "hop", "nights", "compared", "not comparable", "state"), verdicts, notes, console)
    outcomes = [outcome_cells(outcome) for outcome in report.outcomes]
    remarks = [remark_lines(outcome) for outcome in report.outcomes]
    _print_table(("instrument", "hop", "nights", "moved", "bytes", "time", "state"), outcomes, remarks, console)
    steps = [step_cells(step) for step in telling_steps(report.steps)]
    reasons = [step.reasons for step in telling_steps(report.steps)]
    _print_table(("instrument", "step", "done", "failed", "skipped", "time", "state"), steps, reasons, console)
    for line in (*quiet_lines(report.steps), *processed_lines(report), *summary_sentences(report)):
        console.print(Text(line))
    console.print(Text.assemble((str(report.state), STYLES[str(report.state)]), _after_state(report)))


def _after_state(report: Report) -> str:
    """Return what the last line says after the state, without saying the state again."""
    state, words = str(report.state), told(report)
    return "" if words == state else f": {words.removeprefix(f'{state}, ')}"


def _print_section(section: Section, console: Console) -> None:
    console.print(Text.assemble((section.title, "bold"), "  ", (section.root, "dim")))
    lines = list(section.folded_lines())
    for line in lines[:MOST_LINES]:
        console.print(Text("  " + line), soft_wrap=True)  # a name that is cut by us cannot be copied whole
    if len(lines) > MOST_LINES:
        console.print(Text(f"  ... and {len(lines) - MOST_LINES} more lines", style="dim"))
    if section.ending is not None:
        console.print(Text("  " + section.ending, style=STYLES.get(section.ending.partition(":")[0].lower(), "red")))
    console.print()


def _print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[Iterable[str]], console: Console
) -> None:
    if not rows:
        return
    gap = next((gap for gap in _GAPS if _narrowest(columns, rows, gap) <= console.width), None)
    if gap is None:
        _print_stacked(rows, notes, console)
    else:
        console.print(_table(columns, rows, gap))
        for row, lines in zip(rows, notes, strict=True):
            whose = f"{row[0]} {row[1]}: " if len(rows) > 1 else ""  # a table cannot be parted for its notes
            _print_notes((whose + line.strip() for line in lines), console)
    console.print()


def _print_notes(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(Text(f"  {line.strip()}", style="dim"))


def _narrowest(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: int) -> int:
    """Return the columns that cells need to stand beside one another uncut; headings may be folded at blanks."""
    outermost = (columns[0], *(max(column.split(), key=cell_len) for column in columns[1:-1]), columns[-1])
    widths = [max(map(cell_len, column)) for column in zip(outermost, *rows, strict=True)]
    return sum(widths) + gap * (len(widths) - 1)


def _print_stacked(rows: Sequence[Sequence[str]], notes: Sequence[Iterable[str]], console: Console) -> None:
    """Print two lines a row where a table would be cut into shards: a telephone shows forty columns."""
    for (name, hop, *facts, state), lines in zip(rows, notes, strict=True):
        console.print(Text.assemble((name, "bold"), f"  {hop}  ", (state, STYLES[state])))
        console.print(Text(f"  {', '.join(facts)}"))
        _print_notes(lines, console)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    for place, column in enumerate(columns):
        is_outermost = place in (0, len(columns) - 1)  # the instrument and its state are never cut or folded
        justify: Literal["right", "left"] = "left" if is_outermost or place == 1 else "right"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=is_outermost)
    for row in rows:
        table.add_row(*[Text(cell) for cell in row[:-1]], Text(row[-1], style=STYLES[row[-1]]))
    return table
