"""What changes behind a look, or between two: files that others bring late, and that come while a verify reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nightferry.hop_verify import VerifyWishes
from nightferry.runs import Run
from nightferry.selection import Asked
from nightferry.verifying import verify
from nightferry.workplace import Workplace
from observatory.nights import night_text
from tests.observatory import Observatory, fits_file


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Three folders of this machine, all marked."""
    observatory = Observatory(tmp_path, (), capsys)
    for name in ("dome", "archive", "cape"):
        observatory.add_local(name)
        observatory.copy(name)
        observatory.mark(name)
    return observatory


def test_what_others_bring_late_into_an_old_night_goes_on_to_the_next_copy(site: Observatory) -> None:
    """The next hop had proven what there was, and would never look so far back again."""
    site.declare(copies=[site.copy("dome"), site.copy("archive", fill="external"), site.copy("cape")])
    old = night_text(site.night(20))
    early, late = site.expose(["dome"], [1, 2], back=20)
    site.put("archive", early, fits_file(seed=1))
    assert site.call("sync", "-d", old).status == 0
    assert site.call("verify", "-d", old, "--json").document["hops"][1]["state"] == "ok"
    site.put("archive", late, fits_file(seed=2))
    waits = site.call("verify", "--json")
    assert (waits.status, waits.document["hops"][1]["missing"]) == (1, [late])
    assert site.call("sync").status == 0
    assert site.path("cape", late).is_file()


KILLED_BEHIND_ITS_BACK = """
import os, sys
from catalogue.ledger import Ledger
from nightferry.cli.main import main
Ledger.record_moved = lambda *given: os._exit(9)
sys.exit(main(sys.argv[1:]))
"""


def test_what_a_killed_run_brought_into_a_proven_night_goes_on(site: Observatory) -> None:
    """It came to the first archive, and nobody was left to say so; no window holds that night by itself."""
    site.declare(copies=[site.copy("dome"), site.copy("archive"), site.copy("cape")])
    old = night_text(site.night(20))
    site.expose(["dome", "archive", "cape"], [1], back=20)
    assert site.call("verify", "-d", old).status == 0
    (late,) = site.expose(["dome"], [2], back=20)
    words = [sys.executable, "-c", KILLED_BEHIND_ITS_BACK, "--config", str(site.config), "sync", "-d", old]
    assert subprocess.run(words, check=False, capture_output=True).returncode == 9
    assert [site.path(name, late).is_file() for name in ("archive", "cape")] == [True, False]
    assert site.call("sync").status == 0
    assert site.path("cape", late).is_file()


def test_a_night_that_grows_while_it_is_read_is_not_proven_by_that(site: Observatory) -> None:
    """Another look saw what came meanwhile, and that it was not there; the one that reads never listed it."""
    site.declare(copies=[site.copy("dome"), site.copy("archive")])
    site.expose(["dome", "archive"], [1], back=20)
    asked = Asked(dates=(night_text(site.night(20)),))
    came: list[str] = []

    def meanwhile(_hop: object, _files: int) -> None:
        if not came:
            came.extend(site.expose(["dome"], [2], back=20))
            assert site.call("verify", "-d", *asked.dates).status == 1

    with Workplace.at(site.config) as workplace:
        run = Run(workplace, "verify", ["sha"])
        (verdict,) = verify(workplace, run, asked, VerifyWishes(level="checksum", progress=meanwhile))
        assert verdict.compared == 1
    later = site.call("verify", "--json")
    assert (later.status, later.hop["missing"]) == (1, came)
