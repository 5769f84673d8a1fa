"""Instruments that share a folder do not call each other's files unrecognised; strangers' files stay so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from nightferry.neighbours import with_neighbours
from nightferry.selection import Asked, hops_asked, scope_asked
from nightferry.workplace import Workplace
from observatory.endpoints.selections import groups_of
from observatory.names import Match
from tests.unit.spec.folders import instrument, write

FOLDER = b"2016/0907"
NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
SHARED = "\n  - {host: sha, root: /data}\n  - {host: astro.suth, root: /archive}"
CAMERAS = '\n  shb: {files: ["SHB_*.fits"], exclude: ["SHB_test*"]}'


def matches(folder: Path, other: str, *names: bytes) -> list[Match]:
    """Return what a look for sha in a night's folder makes of some names, beside another instrument."""
    write(folder, sha=instrument("sha", copies=SHARED, cameras='\n  sha: {files: ["SHA_*.fits"]}'), shb=other)
    with Workplace.at(folder, lambda: NOW) as workplace:
        asked = Asked(instruments=("sha",), dates=("20160907",))
        (hop,) = hops_asked(workplace, asked)
        scope = scope_asked(workplace, asked, hop)
        (group,) = groups_of(scope.source.request.selections)
        assert group.folders == (FOLDER,)
        return [group.matcher()(name) for name in names]


def test_what_another_instrument_takes_in_a_shared_folder_is_known(tmp_path: Path) -> None:
    """What it takes and what it excludes; not what neither names."""
    other = instrument("shb", copies=SHARED, cameras=CAMERAS)
    names = (b"SHA_1.fits", b"SHB_1.fits", b"SHB_test.fits", b"deep/SHB_2.fits", b"notes.txt")
    assert matches(tmp_path, other, *names) == ["taken", "excluded", "excluded", "excluded", "unrecognised"]


def test_an_instrument_elsewhere_vouches_for_nothing(tmp_path: Path) -> None:
    """On another host, below another root, or in other folders of the same one: its files do not belong there."""
    for number, (copies, layout) in enumerate(
        (
            (SHARED.replace("host: sha", "host: astro.cape"), '"%Y/%m%d"'),
            (SHARED.replace("/data", "/data/shb"), '"%Y/%m%d"'),
            (SHARED, '"shb/%Y/%m%d"'),
        )
    ):
        other = instrument("shb", copies=copies, layout=layout, cameras=CAMERAS)
        assert matches(tmp_path / str(number), other, b"SHA_1.fits", b"SHB_1.fits") == ["taken", "unrecognised"]


def test_without_neighbours_the_question_is_the_same(tmp_path: Path) -> None:
    """Nothing is asked that was not asked before."""
    with Workplace.at(write(tmp_path), lambda: NOW) as workplace:
        asked = Asked(dates=("20160907",))
        scope = scope_asked(workplace, asked, hops_asked(workplace, asked)[0])
        assert with_neighbours(workplace, scope) is scope
        assert len(scope.source.request.selections) == 1
