"""The command ``drill``."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import finish, options_of
from nightferry.cli.starting import print_line
from observatory.errors import UsageError

Where = Annotated[str | None, typer.Option(metavar="HOST:FOLDER", help="Scratch root below it; default: here.")]


def drill(
    context: typer.Context,
    source: Where = None,
    destination: Where = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="FAULT", help="Only this (repeat).")] = None,
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Do not send the alarm.")] = False,
    json: opt.Json = False,
) -> None:
    """Plant harmless faults in a scratch instrument, and say whether each is noticed; the alarm is mailed too."""
    from nightferry.drills.drill import Line, Wishes
    from nightferry.drills.drill import drill as play
    from nightferry.drills.faults import FAULTS
    from observatory.truth import exit_status, worst

    options = options_of(context)
    wishes = Wishes(_place(source), _place(destination), not no_mail, frozenset(only or ()))
    lines: list[Line] = []
    with options.open() as workplace:
        for line in play(workplace, wishes, FAULTS):
            lines.append(line)
            if not json:
                print_line(line.state.value, line.name, line.words)
    state = worst(line.state for line in lines)
    if json:
        rows = [{"state": line.state.value, "fault": line.name, "words": line.words} for line in lines]
        typer.echo(json_module.dumps({"state": state.value, "lines": rows}))
    finish(exit_status(state))


def _place(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    host, colon, folder = text.partition(":")
    if not colon or not folder.startswith("/"):
        raise UsageError(f"{text!r}: a place is written HOST:/FOLDER")
    return host, folder


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(drill)
