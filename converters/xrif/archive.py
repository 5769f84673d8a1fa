"""One stream archive on this machine's disk, read: images, timing, or the headers alone.

What the bytes of a block mean is coding.py's; what an archive is called converters/stamps.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from converters.stamps import StampedName, parse_name
from converters.xrif.coding import LIMIT_BYTES, decode, plan
from converters.xrif.faults import Damaged, Unknown
from observatory.errors import FileDamaged, FileUnreadable, FormatUnknown
from observatory.formats.xrif import Block, Fault, headers, image_header
from observatory.names import show

FRAME, ACQUIRED_S, ACQUIRED_NS, WRITTEN_S, WRITTEN_NS = range(5)
"""Columns of the timing: the camera's frame number, and two instants in Unix seconds and nanoseconds, UTC."""
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """A stream archive, decoded.

    Attributes
    ----------
    path : Path
    header : Block
        Header of the images, as it stands in the file.
    images : array
        Shape (frames, depth, height, width), C order, in the type that the header names; our own, writable.
    timing : array of uint64
        Shape (frames, 5): frame number, acquisition seconds and nanoseconds, writing seconds and
        nanoseconds (Unix, UTC). The two instants are equal where the time of writing was not known.
    """

    path: Path
    header: Block
    images: NDArray[Any]
    timing: NDArray[np.uint64]

    @property
    def name(self) -> StampedName | None:
        """Device and stamp as the file's name has them; None where it is named otherwise."""
        return parse_name(os.fsencode(self.path.name))

    @property
    def frame_numbers(self) -> NDArray[np.uint64]:
        """The camera's number of each frame."""
        return self.timing[:, FRAME]

    @property
    def acquired_ns(self) -> NDArray[np.int64]:
        """When each frame was acquired (its exposure's end), Unix nanoseconds, UTC."""
        return instants_ns(self.timing, ACQUIRED_S)

    @property
    def written_ns(self) -> NDArray[np.int64]:
        """When each frame was handed to the writer, Unix nanoseconds, UTC."""
        return instants_ns(self.timing, WRITTEN_S)


_LEAP = 2**32
"""So far no camera counts between two frames of an archive: at 1 kHz it is fifty days."""


@dataclass(frozen=True, slots=True)
class TimingFacts:
    """What a timing block says of its archive.

    Attributes
    ----------
    frames : int
    first_ns, last_ns : int
        Earliest and latest acquisition, Unix nanoseconds, UTC.
    dropped_frames : int
        Frame numbers that were passed over, as far as they can be counted.
    odd_steps : int
        How often a frame is older than the one before it, or its number does not grow, or leaps: there nobody can tell.
    """

    frames: int
    first_ns: int
    last_ns: int
    dropped_frames: int
    odd_steps: int


def read(path: Path | str, limit_bytes: int = LIMIT_BYTES) -> Archive:
    """Read and decode a whole archive.

    Parameters
    ----------
    path : path
    limit_bytes : int
        What the pixels may take at most, and once more their packed form.

    Raises
    ------
    FileDamaged
        Sizes, counts, timing or payload contradict each other, or the file ends early.
    FormatUnknown
        A version, type or coding that the instrument does not write, or larger than the limit.
    FileUnreadable
        It could not be opened or read.
    """
    with _opened(path) as (stream, size):
        return Archive(Path(path), *read_stream(stream, size, limit_bytes))


def read_stream(
    stream: BinaryIO, size: int, limit_bytes: int = LIMIT_BYTES
) -> tuple[Block, NDArray[Any], NDArray[np.uint64]]:
    """Read and decode an archive that is open, of a length in bytes; return header, images and timing.

    Raises
    ------
    Fault, Damaged, Unknown
        Why it is refused; `read` makes errors of the house of these.
    OSError
    """
    header, timing_header = headers(stream, size)
    plan(header, limit_bytes)  # refused before a payload is read
    timing = _timing(stream, header, timing_header)
    return header, decode(header, _payload(stream, header, 0), limit_bytes), timing


def read_images(path: Path | str, limit_bytes: int = LIMIT_BYTES) -> NDArray[Any]:
    """Decode the images alone, whatever has become of the timing behind them; raises as `read`."""
    with _opened(path) as (stream, size):
        header = image_header(stream, size)
        plan(header, limit_bytes)
        return decode(header, _payload(stream, header, 0), limit_bytes)


