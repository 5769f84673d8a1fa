"""Bars of ``convert``: one per step of the night in hand."""

from __future__ import annotations

import datetime as dt

import pytest

from converters.night import StepProgress
from nightferry.cli.step_bars import step_bars


def test_the_bars_of_a_night_go_when_the_next_one_begins(capsys: pytest.CaptureFixture[str]) -> None:
    """What is left at the end is the last night's."""
    first, second = dt.date(2025, 11, 6), dt.date(2025, 11, 7)
    with step_bars() as listener:
        for night, step in ((first, "gather"), (first, "pack"), (second, "gather")):
            for ended in range(3):
                listener(StepProgress("vampires", night, step, ended, 2))
    drawn = capsys.readouterr().err
    assert "vampires 20251107 gather" in drawn
    assert "2/2" in drawn
    assert "pack" not in drawn
