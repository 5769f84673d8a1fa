"""The text report: the seed's form to the byte, and what was added since in the same form."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from observatory.truth import State
from reports.html import render_html
from reports.model import FrameCount, StepRow
from reports.text import RULE, render_text
from syncer.outcome import Failure, HopOutcome
from tests.shared import shared
from tests.unit.reports.made import (
    AWAY,
    EVERYTHING,
    FIRST_HOP,
    FULL,
    MOVED,
    NEXT_NIGHT,
    NIGHT,
    NOT_MOVED,
    OK_HOP,
    SECOND_HOP,
    SEED,
    SHD,
    SHD_UNKNOWN,
    STEP,
    report,
)
from verifier.verdict import SequenceGap


def block(text: str, title: str) -> list[str]:
    """Return the lines of the block of that title, without its heading."""
    found = [part for part in text.split("\n\n\n") if part.split("\n")[2:3] == [title]]
    assert len(found) == 1, f"{len(found)} blocks are called {title}"
    root, above, _, below, empty, *lines = found[0].split("\n")
    assert (above, below, empty) == (RULE, RULE, "")
    assert root.startswith("/") and root.endswith("/")
    return lines


def titles(text: str) -> list[str]:
    """Return the titles of all blocks, in order."""
    return [part.split("\n")[2] for part in text.split("\n\n\n")[:-1]]


def test_the_seed_s_example_comes_out_byte_for_byte() -> None:
    """Given the hops of the wiki's example, the text begins with exactly what the wiki shows."""
    seed = shared("seeds/002_2173d49155003a48.txt").read_bytes()
    example = seed[seed.index(b"/data/74in/sha/\n") :].rstrip(b"\n")
    text = render_text(SEED).encode()
    assert text[: len(example)] == example
    assert text[len(example) :].startswith(b"\n\n\nsha")


def test_after_the_last_block_two_empty_lines_and_a_line_per_hop() -> None:
    """The summary says instrument, hop, nights, compared and level, not comparable and state, in columns."""
    assert render_text(SEED).split("\n\n\n")[-1].splitlines() == [
        "sha  sha:astro.suth         1 night  163 by size  0 not comparable  different",
        "sha  astro.suth:astro.cape  1 night  121 by size  0 not comparable  ok",
    ]


def test_a_summary_of_long_names_draws_its_columns_together() -> None:
    """Where two blanks between columns exceed 80 letters, one is enough."""
    long = replace(SECOND_HOP, instrument="spupnic", nights=[NIGHT] * 30, missing=MISSING_TWO)
    line = render_text(report(long)).splitlines()[-1]
    assert line == "spupnic astro.suth:astro.cape 30 nights 121 by size 0 not comparable different"
    assert len(line) <= 80


def test_a_hop_without_missing_files_says_none() -> None:
    """None stands where no file is missing, even where other things are wrong."""
    text = render_text(report(replace(OK_HOP, size_differs=(b"2016/0907/x.fits",))))
    assert block(text, "FILES ON sha.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za") == ["None"]
    title = "FILES THAT DIFFER IN SIZE BETWEEN sha.suth.saao.ac.za AND astro.suth.saao.ac.za"
    assert block(text, title) == ["2016/0907/x.fits"]


def test_two_copies_on_one_host_are_told_apart_by_their_names() -> None:
    """A drive in the very machine: `FILES ON summit THAT ARE NOT ON summit` said nothing."""
    drive = replace(FIRST_HOP, hop="summit:shuttle@40in", source="summit", destination="summit")
    carried = replace(NOT_MOVED, hop="disk:shuttle", source="10.0.0.1", destination="10.0.0.1")
    verified, moved = render_text(report(drive)), render_text(report(kind="sync", outcomes=(carried,)))
    assert "FILES ON summit THAT ARE NOT ON summit (shuttle)\n" in verified
    assert "FILES THAT WERE NOT TRANSFERRED FROM 10.0.0.1 (disk) TO 10.0.0.1 (shuttle)\n" in moved
    assert "summit → summit (shuttle)" in render_html(report(drive))


def test_unknown_stands_where_none_would_and_never_with_it() -> None:
    """A host that was not reached is no clean report."""
    text = render_text(report(SHD_UNKNOWN))
    lines = block(text, "FILES ON shd.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za")
    assert lines == ["UNKNOWN: shd.suth.saao.ac.za: not reached: connection refused"]
    assert "None" not in text


