"""The report on a terminal."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace

import pytest
from rich.console import Console

from reports.terminal import print_report
from tests.unit.reports.made import FULL, MOVED, NIGHT, OK_HOP, SEED, SHD_UNKNOWN, report
from verifier.verdict import Finding


def printed(made: object, *, colour: bool = False, width: int = 100) -> str:
    """Return what appears on a terminal of so many columns."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    print_report(made, console)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def thirty() -> tuple[dt.date, ...]:
    """Return a window's nights."""
    return tuple(NIGHT - dt.timedelta(days=number) for number in range(30))


def test_a_good_run_is_a_table_and_a_line() -> None:
    """No section is printed where there is nothing to say; the last line says all."""
    lines = printed(report(OK_HOP)).splitlines()
    assert lines[0].split() == ["instrument", "hop", "nights", "compared", "not", "comparable", "state"]
    assert lines[1].split()[-1] == "ok"
    assert lines[-1] == "ok: 163 files compared"
    assert "FILES ON" not in printed(report(OK_HOP))


def test_runs_are_folded_and_reasons_shown() -> None:
    """What a person at a terminal needs to see first."""
    seen = printed(report(*SEED.verdicts, SHD_UNKNOWN))
    assert "SHA_20160907.[0122-0163].fits, 42 files" in seen
    assert "UNKNOWN: shd.suth.saao.ac.za: not reached" in seen
    assert seen.splitlines()[-1] == "unknown: sha 42 missing; shd unknown"


def test_states_are_coloured_and_named() -> None:
    """Colour on a terminal, with the word."""
    seen = printed(report(OK_HOP, SHD_UNKNOWN), colour=True)
    assert "\x1b[32mok" in seen and "\x1b[1;35munknown" in seen


def test_names_are_not_taken_for_markup_and_everything_is_told() -> None:
    """Square brackets in names stay; steps, notes and problems are there."""
    seen = printed(FULL)
    for phrase in ("fpack", "x.fits: not FITS", "is made up now", "PROBLEM: shd:", "2 accepted: lost in the storm"):
        assert phrase in seen


def test_on_a_telephone_a_hop_is_two_whole_lines_instead_of_shards() -> None:
    """Forty columns: the name, the hop and the state stay in one line, the counts in the next."""
    lines = printed(report(OK_HOP), width=40).splitlines()
    assert lines[0].split() == [OK_HOP.instrument, OK_HOP.hop, "ok"]
    assert " ".join(" ".join(lines[1:3]).split()) == "1 night, 163 by size, 0 not comparable"
    assert lines[-1] == "ok: 163 files compared"


@pytest.mark.parametrize("width", [40, 66, 72, 76, 79, 80, 81, 100])
def test_on_no_terminal_a_hop_is_cut(width: int) -> None:
    """On the usual eighty columns the last letter of astro.cape once stood in a line of its own."""
    chain = [replace(one, hop="astro.suth:astro.cape", nights=thirty()) for one in (OK_HOP, SHD_UNKNOWN)]
    lines = printed(report(*chain), width=width).splitlines()
    assert sum("astro.suth:astro.cape" in line.split() for line in lines) == 2
    assert max(map(len, lines)) <= width


def test_what_was_accepted_stands_with_its_hop() -> None:
    """Below a table of several hops the line names its own; where a hop is two lines, it is the third."""
    accepted = replace(OK_HOP, hop="b:c", accepted={"shutter failed": 1})
    seen = printed(report(accepted, SHD_UNKNOWN))
    assert f"  {accepted.instrument} b:c: 1 accepted: shutter failed" in seen.splitlines()
    assert "  1 accepted: shutter failed" in printed(report(accepted)).splitlines()
    lines = printed(report(accepted, SHD_UNKNOWN), width=40).splitlines()
    own = next(number for number, line in enumerate(lines) if line.startswith(f"{accepted.instrument}  b:c"))
    assert "  1 accepted: shutter failed" in lines[own : own + 4]


def test_a_rehearsal_says_what_would_move_and_not_that_nothing_did() -> None:
    """``0 files transferred`` would be true of every dry run, and say nothing."""
    made = report(outcomes=(replace(MOVED, dry_run=True, transferred=0, planned=42),))
    assert printed(made).splitlines()[-1] == "ok: 42 files to be transferred"


def test_files_with_one_reason_are_folded_as_those_without_any() -> None:
    """Twenty of two thousand lines, all alike, said nothing of the others."""
    paths = [f"2016/0907/SHA_20160907.{number:04d}.fits".encode() for number in range(1, 2001)]
    verdict = replace(OK_HOP, unreadable=tuple(Finding(path, "source", "Permission denied") for path in paths))
    seen = printed(report(verdict))
    assert "SHA_20160907.[0001-2000].fits, 2000 files: Permission denied" in seen
    assert f"UNKNOWN: 2000 could not be read ({paths[0].decode()}: Permission denied)" in " ".join(seen.split())
    assert "more lines" not in seen


def test_a_name_is_never_cut_by_us() -> None:
    """The terminal folds it where it has to, and it is copied whole."""
    path = b"2016/0907/" + b"x" * 80 + b".fits"
    assert path.decode() in printed(report(replace(OK_HOP, missing=(path,))), width=40)
