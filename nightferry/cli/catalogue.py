"""The command on the catalogue itself, and all that stand under it."""

from __future__ import annotations

from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of
from nightferry.cli.datasets import check
from nightferry.cli.interchange import bag, check_bag, check_sums, sums
from nightferry.cli.overview import Overview
from observatory.errors import UsageError

catalogue_app = typer.Typer(cls=Overview, name="catalogue", invoke_without_command=True)


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


catalogue_app.command()(check)
catalogue_app.command()(sums)
catalogue_app.command(name="check-sums")(check_sums)
catalogue_app.command()(bag)
catalogue_app.command(name="check-bag")(check_bag)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(catalogue_app)
