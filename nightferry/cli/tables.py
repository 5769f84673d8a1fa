"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightferry.reporting.status import HEADINGS, LastRun, Row, cells


def print_status(table: Sequence[Row], last: LastRun) -> None:
    """Print the nights; one whose declared copies are all proven is green. A column without a word is left out."""
    texts = [cells(row) for row in table]
    kept = [column for column in range(len(HEADINGS)) if any(text[column] != "-" for text in texts)]
    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in kept:
        drawn.add_column(HEADINGS[column], no_wrap=True)
    for row, text in zip(table, texts, strict=True):
        is_whole = row.proven_copies >= row.declared_copies or row.is_accepted
        drawn.add_row(*(Text(text[column]) for column in kept), style="green" if is_whole else "yellow")
    console = Console(highlight=False)
    console.print(drawn)
    console.print(f"last run finished: {last.text or 'never'}")


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text beneath their headings."""
    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console(highlight=False).print(drawn)
