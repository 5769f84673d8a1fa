"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightferry.reporting.status import HEADINGS, Row, cells

_LEAVES_FIRST = ("moved (UTC)", "proven (UTC)", "moved", "files", "processed", "safe")
"""Columns of the nights that a narrow terminal does without, in this order; a night cut to ``202…`` says nothing."""
_GAP = 2
_FOLDED = 1.5
"""Cells may be folded into two lines; where a table needs more than this many widths it falls into shards."""


def print_status(table: Sequence[Row], below: Iterable[str]) -> None:
    """Print the nights; one whose declared copies are all proven is green. A column without a word is left out.

    Where the terminal is too narrow whole columns are left out, and that is said.
    """
    console = Console(highlight=False)
    texts = [cells(row) for row in table]
    spoken = [column for column in range(len(HEADINGS)) if any(text[column] != "-" for text in texts)]
    kept = _that_fit(spoken, [HEADINGS, *texts], console.width)
    drawn = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in kept:
        drawn.add_column(HEADINGS[column], no_wrap=True)
    for row, text in zip(table, texts, strict=True):
        drawn.add_row(*(Text(text[column]) for column in kept), style="green" if row.is_whole else "yellow")
    console.print(drawn)
    if len(kept) < len(spoken):
        absent = ", ".join(HEADINGS[column] for column in spoken if column not in kept)
        console.print(f"no room here for: {absent}. `nightferry status | cat` shows them")
    for line in below:
        console.print(line)


def _that_fit(columns: Sequence[int], texts: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the columns that a line of `width` characters has room for."""
    kept = list(columns)
    for heading in _LEAVES_FIRST:
        if sum(_GAP + max(len(text[column]) for text in texts) for column in kept) <= width:
            break
        kept = [column for column in kept if HEADINGS[column] != heading]
    return kept


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text beneath their headings; where they have no room beside one another, a line for each cell."""
    console = Console(highlight=False)
    widths = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]
    if rows and sum(widths) + _GAP * len(widths) > _FOLDED * console.width:
        _print_stacked(headings, rows, console)
        return
    drawn = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    console.print(drawn)


def _print_stacked(headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    width = max(map(len, headings))
    for row in rows:
        for heading, cell in zip(headings, row, strict=True):
            console.print(Text.assemble((heading.ljust(width + _GAP), "bold"), cell))
        console.print()
