"""Bars of ``convert``: one per step of the night in hand."""

from __future__ import annotations

import datetime as dt

import pytest

from converters.night import StepProgress
from nightferry.cli.step_bars import night_bars, step_bars
from observatory.spec.chain import hops
from observatory.spec.models import Instrument
from syncer.transfer.contract import Progress


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


def test_a_nightly_run_draws_hops_and_steps_together(capsys: pytest.CaptureFixture[str]) -> None:
    """One display for both: two would draw over one another, and Rich refuses them on one console."""
    chain = [{"host": name, "root": f"/data/{name}"} for name in ("camera", "archive")]
    declared = {"instrument": "vampires", "layout": "%Y%m%d", "cameras": {"vcam": {"files": ["*.fits"]}}}
    hop = hops(Instrument.model_validate(declared | {"copies": chain}))[0]
    with night_bars() as (of_hops, of_steps, _):
        of_steps(StepProgress("vampires", dt.date(2025, 11, 6), "compress", 3, 4))
        of_hops(hop, Progress(1_000_000, 2_000_000, 1, 2))
    drawn = capsys.readouterr().err
    assert "vampires 20251106 compress" in drawn
    assert "3/4" in drawn
    assert f"vampires {hop.key}" in drawn
    assert "1/2 files" in drawn
