"""The commands on what is held: ``exposures`` and ``fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of

Csv = Annotated[bool, typer.Option("--csv", help="Comma-separated values on standard output.")]


def exposures(
    context: typer.Context,
    instrument: opt.Instruments = None,
    last: Annotated[bool, typer.Option("--last", help="Only the newest.")] = False,
    nights: Annotated[str | None, typer.Option("--nights", "-d", metavar="A..B", help="These nights.")] = None,
    ids: Annotated[str | None, typer.Option("--ids", metavar="A..B", help="These exposure numbers.")] = None,
    arrived: Annotated[
        str | None, typer.Option("--arrived", metavar="A..B", help="Complete between these instants, UTC.")
    ] = None,
    observed: Annotated[
        str | None, typer.Option("--observed", metavar="A..B", help="Begun between these instants, UTC.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPRESSION", help="Such as \"exptime > 60 and program = 'dark'\".")
    ] = None,
    written: Annotated[bool, typer.Option("--written", help="Only those whose data are all on disk.")] = False,
    limit: opt.Limit = None,
    csv: Csv = False,
    parquet: Annotated[Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file.")] = None,
    json: opt.Json = False,
) -> None:
    """Exposures as their headers describe them, and where the nearest proven copy of each lies."""
    from nightferry.cli.holding_work import Wanted, run_exposures

    with options_of(context).open() as workplace:
        wanted = Wanted(last, nights, ids, arrived, observed, where, written, limit)
        finish(run_exposures(workplace, asked(instrument, None, None), wanted, csv=csv, json=json, parquet=parquet))


def fetch(
    context: typer.Context,
    exposure: Annotated[str, typer.Argument(metavar="EXPID", help="Its number or name.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the files go; made if absent.")],
    instrument: opt.Instruments = None,
    file_class: Annotated[
        list[str] | None, typer.Option("--class", metavar="CLASS", help="Only this class of files (repeat).")
    ] = None,
    night: Annotated[
        str | None, typer.Option("--night", "-d", metavar="NIGHT", help="Where numbers begin anew each night.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Refuse where a file is there already with other content.")
    ] = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Copy an exposure's files from the nearest proven copy, each checked, none half there."""
    from nightferry.cli.holding_work import Fetch, run_fetch

    with options_of(context).open() as workplace:
        what = Fetch(exposure, to, tuple(file_class or ()), night, not keep, dry_run)
        finish(run_fetch(workplace, asked(instrument, None, None), what, json=json))


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(exposures)
    app.command()(fetch)
