"""A command that is named loads its own module alone; whoever asks what there is sees everything."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import typer

from nightferry.cli.application import COMMANDS, application

ALL = {command for commands in COMMANDS.values() for command in commands}


def commands_of(app: typer.Typer) -> set[str]:
    """Return the names under which an application can be called."""
    root: Any = typer.main.get_command(app)
    return set(root.commands)


@pytest.mark.parametrize("module", COMMANDS)
def test_each_module_adds_the_commands_that_are_written_down(module: str) -> None:
    """One that is missing there could be called by nobody, as its name would be unknown."""
    app = typer.Typer()
    app.callback()(lambda: None)  # else Typer makes no group of a single command
    import_module(f"nightferry.cli.{module}").register(app)
    assert commands_of(app) == set(COMMANDS[module])


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "-i", "shoc"],
        ["-v", "--config", "sync", "verify"],
        ["--log-format", "json", "-q", "verify", "--help"],
        ["--config=sync", "verify"],
    ],
)
def test_the_command_that_is_called_is_there_alone(words: list[str]) -> None:
    """What stands before it takes its values with it."""
    assert commands_of(application(words)) == {"verify"}


@pytest.mark.parametrize("words", [[], ["--help", "verify"], ["verfy"], ["--config"], ["-x", "verify"], ["--", "sync"]])
def test_where_no_command_is_called_all_of_them_are_there(words: list[str]) -> None:
    """Help lists them, a misspelt name is told the nearest, a shell completes them."""
    assert commands_of(application(words)) == ALL


def test_a_start_loads_no_other_command() -> None:
    """A fortieth of a second at each start is saved by it."""
    work = "import sys; from nightferry.cli.main import main; main(['verify', '--help'])\n"
    work += "print(*(name for name in sys.modules if name.startswith('nightferry.cli.')), file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.rpartition(".")[2] for name in ended.stderr.split()}
    assert loaded & COMMANDS.keys() == {"proving"}
