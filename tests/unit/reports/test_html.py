"""The HTML of mails and pages: everything is escaped, folded and fetched from nowhere."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reports.html import render_html, render_page
from reports.model import Note, Report
from tests.unit.reports.made import (
    AWAY,
    EVERYTHING,
    FIRST_HOP,
    FULL,
    MOVED,
    NIGHT,
    NOT_MOVED,
    OK_HOP,
    SECOND_HOP,
    SEED,
    SHD_UNKNOWN,
    STEP,
    report,
)
from verifier.verdict import Finding, HopVerdict, SequenceGap


class Words(html.parser.HTMLParser):
    """Collects the words that a reader sees, and the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.opened: list[str] = []
        self.balance = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count a tag."""
        self.opened.append(tag)
        self.balance += tag not in ("meta", "br")

    def handle_endtag(self, tag: str) -> None:
        """Count it back."""
        self.balance -= 1

    def handle_data(self, data: str) -> None:
        """Keep what is seen."""
        self.text.append(data)


def words(page: str) -> str:
    """Return what a reader sees."""
    reader = Words()
    reader.feed(page)
    assert reader.balance == 0, "a tag is not closed"
    return " ".join(" ".join(reader.text).split())


def test_runs_are_folded_to_one_line() -> None:
    """Forty-two near-identical lines are one."""
    seen = words(render_html(SEED))
    assert "2016/0907/SHA_20160907.[0122-0163].fits, 42 files" in seen
    assert "SHA_20160907.0123.fits" not in seen


@pytest.mark.parametrize(
    ("hop", "word"), [(OK_HOP, "ok"), (FIRST_HOP, "different"), (SHD_UNKNOWN, "unknown"), (AWAY, "away")]
)
def test_a_state_is_a_word_and_not_a_colour_alone(hop: object, word: str) -> None:
    """Who sees no colours reads the same."""
    assert re.search(rf"[✓≠?\u2013] {word}\b", words(render_html(report(hop))))  # type: ignore[arg-type]


@pytest.mark.parametrize("render", [render_html, render_page])
def test_a_hostile_name_or_word_is_text(render: object) -> None:
    """No file name and no remote word becomes markup."""
    hostile = replace(
        SHD_UNKNOWN,
        instrument="<b>shd",
        unknown_reason="<script>alert(1)</script>",
        missing=(b"<img src=x onerror=alert(1)>", b'"onmouseover="x'),
    )
    page = render(report(hostile))  # type: ignore[operator]
    assert "<script" not in page and "<img" not in page and "<b>shd" not in page
    assert '"onmouseover="x' in words(page)


def test_nothing_is_fetched_from_anywhere() -> None:
    """No picture, font, script or style sheet: a mail client shows all of it, and tells nobody."""
    for page in (render_html(FULL), render_page(FULL)):
        assert not re.search(r"https?://|src=|url\(|@import|<link|<script", page)


def test_everything_that_the_text_says_is_on_the_page() -> None:
    """Sections, reasons, accepted, steps, notes and problems."""
    seen = words(render_page(FULL))
    for phrase in (
        "FRAME NUMBERS MISSING ON sha.suth.saao.ac.za (2)",
        "UNKNOWN: shd.suth.saao.ac.za: not reached: connection refused",
        "2016/0907/cut.fits: ends after 2 of 3 blocks",
        "2016/0907/b\\x0ac.fits",
        "2 accepted: lost in the storm",
        "x.fits: not FITS",
        "the run of 08:00 was missed",
        "shd: the catalogue could not be written: disk full",
        "2016/0907/SHA_20160907.0163.fits: disk full",
    ):
        assert phrase in seen


def test_a_mail_is_cut_with_a_sentence_and_a_page_is_whole() -> None:
    """A hundred thousand names that do not run would be megabytes that no telephone opens."""
    many = replace(FIRST_HOP, missing=tuple(b"2016/0907/%06x.dat" % (number * 7919) for number in range(5000)))
    mail, page = words(render_html(report(many))), words(render_page(report(many)))
    assert re.search(r"… and \d+ more lines; the whole list is attached\.", mail)
    assert len(mail) < len(page) / 5
    assert "the whole list is attached" not in page


def observatory(*others: HopVerdict, further: dict[str, object] | None = None) -> Report:
    """Return the report of a large observatory: 58 quiet instruments of three hops each, and some others."""
    quiet = [
        replace(OK_HOP, instrument=f"ins{number:02d}", hop=f"c{hop}:c{hop + 1}")
        for number in range(58)
        for hop in range(3)
    ]
    moved = [
        replace(
            MOVED, instrument=one.instrument, hop=one.hop, planned=3, transferred=3, moved_bytes=1 << 20, seconds=20
        )
        for one in quiet
    ]
    return report(*quiet, *others, kind="run", outcomes=moved, **(further or {}))


def test_fifty_eight_quiet_instruments_are_one_row_of_a_mail_that_says_how_much_was_compared() -> None:
    """What is wrong stands above them, and within what every reader's program shows of a mail."""
    page = render_html(observatory(FIRST_HOP, SECOND_HOP))
    seen = words(page)
    assert "58 instruments ✓ ok ins00, ins01, ins02," in seen
    assert f"174 hops {174 * OK_HOP.compared} by size 0 0" in seen, "no green row without its counts"
    assert "174 hops 522 of 522 182.5 MB 58 min" in seen
    assert "sha ≠ different sha:astro.suth" in seen and "sha ✓ ok astro.suth:astro.cape" in seen, "a hop's neighbours"
    assert seen.index("sha:astro.suth") < seen.index("0122-0163") < seen.index("522 of 522")
    assert seen.index("sha:astro.suth") < seen.index("58 instruments")
    assert len(page) < 30_000
    assert "c0:c1" in words(render_page(observatory(FIRST_HOP))), "a page keeps everything"


