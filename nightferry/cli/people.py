"""What a person knows better: ``accept`` and ``away``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, options_of, plain_line, say, taken_back
from observatory.accounts import account
from observatory.errors import UsageError
from observatory.nights import night_text, parse_night

if TYPE_CHECKING:
    from nightferry.workplace import Workplace

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it stands in every report.")]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="The last night on which it holds.")]


def accept(
    context: typer.Context,
    instrument: opt.OneInstrument,
    date: opt.OneNight,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Paths, or ends of them, as reports have them.")
    ] = None,
    frames: Annotated[str | None, typer.Option("--frames", metavar="140,143-145", help="Frame numbers.")] = None,
    reason: Reason = None,
    until: Until = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
) -> None:
    """Say that what a night lacks is known; it is folded to one line from then on."""
    from nightferry.cli import accept_work as work
    from nightferry.selection import instruments_asked

    with options_of(context).open() as workplace:
        (declared,) = instruments_asked(workplace, asked([instrument], None, None))
        present = workplace.present_night(declared)
        if ".." in date:
            raise UsageError(f"-d {date}: one night at a time, as each has its own reason; nothing was noted")
        night = parse_night(date, present)
        last = parse_night(until, present) if until is not None else None
        word = work.Word(night, work.frame_numbers(frames), tuple(files or ()), "" if revoke else _given(reason), last)
        if revoke:
            typer.echo(f"{instrument} {night_text(night)}: {taken_back(work.take_back(workplace, declared, word))}")
            return
        work.check_nights(word, present)
        noted, doubts = work.note(workplace, declared, word)
        typer.echo("\n".join(noted))
        for doubt in doubts:
            say(doubt)


def _given(reason: str | None) -> str:
    if reason is None or not reason.strip():
        raise UsageError("--reason is needed: whoever reads the report will ask")
    return plain_line("--reason", reason)


def away(
    context: typer.Context,
    instrument: opt.OneInstrument,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The last night off the telescope.")
    ] = None,
    reason: Reason = None,
    since: Annotated[str, typer.Option("--from", metavar="DATE", help="The first one.")] = "today",
    revoke: Annotated[bool, typer.Option("--revoke", help="It is back: take back what holds now.")] = False,
) -> None:
    """Say that an instrument is off the telescope: nothing is expected of it and its host may be off."""
    from nightferry.selection import instruments_asked

    with options_of(context).open() as workplace:
        (declared,) = instruments_asked(workplace, asked([instrument], None, None))
        present = workplace.present_night(declared)
        if revoke:
            typer.echo(f"{instrument}: {taken_back(_back(workplace, instrument, present))}")
            return
        if until is None:
            raise UsageError("--until is needed: an absence without an end would hide everything for ever")
        first, last = parse_night(since, present), parse_night(until, present)
        if last < first:
            raise UsageError(f"--until {until} lies before {since}")
        workplace.ledger.away(instrument, first, last, reason=_given(reason), by=account(), at_utc=workplace.now())
        typer.echo(f"{instrument}: away {night_text(first)}..{night_text(last)}: {reason}")


def _back(workplace: Workplace, instrument: str, present: dt.date) -> int:
    absences = [one for one in workplace.ledger.aways(instrument) if one.last_night >= present]
    for one in absences:
        workplace.ledger.revoke_away(one.id, workplace.now())
    return len(absences)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(accept)
    app.command()(away)
