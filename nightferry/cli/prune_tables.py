"""What may be freed, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightferry.retention import pruned
from nightferry.retention.outcome import PlacePruned
from observatory.nights import night_text


def print_pruned(found: Sequence[PlacePruned], is_free: bool) -> None:
    """Print a table per copy: what may go or went is green, what stays yellow, what failed red."""
    console = Console(highlight=False)
    for one in found:
        console.print(Text(pruned.heading(one), style="bold"))
        for remark in pruned.remarks(one):
            console.print(Text(f"  {remark}", style="magenta" if remark.startswith("UNKNOWN") else "bright_black"))
        drawn = Table(box=None, padding=(0, 2, 0, 2), show_header=False)
        for night in one.nights:
            style = "red" if night.failed else "green" if night.may_go else "yellow"
            for text in pruned.night_lines(night):
                drawn.add_row(Text(night_text(night.night)), Text(text), style=style)
        console.print(drawn)
    console.print(pruned.closing(found, is_free))
