"""The text file beside each cube of milk's stream logger: one line of times and counters per frame.

Format after milk's logger (``logshmim.c``), as in the files that SCExAO published: lines that begin with ``#``, then
per frame: index in the cube, main index, seconds since the cube's first frame, absolute time of the logger,
absolute time of the acquisition (end of exposure), ``cnt0``, ``cnt1``. Files of 2021 have six columns, without the
acquisition's time. Counters exceed 32 bits, and equal times in a row do occur.
Which frames go together is pairing.py's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLUMNS = (7, 6)
_LOGGER, _ACQUISITION = 3, 4
MOST_CLOCK_DIFFERENCE_S = 5.0
"""Logger's and acquisition's clock differ by less than a millisecond in practice; a TAI clock is 37 s ahead."""


class Clock(enum.StrEnum):
    """Which of the two absolute times is used."""

    ACQUISITION = "acquisition"
    LOGGER = "logger"
    """Where a file has no acquisition time (six columns, or zeros)."""


class TimingFault(Exception):
    """A timing file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One timing file.

    Attributes
    ----------
    head : tuple of bytes
        The lines that begin with ``#``, without line ends.
    fields : ndarray of bytes, shape (frames, columns)
        As written.
    times_us : ndarray of int64, shape (frames,)
        Unix time in microseconds, UTC, end of exposure (of the logger's clock: when the frame was logged).
    counters : ndarray of int64, shape (frames,)
        ``cnt0``.
    clock : Clock
    """

    head: tuple[bytes, ...]
    fields: NDArray[np.bytes_]
    times_us: NDArray[np.int64]
    counters: NDArray[np.int64]
    clock: Clock

    @property
    def frames(self) -> int:
        """How many frames there are lines for."""
        return len(self.times_us)

    @property
    def lost(self) -> int:
        """How many frames the counter tells of that are not in the cube."""
        steps = np.diff(self.counters)
        return int((steps[steps > 1] - 1).sum())


def parse_timing(raw: bytes) -> Timing:
    """Read a timing file.

    Raises
    ------
    TimingFault
        It is empty, a line is cut short or makes no sense, or its two clocks are seconds apart.
    """
    lines = raw.splitlines()
    head = tuple(line for line in lines if line.startswith(b"#"))
    rows = [line.split() for line in lines if line.strip() and not line.startswith(b"#")]
    if not rows:
        raise TimingFault("the timing file has no lines")
    if len(rows[0]) not in COLUMNS:
        raise TimingFault(f"the timing file has {len(rows[0])} columns, known are {' and '.join(map(str, COLUMNS))}")
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise TimingFault(f"line {number + 1} of {len(rows)} of the timing file has {len(row)} fields")
    fields = np.array(rows)
    _check_index(fields[:, 0])
    times_us, clock = _times(fields)
    counter = _integers(fields[:, -2], "cnt0")
    return Timing(head, fields, times_us, counter, clock)


def _check_index(column: NDArray[np.bytes_]) -> None:
    """Refuse lines that are not those of frames 0, 1, 2, ...: the n-th would stand for another frame than the n-th."""
    index = _integers(column, "a frame's index")
    wrong = np.flatnonzero(index != np.arange(len(index)))
    if len(wrong):
        place = int(wrong[0])
        raise TimingFault(f"line {place + 1} of {len(index)} of the timing file is of frame {index[place]}")


def widened(fields: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return lines with a column for the acquisition's time: zeros, as the logger writes where nobody tells it."""
    if fields.shape[1] == max(COLUMNS):
        return fields
    return np.insert(fields, _ACQUISITION, b"0.000000", axis=1)


def _times(fields: NDArray[np.bytes_]) -> tuple[NDArray[np.int64], Clock]:
    logger = _microseconds(fields[:, _LOGGER])
    if fields.shape[1] < max(COLUMNS):
        return logger, Clock.LOGGER
    acquisition = _microseconds(fields[:, _ACQUISITION])
    if not acquisition.any():
        return logger, Clock.LOGGER
    apart_s = float(np.abs(acquisition - logger).max()) / 1e6
    if apart_s > MOST_CLOCK_DIFFERENCE_S:
        raise TimingFault(f"logger's and acquisition's times are up to {apart_s:.1f} s apart")
    return acquisition, Clock.ACQUISITION


def _nanoseconds(column: NDArray[np.bytes_]) -> NDArray[np.int64]:
    seconds, nanoseconds = _taken_apart(column)
    return seconds * 1_000_000_000 + nanoseconds


def _microseconds(column: NDArray[np.bytes_]) -> NDArray[np.int64]:
    seconds, nanoseconds = _taken_apart(column)
    return seconds * 1_000_000 + (nanoseconds + 500) // 1000


def _taken_apart(column: NDArray[np.bytes_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read seconds and their decimals without going through floating point, which is too coarse for nanoseconds."""
    whole, point, decimals = np.strings.partition(column, b".")
    if not (point == b".").all():
        raise TimingFault("a time in the timing file has no decimals")
    padded = np.strings.ljust(decimals, 9, b"0").astype("S9")
    return _integers(whole, "a time"), _integers(padded, "a time")


def _integers(column: NDArray[np.bytes_], what: str) -> NDArray[np.int64]:
    try:
        return column.astype(np.int64)
    except (ValueError, OverflowError) as error:
        raise TimingFault(f"{what} in the timing file is no number") from error


def format_timing(head: tuple[bytes, ...], fields: NDArray[np.bytes_]) -> bytes:
    """Return the timing file of a new cube, of the lines of its frames.

    Frame index and seconds since the first frame are the new cube's; the absolute times and counters stay as they
    were written, digit by digit.
    """
    since_ns = _nanoseconds(fields[:, _LOGGER])
    lines = [line + b"\n" for line in head]
    for index, (row, nanoseconds) in enumerate(zip(fields.tolist(), (since_ns - since_ns[0]).tolist(), strict=True)):
        times = b"  ".join(field.rjust(width) for field, width in zip(row[_LOGGER:-2], (20, 17), strict=False))
        lines.append(b"%10d  %10s  %15.9f   %s   %10s   %10s\n" % (index, row[-2], nanoseconds / 1e9, times, *row[-2:]))
    return b"".join(lines)
