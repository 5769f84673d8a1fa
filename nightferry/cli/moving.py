"""The command that moves files: ``sync``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, begin_early, check_wait, finish, options_of
from nightferry.cli.opened import opened
from observatory.errors import UsageError

MOST_MEANT = 3
"""So many roots are named where one is misspelt."""


def sync(
    context: typer.Context,
    instrument: opt.Instruments = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    hop: opt.Hops = None,
    level: Annotated[
        str | None, typer.Option("--level", metavar="LEVEL", help="checksum: mend what such a verify found.")
    ] = None,
    wait: opt.Wait = None,
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
    if level not in (None, "size", "checksum"):
        raise UsageError(f"--level {level}: sync knows size and checksum")
    options = options_of(context)
    check_wait(wait, hop)
    with opened(options, "sync", mail=mail, scheduled=scheduled) as workplace:
        from nightferry.selection import syncable

        what = asked(instrument, date, nights, hop)
        begin_early(workplace, what, syncable(workplace, what))
        from nightferry.cli.sync_work import run_sync  # loaded while the hosts answer
        from nightferry.cli.work import Delivery
        from nightferry.hop_sync import SyncWishes
        from observatory.spec.chain import places

        known = {(place.host, place.root) for one in workplace.instruments.values() for place in places(one)}
        wishes = SyncWishes(
            hash_all=level == "checksum",
            dry_run=dry_run,
            new_roots=_roots(new_root, known),
            accepted_losses=_roots(accept_loss, known),
            until=_until(until, workplace.specification.zone, workplace.now()),
        )
        delivery = Delivery(json=json, mail=mail, scheduled=scheduled, quiet=options.quiet, note=note)
        finish(run_sync(workplace, what, wishes, delivery, wait))


def _roots(texts: list[str] | None, known: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Split ``HOST:ROOT``.

    Raises
    ------
    UsageError
        One is no root of any copy declared: a slip must not accept anything.
    """
    return frozenset(_root(text, known) for text in texts or ())


def _root(text: str, known: Collection[tuple[str, str]]) -> tuple[str, str]:
    host, _, root = text.partition(":")
    named = (host, root.rstrip("/") or "/")
    if named not in known:
        declared = sorted(f"{host}:{root}" for host, root in known)
        raise UsageError(f"{text!r} is no HOST:ROOT of any copy{_perhaps(text, declared)}")
    return named


def _perhaps(text: str, declared: Sequence[str]) -> str:
    """Return which roots may be meant: those of that host or folder, else the nearest; a site has dozens."""
    import difflib  # for a slip alone

    same = [one for one in declared if text.rstrip("/") in (one.partition(":")[0], one.partition(":")[2])]
    near = same or difflib.get_close_matches(text, declared, n=MOST_MEANT, cutoff=0.0)
    return f"; did you mean {' or '.join(map(repr, near[:MOST_MEANT]))}?"


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
