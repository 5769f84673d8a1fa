"""The commands of the schedule: ``run``, ``convert``, ``daemon``, ``crontab``, ``systemd``."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, check_wait, finish, options_of, say
from nightferry.cli.opened import opened


def run(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    hop: opt.Hops = None,
    wait: opt.Wait = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    mail: opt.Mail = False,
    scheduled: opt.Scheduled = False,
    note: opt.Note = None,
) -> None:
    """The nightly run: hops and steps in their order, verify, report."""
    from nightferry.cli.night_work import run_nightly
    from nightferry.cli.work import Delivery

    check_wait(wait, hop)
    options = options_of(context)
    with opened(options, "run", mail=mail, scheduled=scheduled) as workplace:
        delivery = Delivery(json=json, mail=mail, scheduled=scheduled, quiet=options.quiet, note=note)
        finish(run_nightly(workplace, asked(instrument, date, nights, hop), dry_run, wait, delivery))


def convert(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    step: Annotated[list[str] | None, typer.Option("--step", metavar="STEP", help="Only this step (repeat).")] = None,
    from_step: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Only this step and those after it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Do again what succeeded.")] = False,
    jobs: Annotated[int | None, typer.Option("-j", metavar="N", min=1, help="So many at a time.")] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Every night of any age that is not through its steps.")
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Let what is held for review go on; needs -i and -d.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Work on in tmux, or in the background.")] = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    mail: opt.Mail = False,
    scheduled: opt.Scheduled = False,
    note: opt.Note = None,
) -> None:
    """Take the steps that turn what arrived into products, where their copy lies here."""
    from nightferry.cli.convert_work import detach_convert, run_convert
    from nightferry.cli.work import Delivery
    from nightferry.products.converting import ConvertWishes

    options = options_of(context)
    with opened(options, "run", mail=mail, scheduled=scheduled) as workplace:
        delivery = Delivery(json=json, mail=mail, scheduled=scheduled, quiet=options.quiet, note=note)
        wishes = ConvertWishes(force, frozenset(step or ()), dry_run, jobs, from_step, pending)
        if detach:
            finish(detach_convert(workplace, asked(instrument, date, nights), wishes, sys.argv, is_approval=approve))
        else:
            finish(run_convert(workplace, asked(instrument, date, nights), wishes, delivery, is_approval=approve))


def daemon(context: typer.Context) -> None:
    """Work the schedule until told to end."""
    from nightferry.daemon import Daemon
    from nightferry.locks import daemon_lock

    options = options_of(context)
    if not options.quiet:  # what works for months says when it began and what it did
        logging.getLogger("nightferry").setLevel(logging.INFO)
    with options.open() as workplace:
        works = Daemon(workplace)  # what is wrong with the schedule is said first
        with daemon_lock(workplace.state):
            works.serve()


def crontab(context: typer.Context) -> None:
    """Print the schedule as lines for cron."""
    from nightferry.schedule import crontab_lines, program

    with options_of(context).open() as workplace:
        for line in crontab_lines(workplace.specification, program()):
            typer.echo(line)


def systemd(context: typer.Context) -> None:
    """Print the schedule as services and timers for systemd."""
    from nightferry.observations.keeping import watched_by_daemon
    from nightferry.schedule import program, systemd_units

    with options_of(context).open() as workplace:
        for unit in systemd_units(workplace.specification, program(), watched_by_daemon(workplace)):
            typer.echo(unit)
    say(
        "put each part into the file that its first line names and look at User=; then, for each timer:"
        " systemctl daemon-reload && systemctl enable --now nightferry-run.timer"
    )


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (run, convert, daemon, crontab, systemd):
        app.command()(command)