def test_quiet_instruments_that_have_something_to_say_say_it() -> None:
    """An accepted loss, files in progress, and where an instrument is; away is no part of what was compared."""
    waits = replace(OK_HOP, in_progress=(b"2016/0908/late.fits",))
    known = replace(OK_HOP, instrument="spu", accepted={"lost in the storm": 2})
    seen = words(render_html(observatory(waits, known, AWAY)))
    assert "60 instruments ✓ ok ins00," in seen and "1 instrument \u2013 away shd" in seen
    for phrase in ("2016/0908/late.fits", "2 accepted: lost in the storm", "AWAY: off the telescope until Friday"):
        assert phrase in seen


def test_a_few_quiet_hops_have_a_row_each() -> None:
    """Two instruments are read hop by hop."""
    seen = words(render_html(report(OK_HOP, SECOND_HOP, replace(OK_HOP, instrument="shd"))))
    assert "instruments" not in seen and "sha ✓ ok sha:astro.suth" in seen


def test_one_that_compared_nothing_shows_its_zero() -> None:
    """The counts stand beside the state."""
    assert "shd ? unknown shd:astro.suth 1 night 0 by size 0 0" in words(render_html(report(SHD_UNKNOWN)))
    assert "161 by size 1 3" in words(render_html(report(EVERYTHING)))


def test_a_hop_that_differs_without_missing_files_says_what_is_wrong_in_the_table() -> None:
    """``different`` beside nothing but zeros would be a riddle on a telephone."""
    one = Finding(b"2016/0907/cut.fits", "source", "ends early")
    damaged = replace(OK_HOP, damaged=(one, replace(one, on="destination")))
    assert "1 damaged" in render_html(report(damaged)).split("DAMAGED FILES")[0].split("Missing")[1]
    lost = replace(damaged, sequence_gaps=(SequenceGap(NIGHT, "sha", (4, 5)),))
    assert "3 other" in render_html(report(lost))
    assert "other" not in render_html(report(OK_HOP)).split("FILES ON")[0]


def test_words_below_a_number_may_be_broken_on_a_telephone() -> None:
    """At 360 px `90 frames absent` kept in one line pushed the column of what is missing over the edge."""
    holes = replace(OK_HOP, sequence_gaps=(SequenceGap(NIGHT, "sha", tuple(range(90))),))
    (style,) = re.findall(r'style="([^"]*)">90 frames absent', render_html(report(holes)))
    assert "nowrap" not in style


class Breakable(html.parser.HTMLParser):
    """Collects pieces of text, each with whether a long word in it may be broken where the page shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[str, bool]] = []
        self._may_break = [False]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Inherit what stands around a tag, unless its own style says it."""
        if tag not in ("meta", "br"):
            style = dict(attrs).get("style") or ""
            self._may_break.append(self._may_break[-1] or "overflow-wrap:" in style)

    def handle_endtag(self, tag: str) -> None:
        """Go back to what stands around it."""
        self._may_break.pop()

    def handle_data(self, data: str) -> None:
        """Keep a piece."""
        self.shown.append((data, self._may_break[-1]))


@pytest.mark.parametrize("render", [render_html, render_page])
def test_a_long_path_in_any_sentence_is_broken_before_it_leaves_a_telephone(render: Callable[[Report], str]) -> None:
    """A root at the end of a note, in the command to copy, was cut off at 390 px."""
    root = "/data/" + "x" * 80
    said = report(
        replace(SHD_UNKNOWN, unknown_reason=root, accepted={root: 1}),
        replace(AWAY, away_reason=root),
        kind="run",
        outcomes=(replace(MOVED, remarks=(root,)),),
        steps=(replace(STEP, reasons=(root,)),),
        notes=(Note(root),),
        problems=(Note(root),),
    )
    reader = Breakable()
    reader.feed(render(said))
    found = [may_break for text, may_break in reader.shown if root in text and "<" not in text]
    assert len(found) >= 7 and all(found[1:]), found  # the first is the title


@pytest.mark.parametrize("render", [render_html, render_page])
def test_what_needs_a_person_stands_above_what_is_well(render: object) -> None:
    """On a telephone the morning's bad news is not below a screen of hops of which there is nothing to say."""
    seen = words(render(report(OK_HOP, SHD_UNKNOWN, outcomes=(MOVED, NOT_MOVED))))  # type: ignore[operator]
    places = [
        seen.index(phrase)
        for phrase in (
            "UNKNOWN: shd.suth.saao.ac.za",
            "163.fits: disk full",
            "FILES ON sha.suth.saao.ac.za THAT ARE NOT",
        )
    ]
    assert places == sorted(places)
