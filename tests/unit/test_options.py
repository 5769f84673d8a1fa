"""What the options of the command line take, before a site is opened."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from nightferry.cli.dataset_work import asked_for
from nightferry.cli.main import main
from observatory.errors import UsageError


@pytest.mark.parametrize("hours", ["-1", "nan", "inf", "1e300"])
def test_to_wait_for_ever_or_for_no_number_of_hours_is_a_slip(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is begun, and it is said in a sentence."""
    assert main(["run", "--hop", "a:b", "--wait", hours]) == 2
    assert "hours from 0 to 8760" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["datasets", "remove", "raw", "--yes", "--collection", ""],
        ["datasets", "remove", "raw", "--yes", "--collection="],
        ["ingest", "x.fits", "--datastore", " "],
        ["fetch", "100", "--to", ""],
        ["init", ""],
        ["--config", "", "verify"],
    ],
)
def test_an_empty_word_is_not_taken_for_no_word(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--collection "$DONE"`` with nothing in it removed datasets of every collection; nothing is begun."""
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr()
    assert "an empty word says nothing" in said.err and not said.out
    assert not list(tmp_path.iterdir())


def test_the_demo_refuses_a_folder_whose_name_is_no_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It would be written into YAML; it ended in a traceback."""
    assert main(["demo", str(tmp_path / "d\udcff")]) == 2
    assert "d\\xff: give the demo a folder whose name can be printed" in capsys.readouterr().err


def test_two_forms_of_one_report_are_a_slip(capsys: pytest.CaptureFixture[str]) -> None:
    """As of `status --csv --json`; the page once was left out without a word."""
    assert main(["report", "--html", "--json"]) == 2
    assert "--html and --json: give one of the two" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "sync"])
def test_to_wait_without_a_hop_is_a_slip(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody was waited for, and nothing said so."""
    assert main([command, "--wait", "2"]) == 2
    assert "--wait goes with --hop" in capsys.readouterr().err


def test_commas_alone_name_no_collection() -> None:
    """Nor do they mean every one."""
    asked = partial(asked_for, "raw", None, where=None, limit=None, at=None, find_first=False)
    assert asked(["a,b", "c"], order_by=None).collections == ("a", "b", "c")
    with pytest.raises(UsageError, match="',' names nothing"):
        asked([","], order_by=None)


@pytest.mark.parametrize("command", [["datasets", "raw"], ["exposures"]])
def test_a_limit_that_no_database_counts_with_is_refused(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended in a traceback."""
    assert main([*command, "--limit", "9" * 25]) == 2
    assert "1000000000" in capsys.readouterr().err
