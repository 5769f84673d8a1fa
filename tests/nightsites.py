"""An observatory whose instrument goes through the steps of tests/nightsteps.py, named by an entry point.

The first copy lies on this machine, the second on a real SSH host.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Observatory

STEPS = ("gather", "stamp", "number", "pack", "list")


def install_steps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that names the steps, as pip would leave it on the disk."""
    metadata = folder / "night_steps_of_ours-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: night-steps-of-ours\nVersion: 1.0\n")
    points = "\n".join(f"{name} = tests.nightsteps:{name.capitalize()}" for name in STEPS)
    (metadata / "entry_points.txt").write_text(f"[nightferry.steps]\n{points}\n")
    monkeypatch.syspath_prepend(str(folder))


def declare(site: Observatory, *steps: dict[str, Any], after: str | None = None, **settings: Any) -> None:
    """Declare the instrument: two cameras in one folder, raw on this machine, products carried on after a step."""
    here, far = site.copy("here", "vamp"), site.copy(site.hosts[0], "vamp")
    given = {step["step"]: step for step in steps}
    declared = [given.get(name, {"step": name}) | {"copy": "here"} for name in STEPS]
    cameras = {
        "cam1": {"files": ["cam1/*.raw"], "companions": ["{stem}.txt"]},
        "cam2": {"files": ["cam2/*.raw"], "companions": ["{stem}.txt"]},
        "made": {"files": ["made/*"]},
    }
    copies = [here, far | ({"after": after} if after else {})]
    defaults = {
        "copies": copies, "layout": "%Y%m%d", "cameras": cameras, "convert": {"workers": 2, "steps": declared}
    }  # fmt: skip
    site.declare("vamp", **(defaults | settings))


def expose(site: Observatory, back: int = 1, lines: str = "one\ntwo\nbad\n", on: str = "here") -> dt.date:
    """Make a night of two raw files a camera with their companions."""
    night = site.night(back)
    for camera in ("cam1", "cam2"):
        for number in (1, 2):
            name = f"{night_text(night)}/{camera}/f{number}"
            site.put(on, f"{name}.raw", f"{camera} {number}\n{lines}".encode(), instrument="vamp")
            site.put(on, f"{name}.txt", b"times\n", instrument="vamp")
    return night


def night_site(
    tmp_path: Path, host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Observatory:
    """Give the observatory, nothing declared yet."""
    install_steps(tmp_path / "packages", monkeypatch)
    site = Observatory(tmp_path, [host], capsys)
    site.add_local("here")
    return site


def made(site: Observatory, night: dt.date) -> list[str]:
    """Return what steps have made of a night on this machine."""
    return sorted(path.name for path in (site.root("here", "vamp") / night_text(night) / "made").glob("*"))
