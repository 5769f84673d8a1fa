"""A MagAO-X made by code: three data roots as on a hand-carried drive, both layouts, telemetry and raw archives.

Times are seconds after BEGIN, 2 December 2025, 23:59:00 UTC: a minute before the UTC day changes. Leaves to each test
what it makes of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from converters.export.instants import read_instant
from converters.stamps import NS_PER_S, day_folder, format_stamp
from converters.telemetry.writer import record
from converters.xrif import write
from tests.shared import REPOSITORY

BEGIN = read_instant("2025-12-02T23:59:00")
ROLES = ("aoc", "rtc", "icc")
EMAIL = "observer@example.org"

Fields = Mapping[str, Any]


def at(seconds: float) -> int:
    """Return an instant so many seconds after BEGIN, Unix nanoseconds."""
    return BEGIN + round(seconds * NS_PER_S)


def stamp(seconds: float) -> str:
    """Return the 23 digits of an instant."""
    return format_stamp(at(seconds))


def observer(on: bool, title: str = "20251202_betaPic_deep", target: str = "beta Pic", email: str = EMAIL) -> Fields:
    """Return what the observers' device says."""
    return {"email": email, "obsName": title, "observing": on, "tgt_name": target, "operator_email": "ao@example.org"}


@dataclass
class Drive:
    """A drive with the data roots of three computers below `folder`: ``{aoc,rtc,icc}/opt/MagAOX``.

    `is_flat` lays files out as before November 2024.
    """

    folder: Path
    is_flat: bool = False
    seed: int = 1
    roots: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the roots, with the folders that every computer has."""
        for role in ROLES:
            self.roots[role] = self.folder / role / "opt" / "MagAOX"
            for kind in ("telem", "rawimages", "logs", "calib", "cacao"):
                (self.roots[role] / kind).mkdir(parents=True)

    @property
    def words(self) -> list[str]:
        """The roots for the command line."""
        return [word for role in ROLES for word in ("--data-root", str(self.roots[role]))]

    def place(self, role: str, kind: str, device: str, seconds: float, extension: str) -> Path:
        """Return where a file lies, its folder made."""
        base = self.roots[role] / kind
        if not self.is_flat:
            folder = base / device / day_folder(at(seconds))
        else:
            folder = base / device if kind == "rawimages" else base
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{device}_{stamp(seconds)}.{extension}"

    def telemetry(
        self, device: str, event: str, said: Sequence[tuple[float, Fields]], role: str = "icc", tail: bytes = b""
    ) -> Path:
        """Write what a device said, into one file."""
        path = self.place(role, "telem", device, said[0][0], "bintel")
        path.write_bytes(b"".join(record(at(seconds), event, fields) for seconds, fields in said) + tail)
        return path

    def observers(self, said: Sequence[tuple[float, Fields]], role: str = "aoc") -> Path:
        """Write what the observers' device said."""
        return self.telemetry("observers", "telem_observer", said, role)

    def observe(self, begin: float, end: float, before: float = 10, after: float = 30, **words: str) -> Path:
        """Write the observers' telemetry of one observation: a record every ten seconds, and one at each change.

        The last record before the rise lies a second before it, as the device writes it.
        """
        off, on = observer(False, **words), observer(True, **words)
        times = [(t, off) for t in _steps(begin - before, begin)]
        times += [(begin, off)] if times[-1][0] < begin else []
        times += [(t, on) for t in _steps(begin + 1, end)]
        times += [(t, off) for t in _steps(end, end + after)]
        return self.observers(times)

    def archive(
        self,
        seconds: Sequence[float],
        camera: str = "camsci1",
        role: str = "icc",
        shape: tuple[int, int, int] = (1, 6, 8),
        dtype: str = "u2",
        numbers: Sequence[int] | None = None,
        **coding: int,
    ) -> Path:
        """Write a raw archive with a frame at each instant."""
        path = self.place(role, "rawimages", camera, seconds[0], "xrif")
        write(path, self.images(len(seconds), shape, dtype), timing(seconds, numbers), **coding)
        return path

    def images(self, frames: int, shape: tuple[int, int, int] = (1, 6, 8), dtype: str = "u2") -> NDArray[Any]:
        """Return some images, others every time."""
        self.seed += 1
        values = np.random.default_rng(self.seed).integers(0, 60000, (frames, *shape))
        return values.astype(dtype)

    def camera_telemetry(
        self, begin: float, end: float, camera: str = "camsci1", role: str = "icc", exptime: float = 0.5
    ) -> Path:
        """Write a camera's own telemetry, every ten seconds."""
        said = {
            "mode": "default",
            "roi": {"xcen": 511.5, "ycen": 511.5, "w": 8, "h": 6, "xbin": 1, "ybin": 1},
            "exptime": exptime,
            "fps": 1 / exptime,
            "emGain": 5.0,
            "tempCtrl": {"temp": -40.1, "setpt": -40.0, "status": True, "ontarget": True, "statusStr": "ON"},
            "shutter": {"statusStr": "OPEN", "state": 1},
        }
        return self.telemetry(camera, "telem_stdcam", [(t, said) for t in _steps(begin, end)], role)

    def telescope_telemetry(self, begin: float, end: float) -> None:
        """Write the telescope's telemetry: linear in time, so that every value between can be told."""
        said = []
        for t in _steps(begin, end):
            position = {
                "epoch": 2000.0,
                "ra": 86.82,
                "dec": -51.07,
                "el": 60.0 + t / 1000,
                "ha": 1.0,
                "am": 1 + t / 1e4,
            }
            said.append(record(at(t), "telem_telpos", position))
            said.append(record(at(t), "telem_teldata", {"tracking": 1, "pa": (179.99 + t / 100 + 180) % 360 - 180}))
            said.append(record(at(t), "telem_telcat", {"catObj": "beta Pic", "catRa": 86.82, "catDec": -51.07}))
        self.place("aoc", "telem", "tcsi", begin, "bintel").write_bytes(b"".join(said))


