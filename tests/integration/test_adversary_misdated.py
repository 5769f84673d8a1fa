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
