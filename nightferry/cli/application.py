"""The application that Typer runs: the global options, and the commands of which one may have been called.

Loading them all takes a twentieth of a second of every start, so that a command which is named loads its own module
alone; help, completion and a misspelt name see all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from nightferry.cli.context import Context
from nightferry.cli.overview import Overview, say_plainly

COMMANDS: Mapping[str, Collection[str]] = {
    "starting": ("init", "demo", "doctor"),
    "settings": ("check-config", "schema"),
    "moving": ("sync",),
    "proving": ("verify",),
    "running": ("run", "convert", "daemon", "crontab", "systemd"),
    "restoring": ("restore",),
    "showing": ("status", "report"),
    "people": ("accept", "away"),
    "pruning": ("prune", "confirm"),
    "holding": ("exposures", "fetch"),
    "catalogue": ("catalogue",),
    "ingest": ("ingest",),
    "datasets": ("datasets", "collections"),
    "unpack": ("unpack",),
    "observations": ("spans", "export", "bundle"),
    "xrif2fits": ("xrif2fits",),
    "drill": ("drill",),
}
"""The modules in the order of the help, with the commands that each adds."""

ANYWHERE = frozenset({"-v", "--verbose", "-q", "--quiet"})
"""Global options that people write after the command, too."""
CONFIG = "--config"
_WITH_VALUE = (CONFIG, "--log-format")


def application(words: Sequence[str]) -> typer.Typer:
    """Return the application for a command line, whose global options stand before the command."""
    app = typer.Typer(
        name="nightferry",
        cls=Overview,
        help="Carries an observatory's nights to the archives, proves that they arrived, and says so.",
        epilog="Exit status: 0 all holds, 1 differences or failures, 2 usage or configuration, 3 could not tell,"
        " 4 locked.",
        no_args_is_help=True,
        add_completion=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_global)
    called = _called(words)
    owner = next((module for module, commands in COMMANDS.items() if called in commands), None)
    for module in [owner] if owner else COMMANDS:
        import_module(f"nightferry.cli.{module}").register(app)
    say_plainly(app)
    return app


def _called(words: Sequence[str]) -> str | None:
    """Return the first word that is no global option; None where something else is asked for before it."""
    left = iter(words)
    for word in left:
        if word in _WITH_VALUE:
            next(left, None)
        elif not word.startswith("-"):
            return word
        elif word not in ANYWHERE and word.partition("=")[0] not in _WITH_VALUE:
            return None
    return None


def to_the_front(arguments: Sequence[str]) -> list[str]:
    """Move ``-v``, ``-q`` and ``--config DIR`` before the command, where they are declared: people write them last."""
    if "--" in arguments:
        end = list(arguments).index("--")
        return [*to_the_front(arguments[:end]), *arguments[end:]]
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == CONFIG:
            folder = list(itertools.islice(words, 1))
            (front if folder else rest).extend([word, *folder])
        else:
            (front if word in ANYWHERE or word.startswith(f"{CONFIG}=") else rest).append(word)
    return front + rest


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nightferry {version('nightferry')}")
        raise typer.Exit()


def _global(
    context: typer.Context,
    config: Annotated[str | None, typer.Option("--config", metavar="DIR", help="Folder that holds site.yaml.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more (also after the command).")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when all is well.")] = False,
    log_format: Annotated[str, typer.Option("--log-format", metavar="text|json", help="Form of the log.")] = "text",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    if log_format not in ("text", "json"):
        raise typer.BadParameter(f"--log-format {log_format}: text or json")
    context.obj = Context(config=config, verbose=verbose, quiet=quiet, log_format=log_format)
    context.obj.start_logging()