def timing(seconds: Sequence[float], numbers: Sequence[int] | None = None) -> NDArray[np.uint64]:
    """Return the timing of frames at some instants, each written a millisecond later."""
    rows = [
        (number, *divmod(at(t), NS_PER_S), *divmod(at(t) + 1_000_000, NS_PER_S))
        for number, t in zip(numbers or range(1000, 1000 + len(seconds)), seconds, strict=True)
    ]
    return np.array(rows, np.uint64)


def _steps(begin: float, end: float) -> list[float]:
    return [float(t) for t in np.arange(begin, end, 10.0)] + ([end] if (end - begin) % 10 == 0 else [])


def configure(folder: Path, **export: Any) -> Path:
    """Write a configuration whose only instrument is the shipped MagAO-X; `export` changes keys of its section."""
    config = folder / "config"
    (config / "instruments.d").mkdir(parents=True)
    hosts: dict[str, Any] = {name: {"local": True} for name in ("aoc", "icc", "rtc", "exao6")}
    site = {"site": "Las Campanas", "timezone": "America/Santiago", "hosts": hosts}
    (config / "site.yaml").write_text(yaml.safe_dump(site))
    shipped = (REPOSITORY / "instruments.d" / "magaox.yaml").read_text()
    if export:
        declared = yaml.safe_load(shipped)
        declared["export"] |= export
        shipped = yaml.safe_dump(declared, sort_keys=False)
    (config / "instruments.d" / "magaox.yaml").write_text(shipped)
    return config


def files_below(folder: Path, endings: Iterable[str] = (".fits",)) -> list[str]:
    """Return the paths of files below a folder, relative to it, our own folder left out."""
    walked = os.walk(folder)  # which a folder that vanishes meanwhile does not trouble
    found = (Path(inside) / name for inside, _, names in walked for name in names)
    wanted = (path for path in found if path.suffix in endings and ".nightferry" not in path.parts)
    return sorted(path.relative_to(folder).as_posix() for path in wanted)
