"""Nights of two cameras on one trigger, made by code: cubes with their timing files, as milk's logger leaves them.

The header is that of a real cube where the reference material lies beside the checkout, else a short one of our own.
Leaves to each test what is expected of the night; `Night.truth` knows which frame is which.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.cards import Header, Value, padding
from tests.shared import REPOSITORY

NIGHT = dt.date(2025, 11, 6)
OLD_S = 3 * 86400.0
HEAD = b"".join(
    b"# " + line + b"\n"
    for line in (
        b"Telemetry stream timing data",
        b"File written by function save_telemetry_fits_function",
        b"",
        b"col1 : datacube frame index",
        b"col2 : Main index",
        b"col3 : Time since cube origin (logging)",
        b"col4 : Absolute time (logging)",
        b"col5 : Absolute time (acquisition)",
        b"col6 : stream cnt0 index",
        b"col7 : stream cnt1 index",
        b"",
    )
)
_BUILT_IN: Mapping[str, Value] = {
    "BUNIT": "adu",
    "CRPIX1": 40.0,
    "CD1_1": 3.89e-06,
    "DATA-TYP": "OBJECT",
    "DATE-OBS": "2025-11-06",
    "DETECTOR": "",
    "EXP-ID": "",
    "EXPTIME": 0.0002,
    "EXTTRIG": True,
    "FILTER01": "Open",
    "FRAMEID": "",
    "MJD": 0.0,
    "OBJECT": "ABAUR",
    "RET-ANG1": 0.0,
    "UT": "",
}


@dataclass
class Night:
    """What two cameras do in a night, and what became of it.

    Parameters
    ----------
    folder : Path
        The night's; cubes go into ``vcam1/`` and ``vcam2/``.
    period_us : float
        Between two triggers; with the FLC, between a frame of state B and the next one.
    jitter_us : float
        J: after a frame of state A it takes 2 J longer. 0: no FLC.
    offset_us : float
        How far the second camera's times are behind the first one's.
    noise_us : float
        Of each time.
    drops : float
        Share of frames that each camera loses by itself.
    frames : int
        Of a cube.
    size : tuple of int
        Rows and columns.
    """

    folder: Path
    period_us: float = 2000.0
    jitter_us: float = 0.0
    offset_us: float = 300.0
    noise_us: float = 7.2
    drops: float = 0.01
    frames: int = 100
    size: tuple[int, int] = (8, 12)
    seed: int = 1
    keys: Mapping[str, Value] = field(default_factory=dict)
    truth: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """Camera and counter of a frame (both are in its first pixels): its trigger, and its state."""

    def __post_init__(self) -> None:
        """Begin with a night in which nothing was observed."""
        self._random = np.random.default_rng(self.seed)
        self._trigger = 0
        self._counter = [9_870_000_000, 7_000_000]

    def expose(self, start: str = "10:20:00", triggers: int = 1000, **keys: Value) -> float:
        """Expose some frames from a time on (``HH:MM:SS``; 24:00:01 is after midnight UT); return when they end."""
        hours, minutes, seconds = (float(part) for part in start.split(":"))
        midnight = dt.datetime.combine(NIGHT, dt.time(), dt.UTC).timestamp()
        steps = np.full(triggers, float(self.period_us))
        steps[0::2] += 2 * self.jitter_us  # after a frame of state A
        begin_us = (midnight + hours * 3600 + minutes * 60 + seconds) * 1e6
        times = begin_us + np.concatenate([[0.0], np.cumsum(steps[:-1])])
        for camera in (1, 2):
            self._expose_camera(camera, times, keys)
        self._trigger += triggers
        return float(times[-1]) / 1e6

    def _expose_camera(self, camera: int, times: NDArray[np.float64], keys: Mapping[str, Value]) -> None:
        kept = np.flatnonzero(self._random.random(len(times)) >= self.drops)
        stamps = times[kept] + self._random.normal(0, self.noise_us, len(kept)) + (camera - 1) * self.offset_us
        first = self._counter[camera - 1]
        self._counter[camera - 1] += len(times)
        for number in kept.tolist():
            state = "" if not self.jitter_us else "AB"[number % 2]
            self.truth[camera, (first + number) % 65536] = (self._trigger + number, state)
        for begin in range(0, len(kept), self.frames):
            part = slice(begin, begin + self.frames)
            self._write(camera, stamps[part], first + kept[part], keys)

    def _write(
        self, camera: int, stamps: NDArray[np.float64], counters: NDArray[np.int64], keys: Mapping[str, Value]
    ) -> None:
        begin = dt.datetime.fromtimestamp(stamps[0] / 1e6, dt.UTC)
        stem = self.folder / f"vcam{camera}" / f"vcam{camera}_{begin:%H:%M:%S}.{begin.microsecond:06d}123"
        stem.parent.mkdir(parents=True, exist_ok=True)
        pixels = self._random.integers(0, 65536, (len(stamps), *self.size), dtype=np.uint16)
        pixels[:, 0, 0], pixels[:, 0, 1] = camera, counters % 65536
        header = cube_header(pixels.shape, camera, bool(self.jitter_us), self.jitter_us, {**self.keys, **keys})
        put(stem.with_name(stem.name + ".fits"), header.to_bytes() + pixel_bytes(pixels))
        put(stem.with_name(stem.name + ".txt"), timing_text(stamps, counters))


def pixel_bytes(pixels: NDArray[np.uint16]) -> bytes:
    """Return uint16 pixels as FITS keeps them: signed, with BZERO 32768, padded."""
    raw = (pixels.astype(np.int32) - 32768).astype(">i2").tobytes()
    return raw + bytes(padding(len(raw)))


def timing_text(stamps_us: NDArray[np.float64], counters: NDArray[np.int64], columns: int = 7) -> bytes:
    """Return a timing file in milk's formats; the logger sees a frame 0.3 ms after its acquisition."""
    lines = [HEAD]
    for index, (stamp, counter) in enumerate(zip(stamps_us, counters, strict=True)):
        logged = (stamp + 300) / 1e6
        times = b"%20.9f" % logged + (b"  %17.6f" % (stamp / 1e6) if columns == 7 else b"")
        since = logged - (stamps_us[0] + 300) / 1e6
        lines.append(b"%10d  %10d  %15.9f   %s   %10d   %10d\n" % (index, counter, since, times, counter, 0))
    return b"".join(lines)


