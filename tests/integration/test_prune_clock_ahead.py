"""A machine that starts with a clock months ahead frees no young night, whatever its copies prove by that clock."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import need
from tests.observatory import Observatory
from tests.retention import RETENTION, chain_of_three

OLD, YOUNG = 70, 2


def ahead(site: Observatory, *words: str) -> str:
    """Call a command by a clock that is ninety days ahead; return what it said."""
    program = need(shutil.which("faketime"), "faketime")
    called = subprocess.run([program, "-f", "+90d", *site.command(*words)], check=False, capture_output=True, text=True)
    assert called.returncode == 0, called
    return called.stdout


def test_a_young_night_is_kept_by_the_runs_that_saw_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every copy lies here, so that no other clock contradicts; the one that was old before goes."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION | {"keep_nights": 60})
    for night in (OLD, YOUNG):
        site.expose(["dome"], (1, 2), night)
    nights = [night_text(site.night(night)) for night in (OLD, YOUNG)]
    asked = [word for night in nights for word in ("-d", night)]
    site.fill(*asked)
    (site.state / "clock.json").unlink(missing_ok=True)  # it was off meanwhile: nothing tells how long
    ahead(site, "verify", "--level", "checksum", *asked)
    said = ahead(site, "prune", "--yes")
    assert f"{nights[0]}: 2 files" in said
    assert "kept for 60 nights: they are over by this machine's clock, and not by the runs since" in said
    left = sorted(path.name[4:12] for path in site.root("dome").rglob("*.fits"))
    assert left == [nights[1]] * 2
