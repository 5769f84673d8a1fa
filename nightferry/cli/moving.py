"""The command that moves files: ``sync``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of
from observatory.errors import UsageError


def sync(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    hop: opt.Hops = None,
    level: Annotated[str | None, typer.Option("--level", help="checksum: mend what such a verify found.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="HH:MM", help="Begin nothing after it.")] = None,
    new_root: Annotated[
        list[str] | None, typer.Option("--new-root", metavar="HOST:ROOT", help="Accept and mark a new root (repeat).")
    ] = None,
    accept_loss: Annotated[
        list[str] | None,
        typer.Option("--accept-loss", metavar="HOST:ROOT", help="What this source lost may be so (repeat)."),
    ] = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    mail: opt.Mail = False,
    scheduled: opt.Scheduled = False,
    note: opt.Note = None,
) -> None:
    """Move what the window's nights lack, hop by hop, newest night first."""
    from nightferry.cli.sync_work import run_sync
    from nightferry.cli.work import Delivery
    from nightferry.syncing import SyncWishes

    if level not in (None, "size", "checksum"):
        raise UsageError(f"--level {level}: sync knows size and checksum")
    options = options_of(context)
    with options.open() as workplace:
        wishes = SyncWishes(
            hash_all=level == "checksum",
            dry_run=dry_run,
            new_roots=_roots(new_root, workplace.specification.site.hosts),
            accepted_losses=_roots(accept_loss, workplace.specification.site.hosts),
            until=_until(until, workplace.specification.zone, workplace.now()),
        )
        delivery = Delivery(json=json, mail=mail, scheduled=scheduled, quiet=options.quiet, note=note)
        finish(run_sync(workplace, asked(instrument, date, nights, hop), wishes, delivery))


def _roots(texts: list[str] | None, hosts: object) -> frozenset[tuple[str, str]]:
    """Split ``HOST:ROOT``.

    Raises
    ------
    UsageError
    """
    return frozenset(_root(text, hosts) for text in texts or ())


def _root(text: str, hosts: object) -> tuple[str, str]:
    host, colon, root = text.partition(":")
    if not colon or not root.startswith("/") or host not in hosts:  # type: ignore[operator]
        raise UsageError(f"{text!r} is not HOST:ROOT with a declared host and an absolute root")
    return host, root.rstrip("/") or "/"


def _until(text: str | None, zone: dt.tzinfo, now: dt.datetime) -> dt.datetime | None:
    """Return the next instant at which the site's clocks show a time of day."""
    if text is None:
        return None
    try:
        clock = dt.datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise UsageError(f"--until {text}: a time of day as HH:MM") from None
    local = now.astimezone(zone)
    instant = dt.datetime.combine(local.date(), clock, zone)
    return instant if instant > local else dt.datetime.combine(local.date() + dt.timedelta(days=1), clock, zone)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(sync)
