"""Timing files of milk's logger: real ones, old ones, and what goes wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from converters.vampires.timing import Clock, TimingFault, format_timing, parse_timing
from tests.cubes import timing_text
from tests.shared import shared

STAMPS = 1_762_424_400_509_073.0 + 2000.0 * np.arange(5)
COUNTERS = 9_870_000_000 + np.array([0, 1, 2, 5, 6])


def test_a_real_file_of_apapane_is_read_to_the_last_digit() -> None:
    """5,000 frames at 2.5 kHz, none lost (SCExAO, 2025-11-06)."""
    (path,) = shared("samples/milk").glob("*.txt")
    timing = parse_timing(path.read_bytes())
    assert (timing.frames, timing.lost, timing.clock) == (5000, 0, Clock.ACQUISITION)
    assert timing.times_us[0] == 1_762_424_400_509_073
    assert float(np.diff(timing.times_us).mean()) == pytest.approx(400.1, abs=0.05)
    assert timing.counters[-1] == 7_201_846


def test_a_real_file_recut_is_the_same_file() -> None:
    """All its frames again: as the logger wrote it, digit by digit; but for its own rounding of the seconds."""
    (path,) = shared("samples/milk").glob("*.txt")
    raw = path.read_bytes()
    timing = parse_timing(raw)
    again = format_timing(timing.head, timing.fields)
    assert [line[:24] + line[39:] for line in again.splitlines()] == [
        line[:24] + line[39:] for line in raw.splitlines()
    ]
    seconds = [parse_timing(one).fields[:, 2].astype(float) for one in (raw, again)]
    assert np.abs(seconds[0] - seconds[1]).max() < 1e-6


def test_counters_exceed_32_bits_and_gaps_are_lost_frames() -> None:
    """ocam2d counts beyond 9.8e9."""
    timing = parse_timing(timing_text(STAMPS, COUNTERS))
    assert timing.counters.tolist() == COUNTERS.tolist()
    assert timing.lost == 2
    assert timing.times_us.tolist() == STAMPS.astype(np.int64).tolist()


def test_equal_times_in_a_row_are_read() -> None:
    """They occur in real files: six in thirty."""
    stamps = STAMPS.copy()
    stamps[2] = stamps[1]
    assert np.diff(parse_timing(timing_text(stamps, COUNTERS)).times_us).tolist() == [2000, 0, 4000, 2000]


def test_without_acquisition_times_the_loggers_are_taken() -> None:
    """Six columns (2021), or zeros where the camera tells no time."""
    old = parse_timing(timing_text(STAMPS, COUNTERS, columns=6))
    assert (old.clock, old.lost) == (Clock.LOGGER, 2)
    assert old.times_us.tolist() == (STAMPS + 300).astype(np.int64).tolist()
    zeros = b"".join(
        b" ".join([*line.split()[:4], b"0.000000", *line.split()[5:]]) + b"\n"
        for line in timing_text(STAMPS, COUNTERS).splitlines()
        if not line.startswith(b"#")
    )
    assert parse_timing(zeros).clock is Clock.LOGGER


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no lines"),
        (b"# only a head\n", "no lines"),
        (timing_text(STAMPS, COUNTERS)[:-40], "line 5 of 5 of the timing file has 5 fields"),
        (b"0 1 2 3\n", "4 columns, known are 7 and 6"),
        (timing_text(STAMPS, COUNTERS).replace(b"9870000001", b"98700x0001"), "cnt0 .* is no number"),
        (b"0 1 0.0 17624x4400.5 1762424400.500000 1 0\n", "a time .* is no number"),
        (b"0 1 0.0 1762424400 1762424400.500000 1 0\n", "no decimals"),
        (b"0 1 0.0 1762424437.500000000 1762424400.500000 1 0\n", "37.0 s apart"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(raw: bytes, words: str) -> None:
    """Cut short, garbled, or on a TAI clock, 37 s ahead: such times are not used."""
    with pytest.raises(TimingFault, match=words):
        parse_timing(raw)


def test_lines_of_a_new_cube_count_from_its_first_frame() -> None:
    """Index and seconds anew, stamps and counters as they were."""
    timing = parse_timing(timing_text(STAMPS, COUNTERS))
    lines = format_timing(timing.head, timing.fields[[1, 3]]).splitlines()[-2:]
    assert [line.split()[:2] for line in lines] == [[b"0", b"9870000001"], [b"1", b"9870000005"]]
    assert [float(line.split()[2]) for line in lines] == [0.0, pytest.approx(0.004, abs=1e-6)]
    assert [line.split()[3:] for line in lines] == [row.tolist()[3:] for row in timing.fields[[1, 3]]]


def test_lines_that_are_not_of_frame_after_frame_are_refused() -> None:
    """One line lost and another twice: as many as there are frames, and each of another frame than it stands for."""
    raw = timing_text(STAMPS, COUNTERS).splitlines(keepends=True)
    head, lines = raw[:-5], raw[-5:]
    for places, words in (
        ((0, 1, 3, 3, 4), "line 3 of 5 .* is of frame 3"),
        ((1, 0, 2, 3, 4), "line 1 of 5 .* frame 1"),
    ):
        with pytest.raises(TimingFault, match=words):
            parse_timing(b"".join([*head, *(lines[place] for place in places)]))
