"""Configuration folders for the tests of the specification, written from short texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.errors import SpecificationError
from observatory.spec.load import load
from observatory.spec.models import StepSection

SITE = """\
site: Sutherland
timezone: Africa/Johannesburg
hosts:
  sha: {address: sha.suth.saao.ac.za}
  astro.suth: {address: astro.suth.saao.ac.za}
  astro.cape: {address: astro.cape.saao.ac.za}
"""
INSTRUMENT = """\
instrument: NAME
layout: "%Y/%m%d"
cameras:
  NAME: {files: ["NAME_*.fits"]}
copies:
  - {host: sha, root: /data/74in/NAME}
  - {host: astro.suth, root: /data/telescopedata/74in/NAME}
"""


class CommandSection(StepSection):
    """A step as a converter declares it."""

    run: tuple[str, ...]
    keep: bool = False


def instrument(name: str = "sha", **changes: str) -> str:
    """Return an instrument's text; a change replaces, or adds, the line or lines of a key at the top."""
    text = INSTRUMENT.replace("NAME", name)
    for key, value in changes.items():
        lines = text.splitlines()
        start = next((at for at, line in enumerate(lines) if line.startswith(f"{key}:")), len(lines))
        end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith(" ")), len(lines))
        lines[start:end] = [f"{key}: {value}"] if value else []
        text = "\n".join(lines) + "\n"
    return text


def write(folder: Path, site: str = SITE, **instruments: str) -> Path:
    """Write a configuration folder; without instruments it has one, sha."""
    (folder / "instruments.d").mkdir(parents=True, exist_ok=True)
    (folder / "site.yaml").write_text(site, encoding="utf-8")
    for name, text in (instruments or {"sha": instrument()}).items():
        (folder / "instruments.d" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path) -> list[str]:
    """Load a folder that must be refused; return its problems with file names relative to the folder."""
    with pytest.raises(SpecificationError) as refused:
        load(folder, step_models={"command": CommandSection})
    return [str(problem).removeprefix(f"{folder}/") for problem in refused.value.problems]
