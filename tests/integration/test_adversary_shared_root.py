"""Two instruments below one root of an archive: what one of them does there leaves the other's files alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from nightferry.runs import Run
from nightferry.workplace import Workplace
from observatory.nights import STAMP_FORMAT
from observatory.truth import State
from tests.observatory import OLD_S, Observatory, fits_file, folder_of, ours

DAY = dt.timedelta(days=1)


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """One keeps what it sets aside for thirty days, the other for one; runs went on for weeks."""
    made = Observatory(tmp_path, (), capsys)
    for name in ("dome", "archive"):
        made.add_local(name)
    both = made.copy("archive", "both")
    brief = both | {"retention": {"keep_nights": 60, "copies": 1, "set_aside_days": 1}}
    made.declare("sha", copies=[made.copy("dome", "sha"), both])
    made.declare("shb", copies=[made.copy("dome", "shb"), brief])
    made.mark("archive", "both")
    for name in ("sha", "shb"):
        made.mark("dome", name)
    with Workplace.at(made.config) as workplace:
        for back in range(60, 0, -1):
            run = Run(workplace, "run", ["sha", "shb"])
            run.started_utc -= back * DAY
            run.finish(State.OK)
    return made


def grown(older: Observatory, name: str) -> None:
    """Let a frame be carried, grow and be carried again; what was set aside for it is made three days older."""
    path = f"{folder_of(older.night(1))}/{name.upper()}_1.fits"
    for pixels in (100, 9000):
        older.put("dome", path, fits_file(pixels), age_s=OLD_S - pixels, instrument=name)
        assert older.call("sync", "-i", name).status == 0
    (aside,) = (older.root("archive", "both") / ".nightferry/replaced").iterdir()
    stamp = dt.datetime.strptime(aside.name, STAMP_FORMAT) - 3 * DAY
    aside.rename(aside.with_name(stamp.strftime(STAMP_FORMAT)))


@pytest.mark.parametrize("command", ["sync", "run"])
def test_what_one_instrument_set_aside_another_does_not_remove_sooner(site: Observatory, command: str) -> None:
    """Its own days are over after one; the frame that was replaced is kept for thirty."""
    grown(site, "sha")
    held = ours(site.root("archive", "both"))
    assert site.call(command, "-i", "shb").status == 0
    assert ours(site.root("archive", "both")) == held


def test_alone_it_is_removed_when_its_days_are_over(site: Observatory) -> None:
    """Nobody else keeps files there any more."""
    grown(site, "shb")
    (site.config / "instruments.d" / "sha.yaml").unlink()
    assert site.call("sync").status == 0
    assert ours(site.root("archive", "both")) == ["root"]
