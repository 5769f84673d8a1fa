"""The commands that give space back: ``prune``, and ``confirm`` for what archives say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of, plain_line, taken_back
from nightferry.cli.opened import opened
from observatory.errors import UsageError
from observatory.nights import night_text, parse_night


def prune(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    yes: Annotated[bool, typer.Option("--yes", help="Free it; without this only say what may be freed.")] = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    mail: opt.Mail = False,
    scheduled: opt.Scheduled = False,
    note: opt.Note = None,
) -> None:
    """Say what retention allows to be freed, with its proof, and why not the rest; with --yes free it."""
    if yes and dry_run:
        raise UsageError("--yes frees and --dry-run does not: give one of the two")
    options = options_of(context)
    with opened(options, "prune", mail=mail, scheduled=scheduled) as workplace:
        from nightferry.cli.prune_work import run_prune
        from nightferry.cli.work import Delivery

        delivery = Delivery(json=json, mail=mail, scheduled=scheduled, quiet=options.quiet, note=note)
        finish(run_prune(workplace, asked(instrument, date, nights), yes, delivery))


def confirm(
    context: typer.Context,
    instrument: opt.OneInstrument,
    date: opt.OneNight,
    archive: Annotated[str, typer.Option("--archive", metavar="NAME", help="Who confirmed it, e.g. STARS.")],
    list_: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE", help="Only what stands in this list (- for standard input)."),
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
) -> None:
    """Note that an archive confirmed a night, or the files of a list: retention may ask for it (confirmed_by)."""
    archive = plain_line("--archive", archive)
    from nightferry.retention.confirming import confirm_night
    from nightferry.selection import instruments_asked

    with options_of(context).open() as workplace:
        (declared,) = instruments_asked(workplace, asked([instrument], None, None))
        night = parse_night(date, workplace.present_night(declared))
        if revoke:
            count = workplace.ledger.revoke_confirmations(instrument, night, archive, workplace.now())
            typer.echo(f"{instrument} {night_text(night)}: {taken_back(count)}")
            return
        for line in confirm_night(workplace, declared, night, archive, list_):
            typer.echo(line)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(prune)
    app.command()(confirm)
