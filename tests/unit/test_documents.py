"""The pages keep their word: links lead somewhere, and every command shown exists with the options shown.

Leaves what the commands do to their own tests.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from nightferry.cli.application import application

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *REPOSITORY.glob("benchmarks/*.md")])
EVERYWHERE = {"--config", "--log-format", "-v", "-q", "--help"}


def name_of(path: Path) -> str:
    """Return a page's path as a person would write it."""
    return path.relative_to(REPOSITORY).as_posix()


def fences(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def code(text: str) -> Iterator[str]:
    """Yield a page's pieces of code: fenced and indented lines, and what stands between backticks."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from (line for line in outside.splitlines() if line.startswith("    "))
    yield from re.findall(r"`([^`\n]+)`", outside)


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of ours that a page shows, each with its options."""
    for piece in code(text):
        call = re.search(r"(?:^|[\s/])nightferry ((?:--config \S+ )?)(?!nightferry)([a-z][a-z-]*)(?![\w:=])(.*)", piece)
        if call and "made by" not in piece:
            words = shlex.split(re.split(r" #| \|", call[3])[0])
            yield call[2], [word for word in words if re.match(r"--?[a-z]", word)]


def options_of(command: Any) -> set[str]:
    """Return every spelling of every option of a command, or of the commands of a group."""
    own = {spelling for parameter in command.params for spelling in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*(options_of(inner) for inner in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """A reader who follows a link within the project arrives."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_shown_exists(page: Path) -> None:
    """What a page tells people to type is understood."""
    root: Any = typer.main.get_command(application([]))  # Typer brings a click of its own, whose types are private
    shown = list(calls(page.read_text()))
    assert {name for name, _ in shown} <= set(root.commands)
    for name, options in shown:
        assert set(options) <= EVERYWHERE | options_of(root.commands[name]), f"nightferry {name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_piece_of_yaml_is_yaml(page: Path) -> None:
    """What people copy from a page into a file can be read."""
    for block in fences(page.read_text(), "yaml"):
        assert yaml.safe_load(block)


def test_the_pages_show_commands() -> None:
    """The search above finds what it looks for: the README shows how to begin."""
    shown = {name for name, _ in calls((REPOSITORY / "README.md").read_text())}
    assert {"init", "check-config", "doctor", "sync", "verify", "crontab", "systemd", "daemon"} <= shown
