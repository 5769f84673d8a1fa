"""The nights on a terminal: every word whole, and fewer columns where it is narrow."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from catalogue.records import HopNight, NightState, NightStatus, StepCount
from nightferry.cli.tables import print_rows, print_status
from nightferry.reporting.status import LastRun, Row, cells, ending, lines

AT = dt.datetime(2016, 9, 8, 8, 1, tzinfo=dt.UTC)
NIGHT = dt.date(2016, 9, 7)
HOP = HopNight("sha:astro", NIGHT, NightState.PROVEN, 163, 0, AT, AT, "size", 42, 1000, AT)
ROW = Row("sha", 1, NightStatus(NIGHT, (HOP,)), proven_copies=1, files=163, moved=42)


def shown(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines on a terminal so many characters wide, as Rich is told it."""
    monkeypatch.setenv("COLUMNS", str(width))
    print_status([ROW], ending(LastRun(AT), {}))
    return capsys.readouterr().out.splitlines()


def test_a_wide_terminal_has_every_column_with_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those in which nothing stands are left out, without a word."""
    headings, row, last = shown(120, monkeypatch, capsys)
    assert headings.split("  ")[0] == "instrument"
    assert row.split() == ["sha", "20160907", "163", "42", "2016-09-08", "08:01", "1/1", "2016-09-08", "08:01"]
    assert last == "last run finished: 2016-09-08T08:01:00Z"


@pytest.mark.parametrize(
    ("width", "absent", "words"),
    [
        (70, "moved (UTC)", ["sha", "20160907", "163", "42", "1/1", "2016-09-08", "08:01"]),
        (50, "moved (UTC), proven (UTC)", ["sha", "20160907", "163", "42", "1/1"]),
        (30, "files, moved, moved (UTC), proven (UTC)", ["sha", "20160907", "1/1"]),
    ],
)
def test_a_narrow_terminal_does_without_whole_columns_and_says_so(
    width: int, absent: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The night and what is proven of it are never cut."""
    _, row, *said = shown(width, monkeypatch, capsys)
    assert row.split() == words
    assert f"no room here for: {absent}. `nightferry status | cat` shows them" in " ".join(" ".join(said).split())


def test_a_night_that_was_asked_for_and_never_seen_shows_no_numbers() -> None:
    """``0 files, 0/1`` for each of 80 nights of clouds would look like 80 nights that were lost."""
    unseen = Row("sha", 1, NightStatus(NIGHT, ()))
    assert cells(unseen) == ("sha", "20160907", "-", "-", "-", "-", "-", "-", "-")
    assert cells(ROW)[2:4] == ("163", "42")


def test_a_night_that_is_open_again_shows_no_time_of_a_proof_that_no_longer_holds() -> None:
    """``0/1`` beside a time would contradict itself; of two copies the time is that of the one that is proven."""
    is_open = replace(HOP, state=NightState.OPEN, proven_utc=AT + dt.timedelta(days=1))
    assert cells(Row("sha", 1, NightStatus(NIGHT, (is_open,))))[6:8] == ("0/1", "-")
    assert cells(Row("sha", 2, NightStatus(NIGHT, (HOP, is_open)), 1))[6:8] == ("1/2", "2016-09-08 08:01")


def test_on_a_telephone_neither_night_nor_proof_is_cut_by_the_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was processed leaves before the night is written ``2016...``."""
    steps = (StepCount("pack", "astro", 163, 0, AT),)
    monkeypatch.setenv("COLUMNS", "36")
    print_status([replace(ROW, night=NightStatus(NIGHT, (HOP,), steps))], ending(LastRun(AT), {}))
    _, row, *said = capsys.readouterr().out.splitlines()
    assert row.split() == ["sha", "20160907", "1/1"]
    assert "processed" in " ".join(said)


@pytest.mark.parametrize("width", [100, 30])
def test_rows_are_a_table_or_a_line_for_each_cell(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never one letter below the other."""
    monkeypatch.setenv("COLUMNS", str(width))
    print_rows(["semester", "observer", "title"], [["2025B", "observer@example.org", "20251202_betaPic_deep"]])
    out = capsys.readouterr().out
    for word in ("2025B", "observer@example.org", "20251202_betaPic" if width == 30 else "20251202_betaPic_deep"):
        assert word in out


def test_how_many_older_nights_are_left_out_is_said_above_the_last_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By instrument, with what shows them; on a terminal and in a pipe alike."""
    monkeypatch.setenv("COLUMNS", "120")
    print_status([ROW], ending(LastRun(AT), {"shd": 1, "sha": 3590}, ["sps"]))
    said = capsys.readouterr().out.splitlines()[2:]
    told = "older, and proven or accepted: 3590 nights of sha, 1 night of shd; `nightferry status --all` shows them"
    assert said == ["no night is known yet of sps", told, "last run finished: 2016-09-08T08:01:00Z"]
    assert list(lines([ROW], said))[2:] == said
