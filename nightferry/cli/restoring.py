"""The command ``restore``: back to the raw state, or a night back from another copy."""

from __future__ import annotations

from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of
from observatory.errors import UsageError


def restore(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="HOST", help="Bring the night back from this copy, or from any.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="HOST", help="With --from: to this copy; else to the first.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Undo the steps of a night: what they made is set aside, if every original is whole. Frame ids stay spent."""
    if not instrument or not (date or nights):
        raise UsageError("restore needs -i, and -d or -n: say which nights of which instrument; nothing was done")
    if to is not None and from_ is None:
        raise UsageError("--to goes with --from; nothing was done")
    if yes and dry_run:
        raise UsageError("--yes does it and --dry-run does not: give one of the two")
    from nightferry.cli.restore_work import RestoreManner, run_bring_back, run_restore

    options = options_of(context)
    with options.open() as workplace:
        manner = RestoreManner(yes, dry_run, json, options.quiet)
        wanted = asked(instrument, date, nights)
        if from_ is None:
            finish(run_restore(workplace, wanted, manner))
        else:
            finish(run_bring_back(workplace, wanted, from_, to, manner))


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(restore)
