"""The options that several commands take, declared once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nightferry.cli import completing

MOST_ROWS = 10**9
"""More than any catalogue holds, and less than databases count with."""
MOST_HOURS = 8_760
"""A year: whoever waits longer waits for ever."""


def instrument_option(help_text: str) -> Any:
    """Return the option that names an instrument; the shell offers those that are declared."""
    return typer.Option("--instrument", "-i", metavar="NAME", help=help_text, autocompletion=completing.instruments)


Instruments = Annotated[
    list[str] | None,
    instrument_option("Only this instrument (repeat)."),
]
Dates = Annotated[
    list[str] | None,
    typer.Option(
        "--date",
        "-d",
        metavar="NIGHT",
        help="20160907, 2016-09-07, today, yesterday, A..B (repeat).",
        autocompletion=completing.nights,
    ),
]
OneInstrument = Annotated[
    str,
    instrument_option("Which instrument."),
]
OneNight = Annotated[
    str,
    typer.Option(
        "--date", "-d", metavar="NIGHT", help="20160907, 2016-09-07, yesterday.", autocompletion=completing.nights
    ),
]
Nights = Annotated[
    int | None, typer.Option("--nights", "-n", metavar="N", help="The present night and the N-1 before it.")
]
Hops = Annotated[list[str] | None, typer.Option("--hop", metavar="A:B", help="Only this hop of the chain (repeat).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and do nothing.")]
Mail = Annotated[bool, typer.Option("--mail", help="Send the report.")]
Scheduled = Annotated[
    bool, typer.Option("--scheduled", help="A job of the schedule: mails as mail.when says.", hidden=False)
]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="A sentence for the report.", hidden=True)]


def _hours(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= MOST_HOURS:  # what is no number is not between them either
        raise typer.BadParameter(f"{value:g}: hours from 0 to {MOST_HOURS}")
    return value


Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, max=MOST_ROWS, help="So many at most.")]
Wait = Annotated[
    float | None,
    typer.Option("--wait", metavar="HOURS", help="Wait so long for the hop before that of --hop.", callback=_hours),
]
