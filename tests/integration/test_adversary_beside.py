"""Frames beside the nights: in `1120b`, which somebody made by hand, or in the year's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Answer, Observatory, dome_and_archive, fits_file, folder_of

BESIDE = "beside the nights"


@pytest.fixture(params=["here", "over ssh", "sftp alone"])
def site(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An instrument computer with one good night, on this machine or another, and an archive here that holds it."""
    if request.param == "here":
        made = dome_and_archive(tmp_path, capsys)
    else:
        far: Host = request.getfixturevalue("observer_host" if request.param == "over ssh" else "sftp_host")
        made = Observatory(tmp_path, (far,), capsys)
        made.add_local("archive")
        made.declare(copies=[made.copy(far), made.copy("archive")])
        made.mark("archive")
    made.expose([dome(made), "archive"], range(3))
    return made


def dome(site: Observatory) -> Host | str:
    """Return the instrument's computer."""
    return site.hosts[0] if site.hosts else "dome"


def told(answer: Answer) -> list[str]:
    """Return the lines that speak of files beside the nights."""
    assert answer.status == 0, answer
    return [line for line in answer.out.splitlines() if BESIDE in line]


@pytest.mark.parametrize("command", ["verify", "run"])
@pytest.mark.parametrize("name", ["{}b", "old_{}"])
def test_a_folder_that_is_called_like_a_night_is_told(site: Observatory, command: str, name: str) -> None:
    """Its frames were on no archive, and every command said ok; until they are put right or the night is accepted."""
    assert told(site.call(command, "-q")) == []
    year, night = folder_of(site.night(1)).split("/")
    stray = f"{year}/{name.format(night)}/cam/SHA_9.fits"
    site.put(dome(site), stray, fits_file())
    site.put(dome(site), f"{year}/{name.format(night)}/notes.txt", b"seeing 2.1")
    (line,) = told(site.call(command, "-q"))
    assert f"1 file lies {BESIDE}, where layout names no folder, such as {stray}: nobody carries or compares" in line
    assert f"accept -i sha -d {night_text(site.night(1))}" in line
    assert site.call("accept", "-i", "sha", "-d", night_text(site.night(1)), "--reason", "tests").status == 0
    assert told(site.call(command)) == []


def test_a_frame_in_the_years_folder_is_told(site: Observatory) -> None:
    """The telescope's software had no folder for the night."""
    stray = f"{site.night(1):%Y}/SHA_9.fits"
    path = site.put(dome(site), stray, fits_file())
    (line,) = told(site.call("run"))
    assert f"such as {stray}" in line
    assert "accept" not in line
    path.unlink()
    assert told(site.call("run")) == []


def test_what_is_of_no_camera_or_of_another_layout_is_no_stray(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logs, calibrations, the folders of another instrument below the same root, and the night that it is now."""
    site = dome_and_archive(tmp_path, capsys)
    root = [{"host": name, "root": str(site.root(name))} for name in ("dome", "archive")]
    cameras = {"sha": {"files": ["SHA_*.fits"]}, "dark": {"files": ["*"], "nights": "none"}}
    site.declare(cameras=cameras, copies=root)
    site.declare("other", layout="%Y/%m%db", cameras={"o": {"files": ["SHA_*.fits"]}}, copies=root)
    site.expose(["dome", "archive"], range(3))
    night = folder_of(site.night(1))
    for host in ("dome", "archive"):
        for beside in (f"{night}b/SHA_1.fits", f"{night}c/notes.txt", f"{night[:4]}/flats/SHA_1.fits", "dark/1.fits"):
            site.put(host, beside, fits_file())
    site.put("dome", f"{folder_of(site.night(0))}c/SHA_1.fits", fits_file())
    assert told(site.call("verify")) == []
    site.put("dome", f"{night}c/SHA_1.fits", fits_file())
    assert len(told(site.call("verify"))) == 1