def test_what_was_found_on_an_unknown_hop_is_listed_before_its_reason() -> None:
    """Half a look is half a report, not none."""
    text = render_text(report(replace(FIRST_HOP, missing=MISSING_TWO, unknown_reason="the listing broke off")))
    lines = block(text, "FILES ON sha.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za")
    assert lines == ["2016/0907/a.fits", "2016/0907/b.fits", "UNKNOWN: the listing broke off"]


MISSING_TWO = (b"2016/0907/a.fits", b"2016/0907/b.fits")


def test_an_unreadable_file_makes_its_hop_unknown_in_words() -> None:
    """The reason is made of the counts where nobody gave one."""
    lines = block(render_text(report(EVERYTHING)), "FILES ON sha.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za")
    assert lines[-1].startswith("UNKNOWN: 1 could not be read (2016/0907/locked: permission denied), 3 missing")


def test_an_instrument_off_the_telescope_says_away() -> None:
    """Away is neither None nor UNKNOWN, and has its reason."""
    text = render_text(report(AWAY))
    title = "FILES ON shd.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za"
    assert block(text, title) == ["AWAY: off the telescope until Friday"]
    assert text.rstrip().endswith("away")


def test_further_sections_follow_their_hop_in_the_order_of_the_interface() -> None:
    """Each stands only where there is something to say, and says on which host."""
    assert titles(render_text(report(EVERYTHING, SECOND_HOP))) == [
        "FILES ON sha.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za",
        "FILES ON astro.suth.saao.ac.za THAT ARE NOT ON sha.suth.saao.ac.za",
        "FILES THAT DIFFER IN SIZE BETWEEN sha.suth.saao.ac.za AND astro.suth.saao.ac.za",
        "FILES THAT DIFFER IN CONTENT BETWEEN sha.suth.saao.ac.za AND astro.suth.saao.ac.za",
        "DAMAGED FILES ON sha.suth.saao.ac.za",
        "DAMAGED FILES ON astro.suth.saao.ac.za",
        "FILES STILL BEING WRITTEN ON sha.suth.saao.ac.za",
        "FRAME NUMBERS MISSING ON sha.suth.saao.ac.za",
        "UNRECOGNISED FILES ON sha.suth.saao.ac.za",
        "FILES THAT COULD NOT BE READ ON sha.suth.saao.ac.za",
        "FILES ON astro.suth.saao.ac.za THAT ARE NOT ON astro.cape.saao.ac.za",
    ]


def test_damage_and_refusals_carry_their_reason() -> None:
    """``path: reason``, below the root of the host that the file is on."""
    text = render_text(report(EVERYTHING))
    assert block(text, "DAMAGED FILES ON astro.suth.saao.ac.za") == ["2016/0907/cut.fits: ends after 2 of 3 blocks"]
    assert "/data/telescopedata/74in/sha/\n" + RULE + "\nDAMAGED FILES ON astro.suth.saao.ac.za" in text
    assert block(text, "FILES THAT COULD NOT BE READ ON sha.suth.saao.ac.za") == ["2016/0907/locked: permission denied"]


def test_missing_frame_numbers_are_folded_into_runs() -> None:
    """One line a run; the camera is named unless it is called as its instrument, also where it is the only one."""
    title = "FRAME NUMBERS MISSING ON sha.suth.saao.ac.za"
    assert block(render_text(report(EVERYTHING)), title) == ["20160907 140", "20160907 143-145"]
    two = (SequenceGap(NEXT_NIGHT, "red", (7,)), SequenceGap(NIGHT, "blue", (1, 2)))
    lines = block(render_text(report(replace(OK_HOP, sequence_gaps=two))), title)
    assert lines == ["20160907 blue 1-2", "20160908 red 7"]
    assert block(render_text(report(replace(OK_HOP, sequence_gaps=two[:1]))), title) == ["20160908 red 7"]


def test_every_name_is_one_line_whatever_it_holds() -> None:
    r"""A newline or a byte that is not UTF-8 is written ``\xNN``: nobody forges a line of the report."""
    lines = block(render_text(report(EVERYTHING)), "FILES ON sha.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za")
    assert lines[:3] == ["2016/0907/a.fits", "2016/0907/b\\x0ac.fits", "2016/0907/\\xff.fits"]


