"""A night of VAMPIRES through all of its steps, by the command: what arrives at the end, and that nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import vampires
from tests.cubes import NIGHT
from tests.observatory import Observatory, tree


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A site with one machine: this one."""
    observatory = Observatory(tmp_path / "site", [], capsys)
    observatory.add_local("sc5")
    vampires.declare(observatory)
    return observatory


def test_a_night_goes_through_all_steps_and_loses_no_frame(site: Observatory) -> None:
    """Every frame of both cameras is in exactly one packed cube; what arrived lies there as it was."""
    night = vampires.night(site, jitter_us=500, offset_us=600)
    night.expose("10:20:00", 400)
    night.expose("23:59:59.8", 300)
    night.expose("12:00:00", 60, EXTTRIG=False)
    before = tree(night.folder)
    answer = vampires.convert(site)
    assert answer.status == 0, answer.out + answer.err
    after = tree(night.folder)
    assert {path: after.get(path) for path in before} == before
    assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1)
    made = sorted(set(after) - set(before))
    ids = [path for path in made if path.endswith(".fits.fz")]
    assert [Path(path).name for path in ids] == [f"VMPA{425199 + place:08d}.fits.fz" for place in range(len(ids))]
    others = [path for path in made if not re.fullmatch(r"vgen2/VMPA[0-9]{8}\.(fits\.fz|txt)", path)]
    assert others == [
        f"manifest_VMP_{vampires.DATE}.csv",
        *(f"summary_{vampires.DATE}.{ending}" for ending in ("json", "svg", "txt")),
        f"syncdeint_{vampires.DATE}.json",
        "vgen2/name_changes.txt",
    ]
    again = vampires.convert(site)
    assert again.status == 0, again.out + again.err
    assert tree(night.folder) == after
    assert NIGHT.year == 2025
