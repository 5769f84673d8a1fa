"""What a person knows better: ``accept`` and ``away``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, options_of, plain_line, say, taken_back
from observatory.accounts import account
from observatory.errors import UsageError
from observatory.names import typed
from observatory.nights import night_text, parse_night

if TYPE_CHECKING:
    from nightferry.workplace import Workplace

MOST_DIGITS = 18
"""Of a frame number; what is longer is no number that a program counts with."""
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it stands in every report.")]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="The last night on which it holds.")]


def accept(
    context: typer.Context,
    instrument: opt.OneInstrument,
    date: opt.OneNight,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Names or paths below the root.")] = None,
    frames: Annotated[str | None, typer.Option("--frames", metavar="140,141", help="Frame numbers.")] = None,
    reason: Reason = None,
    until: Until = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
) -> None:
    """Say that what a night lacks is known; it is folded to one line from then on."""
    from nightferry.reporting.mentions import unmentioned
    from nightferry.selection import instruments_asked

    with options_of(context).open() as workplace:
        (declared,) = instruments_asked(workplace, asked([instrument], None, None))
        present = workplace.present_night(declared)
        night = parse_night(date, present)
        numbers, names = _frames(frames), _files(files or ())
        if revoke:
            count = workplace.ledger.revoke(instrument, night, workplace.now(), numbers, names)
            typer.echo(f"{instrument} {night_text(night)}: {taken_back(count)}")
            return
        last = parse_night(until, present) if until is not None else None
        _check_accepted(night, last, present)
        workplace.ledger.accept(
            instrument,
            night,
            frames=numbers,
            files=names,
            reason=_given(reason),
            by=account(),
            at_utc=workplace.now(),
            until=last,
        )
        typer.echo(f"{instrument} {night_text(night)}: {_what(numbers, files or ())} accepted: {reason}")
        silent = unmentioned(workplace, declared, night, numbers, names)
        if silent:
            said = ", ".join(silent)
            right = "are the name and the night right?"
            if files and " " not in _given(reason):  # a shell gives the other words of a bare reason as files
                right = "are the name and the night right, and does a reason of several words stand in quotes?"
            say(f"the last report finds no fault with {said} in that night; {right}")


def _check_accepted(night: dt.date, last: dt.date | None, present: dt.date) -> None:
    """Refuse a word that says nothing now, and one that would hide what nobody can know yet."""
    if night > present:
        raise UsageError(f"{night_text(night)} has not begun: nobody knows what it lacks. Off the telescope? `away`")
    if last is not None and last < present:
        raise UsageError(f"--until {night_text(last)} lies before the present night, {night_text(present)}")


def _what(frames: Sequence[int], files: Sequence[str]) -> str:
    if not frames and not files:
        return "the whole night"
    counted = [(len(frames), "frame"), (len(files), "file")]
    return " and ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counted if count)


def _frames(text: str | None) -> tuple[int, ...]:
    """Return the numbers; an empty list is a slip of whoever filled it in: without one the whole night is meant."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS for word in words):
        raise UsageError(f"--frames {text}: numbers with commas between them; nothing was noted")
    return tuple(sorted({int(word) for word in words}))


def _files(names: Sequence[str]) -> tuple[bytes, ...]:
    if not all(names):
        raise UsageError("FILE is empty, and no file is called so; nothing was noted")
    return tuple(known for name in names for known in typed(name))


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