@pytest.mark.parametrize("hostile", ["first\n\n\nNone", "bell\a", "\x1b[2Jcleared", "\u202egpj"])
def test_a_host_s_own_words_cannot_forge_a_line(hostile: str) -> None:
    """What a remote program said on standard error is one line without control characters."""
    text = render_text(report(replace(SHD_UNKNOWN, unknown_reason=hostile)))
    lines = block(text, "FILES ON shd.suth.saao.ac.za THAT ARE NOT ON astro.suth.saao.ac.za")
    assert len(lines) == 1 and lines[0].isprintable() and lines[0].startswith("UNKNOWN: ")


def test_what_was_accepted_is_one_line_a_reason() -> None:
    """Known and folded: the count and the words of whoever accepted it, below the hop."""
    summary = render_text(report(EVERYTHING)).split("\n\n\n")[-1].splitlines()
    assert summary[1:] == ["    1 accepted: bias frames, not wanted", "    2 accepted: lost in the storm"]


def test_instruments_come_by_name_and_hops_along_the_chain() -> None:
    """However the verdicts came in, the reader finds his instrument in the same place."""
    text = render_text(report(SHD, FIRST_HOP, SECOND_HOP))
    hops = [line.split()[:2] for line in text.split("\n\n\n")[-1].splitlines()]
    assert hops == [["sha", "sha:astro.suth"], ["sha", "astro.suth:astro.cape"], ["shd", "shd:astro.suth"]]


def test_blocks_stand_two_empty_lines_apart_and_nothing_before_the_first() -> None:
    """Nowhere are there three empty lines, and the first letter is the root's slash."""
    text = render_text(FULL)
    assert text.startswith("/") and text.endswith("\n") and not text.endswith("\n\n")
    assert "\n\n\n\n" not in text


def test_a_sync_lists_what_did_not_arrive_and_counts_the_rest() -> None:
    """Failures with their reasons, what was kept and replaced, then a line per hop."""
    text = render_text(report(kind="sync", outcomes=(NOT_MOVED,)))
    assert titles(text) == [
        "FILES THAT WERE NOT TRANSFERRED FROM sha.suth.saao.ac.za TO astro.suth.saao.ac.za",
        "FILES KEPT ON astro.suth.saao.ac.za",
        "FILES REPLACED ON astro.suth.saao.ac.za",
        "FILES STILL BEING WRITTEN ON sha.suth.saao.ac.za",
    ]
    assert block(text, titles(text)[0]) == ["2016/0907/SHA_20160907.0163.fits: disk full"]
    assert text.splitlines()[-1] == "sha  sha:astro.suth  2 nights  41 of 42 moved  42.0 MB  8 s  different"


def closed(*numbers: int) -> HopOutcome:
    """Return a sync of which the destination's folder was closed to us."""
    paths = [f"2016/0907/SHA_20160907.{number:04d}.fits".encode() for number in numbers]
    failed = [Failure(path, "2016/0907 on the destination could not be looked at: closed") for path in paths]
    return replace(MOVED, failed=tuple(failed))


def test_one_cause_is_one_line_of_what_was_not_moved() -> None:
    """Two thousand files in a folder that is closed filled the mail; by runs, or by folder where names do not run."""
    told = "could not be looked at: closed"
    for outcome, first in (
        (closed(*range(1, 2001)), "2016/0907/SHA_20160907.[0001-2000].fits, 2000 files: "),
        (closed(*range(0, 4000, 2)), "2016/0907/, 2000 files: "),
    ):
        text = render_text(report(kind="sync", outcomes=(outcome,)))
        assert block(text, titles(text)[0]) == [f"{first}2016/0907 on the destination {told}"]
    few = render_text(report(kind="sync", outcomes=(closed(*range(10)),)))
    assert len(block(few, titles(few)[0])) == 10, "so few are told one by one"
    mixed = replace(closed(*range(11)), failed=(*closed(*range(11)).failed, Failure(b"x.fits", "disk full")))
    text = render_text(report(kind="sync", outcomes=(mixed,)))
    assert [line.rpartition(": ")[2] for line in block(text, titles(text)[0])] == ["closed", "disk full"]


def test_what_could_not_be_read_stays_one_line_a_file() -> None:
    """The form of that section is the interface's, as is that of what is missing."""
    unreadable = tuple(Failure(b"2016/0907/%d.fits" % number, "closed") for number in range(2000))
    text = render_text(report(kind="sync", outcomes=(replace(MOVED, unreadable=unreadable),)))
    assert len(block(text, titles(text)[1])) == 2000


