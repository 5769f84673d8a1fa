"""What ``--help`` shows: the list of commands in words that end where a thought does, arguments without jargon.

Leaves the help of each command to its own docstring.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperGroup

from nightferry.cli.once import Once

_INDENT, _GAP = 2, 2
"""Columns before a command's name, and between the longest name and the words."""


class Overview(TyperGroup):
    """A group whose commands are listed without half sentences: Typer's own list ends them anywhere in dots."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line for each command."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        width = formatter.width - _INDENT - _GAP - max((len(name) for name, _ in commands), default=0)
        rows = [(name, in_short(command.help or "", width)) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Plain(Once):
    """A command whose arguments are listed without Python's names of their types: ``FILE <list[str]>``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write what Typer writes, the first column without what it adds in angle brackets."""
        write = formatter.write_dl

        def write_plainly(rows: list[tuple[str, str]], *more: Any, **named: Any) -> None:
            write([(re.sub(r" <[^<>]+>$", "", name), words) for name, words in rows], *more, **named)

        formatter.write_dl = write_plainly  # the formatter is of this one help alone
        super().format_options(ctx, formatter)


def say_plainly(app: typer.Typer) -> None:
    """Have every command of an application, and of those within it, list its arguments plainly."""
    for command in app.registered_commands:
        command.cls = Plain
    for group in app.registered_groups:
        if group.typer_instance is not None:
            say_plainly(group.typer_instance)


def in_short(words: str, width: int) -> str:
    """Return the first sentence of a help, or as many of its clauses as fit into a line of `width` characters.

    A sentence whose first clause is longer than that is returned whole.
    """
    sentence = re.split(r"(?<=\.)\s|\n\n", words.strip(), maxsplit=1)[0].replace("\n", " ").replace("``", "")
    if len(sentence) <= width:
        return sentence
    ends = [match.start() for match in re.finditer(r"[,;:] ", sentence) if match.start() < width]
    return f"{sentence[: ends[-1]]}." if ends else sentence
