"""Writes one planned cube: header, frames copied as the bytes they are, and the timing file; each byte written once.

Memory is bounded by one buffer whatever the cube's size, and the hash is taken on the way. Which frames, the plan
says (plan.py); when, consolidate.py.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.cards import Header, padding, read_header
from converters.rewriting import BUFFER_BYTES, HashingWriter, RunEnded
from converters.vampires.plan import SYNC, Match, Output, Plan, Run, Source
from converters.vampires.timing import format_timing, parse_timing, widened

_UNIX_EPOCH_MJD = 40587
_HAWAII = dt.timedelta(hours=-10)
"""Hawaii keeps no summer time."""
_DAY_US = 86_400_000_000


class CannotMake(Exception):
    """A planned cube cannot be made of its sources as they lie there now; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the frames of a source lie: offset of the first, and bytes of each."""

    offset: int
    frame_bytes: int


def write_cube(folder: Path, plan: Plan, output: Output, place: Path, is_pulled: Callable[[], bool]) -> str:
    """Write one cube's FITS file and return its SHA-256.

    Raises
    ------
    CannotMake
        A source is shorter than its header promises.
    RunEnded
        `is_pulled` said so.
    OSError
    """
    numbers = sorted({run.source for run in output.runs})
    headers = {number: _header_of(folder, plan.sources[number]) for number in numbers}
    header = headers[output.runs[0].source][0].copy()
    describe(header, plan, output)
    shapes = {number: shape for number, (_, shape) in headers.items()}
    buffer = bytearray(2 * BUFFER_BYTES)
    with place.open("xb", buffering=0) as target:
        sink = HashingWriter(target)
        sink.write(header.to_bytes())
        for run in output.runs:
            source = folder / os.fsdecode(plan.sources[run.source].path)
            if is_pulled():
                raise RunEnded
            _copy_run(source, run, shapes[run.source], sink, buffer)
        size = sum(shapes[run.source].frame_bytes * run.count for run in output.runs)
        sink.write(bytes(padding(size)))
        return sink.hexdigest()


def _header_of(folder: Path, source: Source) -> tuple[Header, Shape]:
    with (folder / os.fsdecode(source.path)).open("rb") as stream:
        header = read_header(stream)
        return header, Shape(stream.tell(), header.data_bytes // source.frames)


def _copy_run(source: Path, run: Run, shape: Shape, sink: HashingWriter, buffer: bytearray) -> None:
    with source.open("rb", buffering=0) as stream:
        for pieces in _batches(run, shape):
            view = memoryview(buffer)[: sum(length for _, length in pieces)]
            _read_pieces(stream.fileno(), pieces, view, source)
            sink.write(view)


def _batches(run: Run, shape: Shape) -> Iterator[list[tuple[int, int]]]:
    """Yield what is read into the buffer at once: offsets and lengths in bytes."""
    pieces: list[tuple[int, int]] = []
    held = 0
    for start, length in _pieces(run, shape):
        pieces.append((start, length))
        held += length
        if held >= BUFFER_BYTES:
            yield pieces
            pieces, held = [], 0
    if pieces:
        yield pieces


def _pieces(run: Run, shape: Shape) -> Iterator[tuple[int, int]]:
    """Yield stretches of the source, none longer than half of the buffer."""
    if run.step == 1:
        stretches = [(shape.offset + run.first * shape.frame_bytes, run.count * shape.frame_bytes)]
    else:
        stretches = [(shape.offset + frame * shape.frame_bytes, shape.frame_bytes) for frame in run.frames]
    for start, length in stretches:
        for at in range(0, length, BUFFER_BYTES):
            yield start + at, min(BUFFER_BYTES, length - at)


def _read_pieces(descriptor: int, pieces: Sequence[tuple[int, int]], view: memoryview, source: Path) -> None:
    at = 0
    for start, length in pieces:
        end = at + length
        while at < end:
            got = os.preadv(descriptor, [view[at:end]], start + length - (end - at))
            if got == 0:
                raise CannotMake(f"{source.name} is shorter than its header promises")
            at += got


def describe(header: Header, plan: Plan, output: Output) -> None:
    """Make a source's header that of a new cube: frames, times, what was found out, and where it is from."""
    for keyword in ("CHECKSUM", "DATASUM"):  # of the source as it was
        header.drop(keyword)
    if output.frames > 1 or header.get("NAXIS") == 3:
        _set_frames(header, output.frames)
    header.set("U_SYNC", output.kind == SYNC, "Frames are paired with the other camera's")
    if output.state:
        header.set("U_FLC", output.state.ljust(16), "FLC state: A, B, or D (dubious)")
    if output.start_us is not None and output.end_us is not None:
        _set_times(header, output.start_us, output.end_us)
    sources = [plan.sources[number] for number in dict.fromkeys(run.source for run in output.runs)]
    header.set("U_LOST", sum(source.lost for source in sources), "Frames lost in the source cubes, by counter")
    if output.sibling is not None:
        header.set("U_SIBL", _text(output.sibling), "The other camera's cube, before frame ids")
    if output.match is not None:
        _set_match(header, plan.matches[output.match])
    _set_sources(header, sources)


