"""The commands that show what is known: ``status`` and ``report``."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, is_terminal, options_of, print_document, say
from observatory.errors import UsageError

if TYPE_CHECKING:
    from nightferry.reporting.status import LastRun, Row
    from nightferry.selection import Asked
    from nightferry.workplace import Workplace


LONGEST = dt.timedelta(days=36_525)
"""No run is older, and a calendar has no days before its first."""


def status(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="26h", help="Exit 3 when no run of an instrument finished since.")
    ] = None,
    json: opt.Json = False,
    all_: Annotated[
        bool, typer.Option("--all", help="Every night that is known, as in a pipe, --json and --csv.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The table of the archive's log, for one instrument.")] = False,
    safe: Annotated[bool, typer.Option("--safe", help="First hash every file of the nights on every copy.")] = False,
    import_: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Note what an ARCHIVE_LOG.csv claims.")
    ] = None,
) -> None:
    """A row per night: what was transferred, processed, proven and safe, when, and on how many of the copies.

    On a terminal without -d and -n: the window, and older nights of which something is open.
    """
    if csv and json:
        raise UsageError("--csv and --json: give one of the two")
    if all_ and (date or nights is not None):
        raise UsageError("--all shows every night, -d and -n some: give one of them")
    longest = None if max_age is None else _span(max_age)
    options = options_of(context)
    with options.open() as workplace:
        what, result = asked(instrument, date, nights), 0
        if import_ is not None or safe:
            from nightferry.cli.safe_work import import_claims, read_all

            result = import_claims(workplace, what, import_) if import_ is not None else 0
            result = max(result, read_all(workplace, what, options.quiet or json)) if safe else result
        if csv:
            from nightferry.reporting.archive_log import csv_lines

            for line in csv_lines(workplace, what):
                typer.echo(line)
            finish(result)
        from nightferry.reporting.status import not_run, rows, site_status

        age = site_status(workplace)
        if json or longest is None or not options.quiet:  # a watch that is to be quiet speaks only of what is late
            table = rows(workplace, what)
            if json:
                _print_json(table, age)
            else:
                _show(workplace, what, table, age, is_all=all_)
        late = [] if longest is None else not_run(workplace, what, longest)
        if longest is not None and age.is_older(longest, workplace.now()):
            say(f"nightferry: no run finished within {max_age} (the last: {age.text or 'none'})")
        else:
            for name, last in late:
                say(f"nightferry: no run of {name} finished within {max_age} (the last: {last.text or 'none'})")
        if late:
            finish(3)
        finish(result)


def _print_json(table: Iterator[Row], age: LastRun) -> None:
    from nightferry.cli.long_document import print_rows_document

    print_rows_document({"last_run_utc": age.text}, "nights", (row.document() for row in table))


def _show(workplace: Workplace, what: Asked, table: Iterator[Row], age: LastRun, is_all: bool) -> None:
    from nightferry.reporting.status import ending, lines, without_settled
    from nightferry.selection import instruments_asked

    older = Counter[str]()
    is_folded = is_terminal() and not (is_all or what.dates or what.nights is not None)
    shown = list(without_settled(workplace, table, older) if is_folded else table)
    known = {row.instrument for row in shown} | older.keys()
    unknown = [one.instrument for one in instruments_asked(workplace, what) if one.instrument not in known]
    below = ending(age, older, unknown)
    if is_terminal():
        from nightferry.cli.tables import print_status

        print_status(shown, below)
        return
    for line in lines(shown, below):
        typer.echo(line)


def _span(text: str) -> dt.timedelta:
    match = re.fullmatch(r"(\d{1,9})\s*(m|min|h|d)", text.strip())
    if match is None:
        raise UsageError(f"--max-age {text}: a number and m, h or d, such as 26h")
    unit = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}[match[2]]
    return min(dt.timedelta(**{unit: int(match[1])}), LONGEST)


def report(
    context: typer.Context,
    json: opt.Json = False,
    html: Annotated[bool, typer.Option("--html", help="The page instead of the text.")] = False,
    mail: opt.Mail = False,
) -> None:
    """The last report again, in any form."""
    if html and json:
        raise UsageError("--html and --json: give one of the two")
    from nightferry.cli.work import NOT_MAILED, send_report
    from nightferry.reporting import delivery
    from reports.json import document_of
    from reports.text import render_text

    with options_of(context).open() as workplace:
        delivery.check_mail(workplace, mail)
        last = delivery.last(workplace)
        if json:
            print_document(document_of(last))
        elif html:
            typer.echo(delivery.page_of(last), nl=False)
        elif is_terminal():
            from rich.console import Console

            from reports.terminal import print_report

            print_report(last, Console())
        else:
            typer.echo(render_text(last), nl=False)
        if mail and not send_report(workplace, last, by_hand=True):
            finish(NOT_MAILED)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(status)
    app.command()(report)
