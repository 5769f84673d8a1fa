"""The list of commands in the help: no half sentences; and options that stand where people write them."""

from __future__ import annotations

import re

import pytest

from nightferry.cli.main import main
from nightferry.cli.overview import in_short

Capsys = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ("Copy files. Then more.", "Copy files."),
        ("Say what is wrong: hosts, keys and much else.", "Say what is wrong: hosts."),
        ("One clause that nothing ends for a long, long while.", "One clause that nothing ends for a long."),
        ("One clause without any end that would fit a line.", "One clause without any end that would fit a line."),
        ("Over\ntwo lines.\n\nAnd more.", "Over two lines."),
        ("", ""),
    ],
)
def test_what_is_too_long_ends_where_a_clause_does(words: str, short: str) -> None:
    """Or is written whole, over two lines."""
    assert in_short(words, 40) == short


def test_no_command_is_listed_with_dots(capsys: Capsys) -> None:
    """On a narrow terminal, where every line is too short."""
    for group in ((), ("catalogue",), ("collections",)):
        assert main([*group, "--help"]) == 0
        assert not re.search(r"\w\.\.\.$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("words", [("accept",), ("fetch",), ("xrif2fits",), ("catalogue", "check-sums"), ("unpack",)])
def test_arguments_are_listed_without_the_names_of_python_types(words: tuple[str, ...], capsys: Capsys) -> None:
    """``FILE <list[str]>`` tells a data manager nothing."""
    assert main([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Arguments:" in said
    assert not re.search(r"<(str|path|list)", said)


@pytest.mark.parametrize("form", [("--config", "nowhere"), ("--config=nowhere",)])
def test_the_folder_may_be_named_after_the_command(form: tuple[str, ...], capsys: Capsys) -> None:
    """As with -v and -q; what stands behind two hyphens is left alone."""
    assert main(["check-config", *form]) == 2
    assert "nowhere holds no site.yaml. Write one with `nightferry init nowhere`" in capsys.readouterr().err
    assert main(["check-config", "--", *form]) == 2
    assert "nowhere holds no" not in capsys.readouterr().err


def test_a_folder_that_is_not_said_is_asked_for(capsys: Capsys) -> None:
    """The option as the last word."""
    assert main(["check-config", "--config"]) == 2
    assert "--config" in capsys.readouterr().err
