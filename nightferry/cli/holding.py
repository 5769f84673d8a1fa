"""The commands on what is held: ``exposures``, ``fetch``, and ``catalogue`` with its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of
from nightferry.cli.overview import Overview
from observatory.errors import UsageError

catalogue_app = typer.Typer(cls=Overview, name="catalogue", invoke_without_command=True)
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


@catalogue_app.callback()
def catalogue(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Fill, rebuild and check the catalogue of what is held; without a command of its own, fill it."""
    command = context.invoked_subcommand
    if command is None:
        fill(context, instrument, date, nights, dry_run=dry_run, json=json)
    elif instrument or date or nights is not None or dry_run or json:
        raise UsageError(f"catalogue {command}: its options come after `{command}`")


@catalogue_app.command()
def fill(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    again: Annotated[bool, typer.Option("--again", help="Read also what is known.")] = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Catalogue the files of the copies that lie on this machine, as the nightly run does."""
    from nightferry.cli.catalogue_work import run_fill

    options = options_of(context)
    with options.open() as workplace:
        what = asked(instrument, date, nights)
        finish(
            run_fill(workplace, what, is_rebuild=False, again=again, dry_run=dry_run, json=json, quiet=options.quiet)
        )


@catalogue_app.command()
def rebuild(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Read every file that lies here anew, and forget what no copy is left of."""
    from nightferry.cli.catalogue_work import run_fill

    options = options_of(context)
    with options.open() as workplace:
        what = asked(instrument, date, nights)
        finish(run_fill(workplace, what, is_rebuild=True, again=True, dry_run=dry_run, json=json, quiet=options.quiet))


@catalogue_app.command()
def unreadable(context: typer.Context, instrument: opt.Instruments = None, json: opt.Json = False) -> None:
    """List the files that could not be read, with their reasons; exit 1 where there are any."""
    from nightferry.cli.catalogue_work import run_unreadable

    with options_of(context).open() as workplace:
        finish(run_unreadable(workplace, asked(instrument, None, None), json=json))


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(exposures)
    app.command()(fetch)
    app.add_typer(catalogue_app)
