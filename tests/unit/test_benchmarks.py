"""What the benchmarks compute: medians, ratios, what a stopped peer shows, and which rows are asked for.

Leaves the measuring itself to `make bench`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import fits, growth, measure, page, results, rows, start
from benchmarks.peers import PROJECT
from benchmarks.results import Result, Run
from benchmarks.rows import ROWS, Row
from benchmarks.trees import Tree
from tests.transfers import wait_until

ROW = next(row for row in ROWS if row.name == "existence-d-0")


def runs(*walls_s: float, share: float | None = None, peak_bytes: int = 50_000_000) -> list[Run]:
    """Return runs that took so long."""
    return [Run(wall_s, wall_s / 2, peak_bytes, 1_000_000, share) for wall_s in walls_s]


def result(**contenders: list[Run]) -> Result:
    """Return a result; the names of contenders have ``_`` for a space."""
    named = {name.replace("_", " "): some for name, some in contenders.items()}
    return Result(ROW.name, "2026-11-21 10:00 UTC", 0.5, named)


def test_a_ratio_is_that_of_the_medians_with_the_spread_of_the_pairs() -> None:
    """One slow run moves the spread and not the ratio."""
    ratio = result(nightferry=runs(1.0, 2.0, 9.0), peer=runs(4.0, 4.0, 3.0)).ratio("peer")
    assert ratio is not None
    assert (ratio.middle, ratio.low, ratio.high, ratio.kind) == (0.5, 0.25, 3.0, "measured")


@pytest.mark.parametrize("peer", [PROJECT, "nobody"])
def test_there_is_no_ratio_to_oneself_or_to_who_did_not_run(peer: str) -> None:
    """An empty cell, not a one."""
    assert result(nightferry=runs(1.0)).ratio(peer) is None


def test_a_stopped_copy_is_judged_by_the_share_that_had_arrived() -> None:
    """60 s for a fifth are 300 s for all."""
    measured = result(nightferry=runs(30.0), peer=runs(60.0, share=0.2))
    ratio = measured.ratio("peer")
    assert ratio is not None
    assert ratio.middle == pytest.approx(0.1)
    assert ratio.kind == "estimated"
    assert (measured.reaches("peer", 0.2), measured.reaches("peer", 0.05)) == (True, False)


def test_a_peer_stopped_before_anything_arrived_is_only_a_bound() -> None:
    """What is below the bound is reached; above it, nobody has seen whether."""
    measured = result(nightferry=runs(3.0), peer=runs(60.0, share=0.0))
    assert measured.reaches("peer", 0.1) is True
    assert measured.reaches("peer", 0.01) is None
    assert measured.reaches("nobody", 0.01) is None
    assert page.shown_s(measured.runs["peer"]) == "> 60"
    assert page.shown_ratio(measured.ratio("peer")) == "< 0.05"


@pytest.mark.parametrize(
    ("first_s", "rounds", "counts"), [(0.5, 5, False), (5.0, 3, False), (15.0, 2, True), (61.0, 1, True)]
)
def test_what_takes_long_is_measured_less_often(first_s: float, rounds: int, counts: bool) -> None:
    """Five times below 5 s, once above a minute; a long first run is not thrown away."""
    assert (results.rounds_for(first_s, 5), results.first_counts(first_s)) == (rounds, counts)
    assert results.rounds_for(first_s, 1) == 1


def test_results_are_kept_and_read_again(tmp_path: Path) -> None:
    """What one run of the bench measured stays for the next one's page."""
    path = tmp_path / "benchmarks.json"
    assert results.read(path) == {}
    one = result(nightferry=runs(1.0, 2.0), peer=runs(60.0, share=0.2))
    results.write(path, {one.name: one})
    assert results.read(path) == {one.name: one}


def test_the_table_says_plainly_what_falls_short_and_what_was_not_measured() -> None:
    """Time and memory against what was asked, each in words; a row that failed is in it too."""
    slow = Result(
        ROW.name,
        "2026-11-21 10:00 UTC",
        0.5,
        {
            PROJECT: runs(2.0, peak_bytes=150_000_000),
            "rsync -an": runs(3.0),
            "find names, sort, zstd, comm": runs(2.0),
        },
        {"fpsync": "fpsync is not installed"},
    )
    shown = page.document(ROWS, {slow.name: slow}, ["a machine"])
    assert "≤ 0.333: **falls short**" in shown
    assert "≤ 1.4: reached" in shown
    assert "< 100 MB: **falls short**" in shown
    assert "≤ 0.125: not seen" in shown
    assert "fpsync was left out: fpsync is not installed." in shown
    assert "| fresh-a-0 | | | | not measured |" in shown
    failed = Result(ROW.name, "2026-11-21 10:00 UTC", 0.0, failure="it did not do what was asked")
    assert "Not measured: it did not do what was asked" in page.document(ROWS, {failed.name: failed}, [])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fresh-b-20", ["fresh-b-20"]),
        ("fresh-b", ["fresh-b-0", "fresh-b-20", "fresh-b-100"]),
        ("idle", ["idle-a-0", "idle-a-20", "idle-a-100"]),
        ("*-d-100", ["existence-d-100", "window-d-100"]),
    ],
)
def test_rows_are_asked_for_by_name_beginning_or_pattern(name: str, found: list[str]) -> None:
    """`make bench ROWS=...` needs no list of names by heart."""
    assert [row.name for row in rows.chosen([name])] == found