def read_timing(path: Path | str) -> NDArray[np.uint64]:
    """Read the timing alone, passing over the images: shape (frames, 5); raises as `read`."""
    with _opened(path) as (stream, size):
        return _timing(stream, *headers(stream, size))


def read_header(path: Path | str) -> Block:
    """Read the header of the images; the file's structure is checked, nothing is decoded. Raises as `read`."""
    with _opened(path) as (stream, size):
        return headers(stream, size)[0]


def timing_facts(timing: NDArray[np.uint64]) -> TimingFacts:
    """Say when an archive's frames were acquired, and what its frame numbers and times show.

    Parameters
    ----------
    timing : array of uint64
        Shape (frames, 5), at least one frame.
    """
    acquired_ns = instants_ns(timing, ACQUIRED_S)
    counters = timing[:, FRAME]
    is_odd = ~_grows(counters) | (np.diff(acquired_ns) < 0)
    return TimingFacts(
        frames=len(timing),
        first_ns=int(acquired_ns.min()),
        last_ns=int(acquired_ns.max()),
        dropped_frames=dropped_frames(counters),
        odd_steps=int(is_odd.sum()),
    )


def dropped_frames(counters: NDArray[np.uint64]) -> int:
    """Count what is skipped; a counter that starts anew, stands still or leaps has lost nothing that can be counted."""
    steps = np.diff(counters)[_grows(counters)]
    return int((steps - np.uint64(1)).sum())


def _grows(counters: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Say of each frame but the first whether its number follows the one before it, frames left out or not.

    Behind the largest comes 0: a camera that has not begun to count says the largest.
    """
    steps = np.diff(counters)
    grows: NDArray[np.bool_] = (steps == 1) | ((counters[1:] > counters[:-1]) & (steps < _LEAP))
    return grows


def instants_ns(timing: NDArray[np.uint64], seconds: int) -> NDArray[np.int64]:
    """Return an instant of each row, in Unix nanoseconds; `seconds` is the column of its seconds."""
    instants: NDArray[np.int64] = (timing[:, seconds] * _NS_PER_S + timing[:, seconds + 1]).astype(np.int64)
    return instants


@contextmanager
def _opened(path: Path | str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file; turn whatever is wrong with it into the errors of the house."""
    shown = show(os.fsencode(path))
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would have us wait for ever
            raise FileUnreadable("this machine", shown, "it is no regular file")
        with Path(path).open("rb") as stream:
            yield stream, os.fstat(stream.fileno()).st_size
    except Fault as fault:
        if fault.state == "unjudged":
            raise FormatUnknown(shown, fault.reason) from fault
        raise FileDamaged(shown, fault.reason) from fault
    except Damaged as error:
        raise FileDamaged(shown, str(error)) from error
    except Unknown as error:
        raise FormatUnknown(shown, str(error)) from error
    except OSError as error:
        raise FileUnreadable("this machine", shown, error.strerror or str(error)) from error


def _payload(stream: BinaryIO, header: Block, offset: int) -> bytes:
    """Read the payload of the block that begins at an offset."""
    stream.seek(offset + header.header_size)
    payload = stream.read(header.payload_size)
    if len(payload) != header.payload_size:
        raise Damaged(f"the file was cut short while the {header.what} block was read")
    return payload


def _timing(stream: BinaryIO, header: Block, timing_header: Block) -> NDArray[np.uint64]:
    """Return the rows of the timing block, in whichever coding it is kept; refuse instants that are none."""
    plan(timing_header)
    payload = _payload(stream, timing_header, header.header_size + header.payload_size)
    rows: NDArray[np.uint64] = decode(timing_header, payload).reshape(-1, 5)
    for seconds, nanoseconds in ((ACQUIRED_S, ACQUIRED_NS), (WRITTEN_S, WRITTEN_NS)):
        wrong = (rows[:, nanoseconds] >= _NS_PER_S) | (rows[:, seconds] >= 1 << 33)
        if wrong.any():
            raise Damaged(f"row {int(wrong.argmax())} of the timing holds an instant that is none")
    return rows