def cube_header(
    shape: tuple[int, ...], camera: int, has_flc: bool, jitter_us: float, keys: Mapping[str, Value]
) -> Header:
    """Return the header of a cube of VAMPIRES."""
    header = _template()
    structure: dict[str, Value] = {"SIMPLE": True, "BITPIX": 16, "NAXIS": 3}
    structure |= {f"NAXIS{axis}": size for axis, size in enumerate(reversed(shape), start=1)}
    first = Header([])
    for name, value in structure.items():
        first.set(name, value if value is not None else "")
        header.drop(name)
    cube = Header([*first.raw(), *header.raw()])
    facts: dict[str, Value] = {
        "BSCALE": 1.0,
        "BZERO": 32768,
        "DETECTOR": f"VCAM{camera} - OrcaQ",
        "EXTTRIG": True,
        "EXPTIME": 0.001,
        "PRD-RNG2": 536,
        "U_DETMOD": "Fast",
        "U_FLCEN": has_flc,
        "U_FLCST": "IN" if has_flc else "OUT",
        "U_FLC": "NA",
        "U_TRIGJT": int(jitter_us),
        "RET-ANG1": 45.0,
        "FILTER01": "Open",
        "FILTER02": "Open",
    }
    for name, value in {**facts, **keys}.items():
        if value is None:
            cube.drop(name)
        else:
            cube.set(name, value)
    return cube


def _template() -> Header:
    real = Path(os.environ.get("NIGHTFERRY_SHARED") or REPOSITORY.parent / "shared") / "samples" / "milk"
    for path in sorted(real.glob("*.fits.header")):
        lines = path.read_bytes().splitlines()
        return Header([line[:80].ljust(80) for line in lines if not line.startswith(b"END")])
    header = Header([])
    for name, value in _BUILT_IN.items():
        if value is not None:
            header.set(name, value)
    return header


def put(path: Path, raw: bytes, age_s: float = OLD_S) -> None:
    """Write a file with a modification time in the past."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    instant = dt.datetime.now(dt.UTC).timestamp() - age_s
    os.utime(path, (instant, instant))


def frames_of(path: Path) -> Iterator[tuple[int, int]]:
    """Yield camera and counter of every frame of a cube, out of its pixels; packed cubes too."""
    from astropy.io import fits

    with fits.open(path, memmap=False) as units:
        pixels = next(unit.data for unit in units if unit.data is not None)
        for frame in pixels:
            yield int(frame[0, 0]), int(frame[0, 1])