def test_a_row_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    """A misspelt name must not measure nothing."""
    assert rows.chosen([]) == list(ROWS)
    with pytest.raises(ValueError, match="no row is called fresch; there are: size-a-0, "):
        rows.chosen(["fresch"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_of_a_tree_and_of_a_line_stand_together(row: Row) -> None:
    """Trees are made once and lines laid once: the order of the table must allow it."""
    keys = [(one.letter, one.round_trip_ms) for one in ROWS]
    mine = (row.letter, row.round_trip_ms)
    first, last = keys.index(mine), len(keys) - 1 - keys[::-1].index(mine)
    assert set(keys[first : last + 1]) == {mine}
    letters = [one.letter for one in ROWS]
    first, last = letters.index(row.letter), len(letters) - 1 - letters[::-1].index(row.letter)
    assert set(letters[first : last + 1]) == {row.letter}


def test_the_files_of_the_nights_add_up_to_those_of_the_tree() -> None:
    """100,000 files in 60 nights: the newest has 1,667, and no file is lost to rounding."""
    tree = Tree(nights=60, files=100_000, size_bytes=0)
    assert tree.files_of(0) == 1_667
    assert sum(map(tree.files_of, range(60))) == 100_000
    assert tree.scaled(0.0001) == Tree(nights=10, files=10, size_bytes=0)


@pytest.fixture
def far_end() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for an sshd without sessions."""
    idle = subprocess.Popen(["sleep", "60"])
    yield idle
    idle.kill()
    idle.wait()


def test_a_peer_is_stopped_at_its_limit_with_all_that_it_started(far_end: subprocess.Popen[bytes]) -> None:
    """A shell's children must not work on under the next contender."""
    mark = f"0.{os.getpid()}{time.monotonic_ns()}"
    cost = measure.run(
        ["sh", "-c", f"sleep 3{mark} & sleep 3{mark}"], far_end.pid, dict(os.environ), limit_s=0.2, may_be_cut=True
    )
    assert cost.is_cut
    assert 0.2 <= cost.wall_s < 20
    assert wait_until(lambda: not any(mark in readable(entry / "cmdline") for entry in Path("/proc").iterdir()), 5)


def readable(path: Path) -> str:
    """Return a file's text; empty where the process has gone."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_the_project_itself_may_not_be_stopped(far_end: subprocess.Popen[bytes]) -> None:
    """What does not end in time has no figure."""
    with pytest.raises(measure.CommandFailed):
        measure.run(["sleep", "30"], far_end.pid, dict(os.environ), limit_s=0.1)


def test_memory_is_the_commands_own(far_end: subprocess.Popen[bytes]) -> None:
    """The kernel's highest includes what the benchmark held when it started the command."""
    held = bytearray(os.urandom(64)) * 4_000_000
    hold = [sys.executable, "-c", "import time; time.sleep(0.3)"]
    cost = measure.run(hold, far_end.pid, dict(os.environ))
    assert 0 < cost.near_peak_bytes < len(held) / 2


def test_the_dearest_imports_come_first() -> None:
    """By their own time, not by that of what they load."""
    said = "import time: self [us] | cumulative | imported package\nimport time:       100 |       9000 | outer\n"
    said += "import time:      8900 |       8900 |   inner.part\nand something else\n"
    assert start.dearest_of(said) == [(8900, "inner.part"), (100, "outer")]


@pytest.mark.parametrize(
    ("depth", "bad", "words"),
    [
        ("structure", ["short.fits"], "all"),
        ("sums", ["short.fits"], "overlooks flipped.fits"),
        ("structure", [], "overlooks short.fits"),
        ("structure", ["0001.fits", "short.fits"], "calls 1 whole files bad"),
    ],
)
def test_a_reader_that_overlooks_a_fault_is_not_called_quick_alone(depth: str, bad: list[str], words: str) -> None:
    """Who finds what stands beside who is quick."""
    assert fits.verdict(depth, bad) == words


def test_growth_is_asked_at_three_sizes_and_at_three_archives() -> None:
    """10^4, 10^5 and 10^6 files; 30 nights of 30, 300 and 3,000."""
    assert [size.tree.files for size in growth.by_files(1.0)] == [10_000, 100_000, 1_000_000]
    assert [(size.window, size.tree.nights) for size in growth.by_archive(1.0)] == [(30, 30), (30, 300), (30, 3_000)]
