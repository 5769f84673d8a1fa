"""The command that proves what is where: ``verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, begin_early, finish, options_of
from nightferry.cli.opened import opened
from observatory.errors import UsageError


def verify(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    hop: opt.Hops = None,
    level: Annotated[
        str | None,
        typer.Option("--level", metavar="LEVEL", help="existence, size, checksum or structure; default: as declared."),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Also list what is on B and not on A.")] = False,
    json: opt.Json = False,
    mail: opt.Mail = False,
    scheduled: opt.Scheduled = False,
    note: opt.Note = None,
) -> None:
    """List both ends of every hop afresh and report what is on A and not on B."""
    if level is not None:
        from verifier.options import LEVELS

        if level not in LEVELS:
            raise UsageError(f"--level {level}: one of {', '.join(LEVELS)}")
    options = options_of(context)
    with opened(options, "verify", mail=mail, scheduled=scheduled) as workplace:
        from nightferry.selection import as_verified, hops_asked

        what = asked(instrument, date, nights, hop)
        begin_early(workplace, what, hops_asked(workplace, what), lambda scope: as_verified(scope, level))
        from nightferry.cli.verify_work import run_verify  # loaded while the hosts answer
        from nightferry.cli.work import Delivery
        from nightferry.hop_verify import VerifyWishes

        delivery = Delivery(json=json, mail=mail, scheduled=scheduled, quiet=options.quiet, note=note)
        wishes = VerifyWishes(level, reverse)
        finish(run_verify(workplace, what, wishes, delivery))


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(verify)
