"""Reads a night's cubes for planning: headers, timing files and hashes; no pixel is looked at but for the hash.

What is decided from it is night.py's. A cube that cannot be used says why; only a disk that cannot be read raises.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.cards import Header, NotAHeader, Value, read_header
from converters.vampires.night import Cube
from converters.vampires.plan import Source
from converters.vampires.rules import Rules
from converters.vampires.timing import Timing, TimingFault, parse_timing
from converters.workspace import sha256_of
from observatory.names import show

_READERS = 2
"""Hashing is what takes the time, and disks like few readers."""
_MOST_DAYS_AWAY = 1.5
"""A night's frames lie within half a day of its noon to noon; folders of loggers left running, within a day more."""

_TIME_IN_NAME = re.compile(rb"_(\d\d):(\d\d):(\d\d)")
_MOST_NAME_OFF_S = 120.0
"""Hour and minute of a name are of another clock than its seconds: at a minute's edge it may be a minute off."""


@dataclass(frozen=True, slots=True)
class Found:
    """A cube of a camera, relative to the night's folder, with its timing file if there is one."""

    camera: str
    path: bytes
    timing: bytes | None


def read_cubes(
    folder: Path, night: dt.date, found: Sequence[Found], rules: Rules, hashes: Mapping[bytes, str] | None = None
) -> list[Cube]:
    """Read cubes, in the order given; what is not in `hashes` (SHA-256 by path) is read to its end for its own.

    Raises
    ------
    OSError
        A file is gone or cannot be read.
    """
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        return list(pool.map(lambda one: _read(folder, night, one, rules, hashes or {}), found))


def _read(folder: Path, night: dt.date, found: Found, rules: Rules, hashes: Mapping[bytes, str]) -> Cube:
    place = folder / os.fsdecode(found.path)
    keys, frames, fault = _read_header(place, rules.keywords())
    timing, timing_sha256, reason = _read_timing(folder, night, found, frames)
    source = Source(
        path=found.path,
        timing=found.timing if timing_sha256 else None,
        camera=found.camera,
        sha256=hashes.get(found.path) or sha256_of(place),
        timing_sha256=timing_sha256,
        frames=frames,
        lost=0 if timing is None else timing.lost,
        clock=None if timing is None else timing.clock.value,
        keys=keys,
        reason=fault or reason,
    )
    if timing is None:
        return Cube(source, None, is_damaged=fault is not None)
    return Cube(source, timing.times_us, is_damaged=fault is not None, counters=timing.counters)


def _read_header(place: Path, keywords: Sequence[str]) -> tuple[dict[str, Value], int, str | None]:
    """Return the values of some keywords, the number of frames, and why the file is not whole."""
    try:
        with place.open("rb") as stream:
            header = read_header(stream)
            promised = stream.tell() + header.data_bytes
            size = os.fstat(stream.fileno()).st_size
    except NotAHeader as error:
        return {}, 0, str(error)
    keys = {name: header.get(name) for name in keywords if name in header}
    frames = _frames(header)
    if frames is None:
        return keys, 0, "its first HDU is no cube"
    if size < promised:
        return keys, frames, f"its header promises {promised} bytes, it has {size}"
    return keys, frames, None


def _frames(header: Header) -> int | None:
    axes, frames = header.get("NAXIS"), header.get("NAXIS3")
    if axes == 2:
        return 1
    return frames if axes == 3 and isinstance(frames, int) and header.data_bytes else None


def _read_timing(folder: Path, night: dt.date, found: Found, frames: int) -> tuple[Timing | None, str, str | None]:
    """Return the times, the hash of their file, and why they cannot be used."""
    if found.timing is None:
        return None, "", "it has no timing file"
    raw = (folder / os.fsdecode(found.timing)).read_bytes()
    if not raw:
        return None, "", "its timing file is empty"
    digest = hashlib.sha256(raw).hexdigest()
    try:
        timing = parse_timing(raw)
    except TimingFault as error:
        return None, digest, str(error)
    if timing.frames != frames:
        return None, digest, f"its timing file has {timing.frames} lines for {frames} frames"
    return (timing, digest, None) if _is_of_night(timing, night) else (None, digest, _other_night(timing, night))


def _is_of_night(timing: Timing, night: dt.date) -> bool:
    return not _strange(timing, night).size


def _strange(timing: Timing, night: dt.date) -> NDArray[np.int64]:
    """Return the times that are not of a night: one wild time amid the others would be cut out as a cube of its own."""
    noon = dt.datetime.combine(night, dt.time(12), dt.UTC).timestamp() + 43200
    times_us = timing.times_us
    return times_us[np.abs(times_us / 1e6 - noon) >= _MOST_DAYS_AWAY * 86400]


def misnamed(cubes: Sequence[Cube]) -> str | None:
    """Return what is to be said of cubes whose names tell another time of day than their frames; else None.

    Names have been in local time, by a fault of the logger that was mended in 2023. Nothing is decided by them.
    """
    wrong = [cube.source.path for cube in cubes if _name_is_off(cube)]
    if not wrong:
        return None
    return f"{len(wrong)} of {len(cubes)} cubes are named for another time than their frames', first {show(wrong[0])}"


def _name_is_off(cube: Cube) -> bool:
    told = _TIME_IN_NAME.search(cube.source.path.rpartition(b"/")[2])
    if told is None or cube.times_us is None or not len(cube.times_us):
        return False
    named_s = sum(int(part) * unit for part, unit in zip(told.groups(), (3600, 60, 1), strict=True))
    off_s = (named_s - int(cube.times_us[0]) / 1e6 + 43200) % 86400 - 43200
    return abs(off_s) > _MOST_NAME_OFF_S


def _other_night(timing: Timing, night: dt.date) -> str:
    strange = _strange(timing, night)
    try:
        day = f"{dt.datetime.fromtimestamp(int(strange[0]) / 1e6, dt.UTC):%Y-%m-%d}"
    except (ValueError, OverflowError):  # beyond any calendar
        day = f"{int(strange[0]) / 1e6:.0f} s after 1970"
    if len(strange) < timing.frames:
        return f"{len(strange)} of its {timing.frames} times are of another night, first {day}"
    return f"its times are of {day}, which is another night"
