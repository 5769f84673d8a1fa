"""Files whose names tell another night than the folder they lie in: each is in some night that is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.observatory import dome_and_archive, fits_file, tree


@pytest.mark.parametrize("stamp", ["19700101T000000", "20000101T003000", "20380119T031408"])
@pytest.mark.parametrize("archive_layout", ["%Y%m%d", "%Y/%m%d"])
def test_frames_of_a_camera_whose_clock_began_anew_are_missed_carried_and_proven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stamp: str, archive_layout: str
) -> None:
    """They lie in last night's folder, which counts UT dates; nobody carried them, and run said that all is well."""
    site = dome_and_archive(tmp_path, capsys)
    copies = [site.copy("dome"), site.copy("archive", layout=archive_layout)]
    site.declare(layout="%Y%m%d", night_in_name=r"SHA_(?P<utc>\d{8}T\d{6})", copies=copies)
    night = night_text(site.night(1))
    for name in (f"SHA_{night}T200000.fits", f"SHA_{stamp}.fits"):
        site.put("dome", f"{night}/{name}", fits_file())
    assert len(site.call("verify", "--json").hop["missing"]) == 2
    assert site.call("sync", "-d", night).status == 0
    answer = site.call("run", "--json")
    assert (answer.status, answer.hop["compared"]) == (0, 2)
    assert sorted(tree(site.root("dome")).values()) == sorted(tree(site.root("archive")).values())


@pytest.mark.parametrize("command", ["verify", "sync", "run"])
def test_what_an_open_night_lacked_is_not_forgotten_when_nights_begin_at_another_hour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Its flats of the afternoon are the proven night's before it by now, and no window held that one any more."""
    site = dome_and_archive(tmp_path, capsys)
    settings = {"layout": None, "night_in_name": r"SHA_(?P<utc>\d{8}T\d{6})"}
    copies = [site.copy(name) for name in ("dome", "archive")]
    site.declare(copies=copies, **settings)
    for back in range(18, 23):
        for hour in (13, 22):  # UTC, two hours behind the dome
            site.put("dome", f"SHA_{night_text(site.night(back))}T{hour}0000.fits", fits_file())
    assert site.call("run", "-n", "30").status == 0
    flat = f"SHA_{night_text(site.night(20))}T130000.fits"
    site.path("archive", flat).unlink()
    assert site.call("verify", "-n", "30").status == 1
    site.declare(copies=copies, rollover="18:00", **settings)
    told = site.call(command, "--json")
    if command == "verify":
        assert (told.status, told.hop["missing"]) == (1, [flat])
        assert site.call(command, "--json").hop["missing"] == [flat]
    else:
        assert site.path("archive", flat).is_file()
