"""The commands one begins with: ``init``, ``demo``, ``doctor``."""

from __future__ import annotations

import itertools
import json as json_module
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import finish, has_colours, is_terminal, options_of, say

if TYPE_CHECKING:
    from nightferry.doctor import Line


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")] = Path()) -> None:
    """Write a commented site.yaml and a first instrument."""
    from observatory.spec.starter import write_starter

    for path in write_starter(folder):
        typer.echo(str(path))
    say(f"edit both, then: nightferry --config {folder} check-config, and doctor")


def demo(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where to build it; default: a temporary folder.")
    ] = None,
) -> None:
    """A small observatory in a folder, with faults planted, and a nightly run over it."""
    from nightferry.demo import play
    from nightferry.workplace import utc_now
    from reports.text import render_text

    where = folder or Path(tempfile.mkdtemp(prefix="nightferry-demo-"))
    shown = play(where.absolute(), utc_now())
    typer.echo(_banner("1. verify, before anything was moved"))
    typer.echo(render_text(shown.before))
    typer.echo(_banner("2. the nightly run, and verify again"))
    typer.echo(render_text(shown.after))
    typer.echo(f"the observatory  {where}")
    typer.echo(f"the page         {shown.page}")
    for letter in sorted(shown.mail.glob("*.eml")):
        typer.echo(f"the mail         {letter}")
    if shown.surprises:
        for words in shown.surprises:
            say(f"not as planted: {words}")
        finish(1)
    typer.echo("as planted: the late night has arrived; the truncated file and the lost frame remain, and are named")


def _banner(words: str) -> str:
    return f"==== {words} ====\n"


def doctor(context: typer.Context, json: opt.Json = False) -> None:
    """Say what is wrong with this installation: hosts, keys, roots, clocks, programs, mail, database."""
    from nightferry.doctor import Line, examine
    from observatory.truth import State, exit_status, worst

    options = options_of(context)
    lines: list[Line] = []
    with options.open() as workplace:
        found = Line(State.OK, "configuration", options.found()[1])
        looked = examine(workplace) if options.quiet else _awaited(examine(workplace))
        for line in itertools.chain([found], looked):
            lines.append(line)
            if not json and not (options.quiet and line.state is State.OK):
                print_line(line.state.value, line.what, line.words)
    state = worst(line.state for line in lines)
    if json:
        rows = [{"state": line.state.value, "what": line.what, "words": line.words} for line in lines]
        typer.echo(json_module.dumps({"state": state.value, "lines": rows}))
    finish(exit_status(state))


def _awaited(lines: Iterator[Line]) -> Iterator[Line]:
    """Yield what is found; on a terminal something moves meanwhile, as a host that is off takes its time to be."""
    if not is_terminal():
        yield from lines
        return
    from nightferry.cli.bars import waiting

    while True:
        with waiting("looking; a host that does not answer takes up to its connect_timeout_s, 15 if not said"):
            line = next(lines, None)
        if line is None:
            return
        yield line


_WORDS = {"ok": "ok", "different": "WRONG", "unknown": "UNKNOWN", "away": "away"}
_COLOURS = {
    "ok": typer.colors.GREEN,
    "different": typer.colors.RED,
    "unknown": typer.colors.YELLOW,
    "away": typer.colors.BRIGHT_BLACK,
}


def print_line(state: str, what: str, words: str) -> None:
    """Print one line of a list of findings: state, what, words."""
    label = f"{_WORDS[state]:<8}"
    if has_colours():
        label = typer.style(label, fg=_COLOURS[state], bold=True)
    typer.echo(f"{label}{what}: {words}")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (init, demo, doctor):
        app.command()(command)
