"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightferry.status import HEADINGS, LastRun, Row, cells


def print_status(table: Sequence[Row], last: LastRun) -> None:
    """Print the nights; a night whose declared copies are all proven is green."""
    drawn = Table(*HEADINGS)
    for row in table:
        is_whole = row.proven_copies == row.declared_copies or row.is_accepted
        drawn.add_row(*(Text(cell) for cell in cells(row)), style="green" if is_whole else "yellow")
    console = Console()
    console.print(drawn)
    console.print(f"last run finished: {last.text or 'never'}")
