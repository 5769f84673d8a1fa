"""The instrument of two cameras on one trigger, for tests: declared, exposed, and taken through its steps.

Leaves to each test what is expected. Frames are told apart by what cubes.py wrote into their first pixels.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.cubes import NIGHT, Night, frames_of
from tests.observatory import Observatory, Settings

DATE = f"{NIGHT:%Y%m%d}"
NAME = "vampires"
STEPS: list[Settings] = [
    {"step": "syncdeint"},
    {"step": "summary"},
    {"step": "consolidate"},
    {"step": "fix-headers"},
    {"step": "frame-ids", "series": "VMPA", "first": 425199},
    {"step": "compress"},
    {"step": "manifest", "root": "/mnt/tier1/2_ARCHIVED_DATA"},
]


def declare(observatory: Observatory, steps: list[Settings] | None = None, **settings: Any) -> None:
    """Declare the instrument; its steps work on the copy on this machine."""
    stream = {"companions": ["{stem}.txt"]}
    keys: Settings = {
        "layout": "%Y%m%d",
        "rollover": "utc",
        "cameras": {
            "vcam1": {"files": ["vcam1/vcam1_*.fits"]} | stream,
            "vcam2": {"files": ["vcam2/vcam2_*.fits"]} | stream,
            "vgen2": {"files": ["vgen2/*.fits.fz", "vgen2/*.fits", "vgen2/*.txt"]},
            "paperwork": {"files": ["manifest_VMP_*.csv", "syncdeint_*.json", "summary_*"]},
        },
        "copies": [observatory.copy("sc5", NAME)],
        "convert": {"workers": 2, "steps": [{"copy": "sc5"} | step for step in (STEPS if steps is None else steps)]},
    }
    observatory.declare(NAME, **(keys | settings))


def night(observatory: Observatory, folder: str = DATE, **settings: Any) -> Night:
    """Return the night of the two cameras, on the copy on this machine."""
    return Night(observatory.path("sc5", folder, NAME), **settings)


def convert(observatory: Observatory, *words: str) -> Any:
    """Call `convert` for the night."""
    return observatory.call("convert", "-i", NAME, "-d", DATE, *words)


def frames_in(folder: Path) -> Counter[tuple[int, int]]:
    """Return how often every frame of a night is in the cubes of ``vgen2``."""
    found: Counter[tuple[int, int]] = Counter()
    for path in sorted((folder / "vgen2").glob("*.fits*")):
        found.update(frames_of(path))
    return found
