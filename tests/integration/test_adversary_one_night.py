"""Two nights that are one folder on the archive, by a link from the one to the other: a file there is not two.

Of cameras that number anew each night, one night's frames bear the other's names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import Observatory, dome_and_archive, fits_file, folder_of, tree

DAY_S = 86400.0


@pytest.fixture(params=["here", "far"])
def site(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An instrument computer and an archive, here and over ssh; frames bear numbers alone."""
    if request.param == "here":
        made = dome_and_archive(tmp_path, capsys)
        made.declare(cameras={"sha": {"files": ["*.fits"]}}, copies=[made.copy("dome"), made.copy("archive")])
        return made
    three: tuple[Host, Host, Host] = request.getfixturevalue("three_hosts")
    made = Observatory(tmp_path, three[:2], capsys)
    made.declare(cameras={"sha": {"files": ["*.fits"]}})
    made.mark(three[1])
    return made


def ends(site: Observatory) -> tuple[Host | str, Host | str]:
    """Return the two copies."""
    return (site.hosts[0], site.hosts[1]) if site.hosts else ("dome", "archive")


def shot(site: Observatory, back: int, seed: int, below: str = "") -> str:
    """Take frame 1 of a night; every one is of the same size."""
    relative = f"{folder_of(site.night(back))}/{below}1.fits"
    site.put(ends(site)[0], relative, fits_file(seed=seed), age_s=back * DAY_S)
    return relative


def link(site: Observatory, back: int, to: int) -> Path:
    """Make one night's folder on the archive a link to another's."""
    path = site.path(ends(site)[1], folder_of(site.night(back)))
    path.symlink_to(Path(folder_of(site.night(to))).name)
    return path


@pytest.mark.parametrize("below", ["", "cam1/"])
def test_a_frame_does_not_take_the_place_of_another_nights(site: Observatory, below: str) -> None:
    """It was set aside, and sync, verify and run called both nights well, with one of the two on the archive."""
    source, archive = ends(site)
    first = shot(site, 2, 1, below)
    assert site.call("sync").status == 0
    held = tree(site.root(archive))
    way = link(site, 1, 2)
    second = shot(site, 1, 2, below)
    for _ in range(2):
        told = site.call("verify", "--json")
        assert (told.status, told.hop["unreadable"][0]["path"], told.hop["not_comparable"]) == (3, second, 1)
        assert f"is that of {first} as well" in told.hop["unreadable"][0]["reason"]
        kept = site.call("sync", "--json")
        assert (kept.status, [one["path"] for one in kept.hop["failed"]]) == (1, [second])
        assert tree(site.root(archive)) == held
    way.unlink()
    assert site.call("sync").status == 0
    assert site.call("verify", "--level", "checksum").status == 0
    assert tree(site.root(archive)) == tree(site.root(source))


def test_of_two_that_are_brought_at_once_one_is_missed(site: Observatory) -> None:
    """Also by the next verify, which finds a file of the right size in both places."""
    shot(site, 2, 1)
    shot(site, 1, 2)
    site.path(ends(site)[1], folder_of(site.night(2))).mkdir(parents=True)
    link(site, 1, 2)
    assert site.call("sync").status == 1
    for command in ("verify", "run"):
        assert site.call(command).status == 3, command


@pytest.mark.parametrize("level", ["size", "structure"])
def test_a_night_that_is_older_than_the_window_lends_its_frames_to_no_other(site: Observatory, level: str) -> None:
    """Nobody looks at that night, and by size and whole by its headers its frame was the other one's, too."""
    source, archive = ends(site)
    site.put(archive, f"{folder_of(site.night(30))}/1.fits", fits_file(seed=1), age_s=30 * DAY_S)
    second = shot(site, 1, 2)
    way = site.path(archive, folder_of(site.night(1)))
    way.parent.mkdir(parents=True, exist_ok=True)
    way.symlink_to(site.path(archive, folder_of(site.night(30))))
    told = site.call("verify", "--level", level, "--json")
    assert (told.status, told.hop["checksum_differs"]) == (1, [second])
    site.put(archive, f"{folder_of(site.night(30))}/1.fits", site.path(source, second).read_bytes(), age_s=30 * DAY_S)
    assert site.call("verify", "--level", level).status == 0


def test_a_night_that_is_the_same_folder_on_both_sides_is_well(site: Observatory) -> None:
    """Somebody links a night and carries the link, too: there are as many files as here."""
    source, archive = ends(site)
    shot(site, 2, 1)
    assert site.call("sync").status == 0
    for copy in (source, archive):
        site.path(copy, folder_of(site.night(1))).symlink_to(Path(folder_of(site.night(2))).name)
    for command in ("verify", "sync", "run"):
        assert site.call(command).status == 0, command


def test_a_link_that_no_other_file_needs_is_well(site: Observatory) -> None:
    """An archive may keep its years elsewhere below its root."""
    archive = ends(site)[1]
    year = f"{site.night(2):%Y}"
    site.path(archive, "disk2/" + year).mkdir(parents=True)
    site.path(archive, year).symlink_to(f"disk2/{year}")
    shot(site, 2, 1)
    shot(site, 1, 2)
    for command in ("sync", "verify", "run"):
        assert site.call(command).status == 0, command