def test_a_good_sync_is_its_summary_alone() -> None:
    """Cron prints one line per hop."""
    text = render_text(report(kind="sync", outcomes=(MOVED,)))
    assert text == "sha  sha:astro.suth  2 nights  42 of 42 moved  42.0 MB  8 s  ok\n"


def test_a_refused_plan_says_why() -> None:
    """Nothing moved: the reason stands in the hop's block."""
    text = render_text(report(kind="sync", outcomes=(replace(MOVED, transferred=0, refused_reason="no space"),)))
    assert block(text, titles(text)[0]) == ["REFUSED: no space"]


def test_a_run_ends_with_steps_notes_and_problems() -> None:
    """Each group one empty line apart, after the hops."""
    lines = render_text(FULL).split("\n\n\n")[-1].split("\n\n")[2:]
    assert lines == [
        f"sha  {STEP.night:%Y%m%d} fpack  40 done  1 failed  1 skipped  3 min 20 s  different\n    x.fits: not FITS",
        "the run of 08:00 was missed (the machine was off) and is made up now",
        "PROBLEM: shd: the catalogue could not be written: disk full\n",
    ]


def test_a_report_about_nothing_is_not_green() -> None:
    """Nothing looked at is UNKNOWN, in words."""
    assert render_text(report()) == "UNKNOWN: nothing was looked at\n"


def test_a_part_holds_one_instrument_alone() -> None:
    """Another team's host is not in an instrument's own mail, nor are the site's notes."""
    part = FULL.part("sha")
    assert "shd" not in render_text(part) and "08:00" not in render_text(part)


def test_a_problem_makes_a_report_unknown() -> None:
    """What broke off before it became a verdict could not tell."""
    whole = report(OK_HOP)
    assert whole.state == "ok"
    assert replace(whole, problems=FULL.problems).state == "unknown"


def test_a_hop_is_always_one_summary_line() -> None:
    """A name with a newline in it still makes one line."""
    forged = replace(OK_HOP, instrument="sha\nshd ok", hop="a\n:b")
    assert len(render_text(report(forged)).split("\n\n\n")[-1].splitlines()) == 1


def test_nights_that_are_as_they_were_are_one_line() -> None:
    """A month of them says no more than one word; what was done or failed stands by itself."""
    days = [NIGHT + dt.timedelta(days=one) for one in range(5)]
    quiet = [StepRow("sha", night, step, skipped=3) for night in days for step in ("pack", "list")]
    done = StepRow("sha", days[-1] + dt.timedelta(days=1), "pack", done=3)
    lines = render_text(report(kind="run", steps=(*quiet, done))).splitlines()
    assert lines == [
        f"sha  {done.night:%Y%m%d} pack  3 done  0 failed  0 skipped  0 s  ok",
        "sha: 5 nights are through their steps already",
    ]


def test_a_night_whose_frames_were_counted_has_a_line() -> None:
    """What the first step read, what the last one wrote, and what is dubious."""
    first = FrameCount(800, 790, 10, 4, {"A": 400, "B": 390})
    last = FrameCount(790, 790)
    steps = (StepRow("vampires", NIGHT, "sync", 1, frames=first), StepRow("vampires", NIGHT, "pack", 2, frames=last))
    held = StepRow("vampires", NIGHT, "list", held=1, reasons=("look at it",))
    line = f"vampires {NIGHT:%Y%m%d} processed in 0 s: 800 frames in, 790 out, 10 listed; 0.51 % dubious (A 400, B 390)"
    assert render_text(report(kind="run", steps=steps)).splitlines()[-1] == line
    whole = report(kind="run", steps=(*steps, held))
    assert render_text(whole).splitlines()[-1] == line.replace("processed in", "processed in part in")
    assert whole.state is State.DIFFERENT


def test_what_was_seen_when_moving_and_when_verifying_alike_is_said_once() -> None:
    """A run looks at a source twice: the same file that is still being written is one block; another list is told."""
    waits = (b"2016/0908/SHA_20160908.0001.fits",)
    seen = replace(OK_HOP, in_progress=waits)
    moved = replace(MOVED, source=seen.source, source_root=seen.source_root, in_progress=waits)
    title = f"FILES STILL BEING WRITTEN ON {seen.source}\n"
    once = report(seen, kind="run", outcomes=(moved,))
    assert render_text(once).count(title) == render_html(once).count(title.strip()) == 1
    later = replace(moved, in_progress=(*waits, b"2016/0908/SHA_20160908.0002.fits"))
    assert render_text(report(seen, kind="run", outcomes=(later,))).count(title) == 2