def _set_frames(header: Header, frames: int) -> None:
    if header.get("NAXIS") == 3:
        header.set("NAXIS3", frames)
        return
    header.set("NAXIS", 3)
    header.insert_after("NAXIS2", b"NAXIS3  = %20d" % frames + b" " * 50)


def _set_match(header: Header, match: Match) -> None:
    header.set("U_OFFSET", round(match.offset_us, 3), "[us] static offset, second camera - first")
    header.set("U_RESID", round(match.residual_us, 3), "[us] rms of the pairs' differences")
    header.set("U_TOLER", round(match.tolerance_us, 3), "[us] tolerance of a pair")


def _set_sources(header: Header, sources: Sequence[Source]) -> None:
    header.set("U_NSRC", len(sources), "Source cubes")
    for number, source in enumerate(sources, start=1):
        header.set(f"U_SRC{number}", _text(source.path.rpartition(b"/")[2]))


def _text(name: bytes) -> str:
    """Return a name as a header's text: shortened from the left, and what is not printable made readable."""
    shown = "".join(
        letter if letter.isascii() and letter.isprintable() and letter != "'" else "?" for letter in os.fsdecode(name)
    )
    return shown[-66:]


def _set_times(header: Header, start_us: int, end_us: int) -> None:
    """Set UT, HST and MJD at start, middle and end, and the day; the comments stay those of the source."""
    middle_us = (start_us + end_us) // 2
    for suffix, time_us in (("", middle_us), ("-STR", start_us), ("-END", end_us)):
        header.set(f"UT{suffix}", _clock(time_us), "HH:MM:SS.SS UTC")
        header.set(f"HST{suffix}", _clock(time_us, _HAWAII), "HH:MM:SS.SS HST")
        header.set(f"MJD{suffix}", _UNIX_EPOCH_MJD + time_us / _DAY_US, "Modified Julian Day")
    header.set("DATE-OBS", _instant(start_us).strftime("%Y-%m-%d"), "UT date of Observation (yyyy-mm-dd)")


def _instant(time_us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_us)


def _clock(time_us: int, zone: dt.timedelta = dt.timedelta(0)) -> str:
    """Return HH:MM:SS.ss, rounded before it is taken apart: a second is never 60.00."""
    rounded = _instant((time_us + 5_000) // 10_000 * 10_000) + zone
    return rounded.strftime("%H:%M:%S.") + f"{rounded.microsecond // 10_000:02d}"


def timing_of(folder: Path, plan: Plan, output: Output) -> bytes:
    """Return a new cube's timing file: the lines of its frames; of a cube left whole and unjudged, the file as it is.

    Raises
    ------
    OSError
    """
    import numpy as np

    texts = {run.source: _timing_bytes(folder, plan.sources[run.source]) for run in output.runs}
    if any(plan.sources[run.source].clock is None for run in output.runs):
        return texts[output.runs[0].source]
    timings = {number: parse_timing(raw) for number, raw in texts.items()}
    widest = max(timings.values(), key=lambda timing: timing.fields.shape[1])
    is_mixed = any(timing.fields.shape[1] != widest.fields.shape[1] for timing in timings.values())
    parts = [timings[run.source].fields[run.first : run.frames[-1] + 1 : run.step] for run in output.runs]
    head = widest.head if is_mixed else timings[output.runs[0].source].head
    return format_timing(head, np.concatenate([widened(part) for part in parts] if is_mixed else parts))


def _timing_bytes(folder: Path, source: Source) -> bytes:
    return (folder / os.fsdecode(source.timing or b"")).read_bytes()
