"""Exposures of several cameras, each with a folder of its own in the night and files of the same names in it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.observatory import Observatory, fits_file

CAMERAS = {name: {"files": ["*.fits", "*.sha256sum"]} for name in ("blue", "red")}


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Give three roots on this machine."""
    made = Observatory(tmp_path, [], capsys)
    for name in ("dome", "shed", "archive"):
        made.add_local(name)
    return made


def declare(site: Observatory, copies: list[dict[str, Any]], **rules: Any) -> None:
    """Declare two cameras whose files make one exposure."""
    catalogue = {"exposure": r"(?P<exposure>[0-9]+)\..*"} | rules
    site.declare("sha", layout="%Y%m%d/{camera}", cameras=CAMERAS, copies=copies, catalogue=catalogue)
    for copy in copies:
        site.mark(copy["host"])


def put(site: Observatory, host: str, camera: str, name: str, content: bytes) -> Path:
    """Write one file of the last night."""
    return site.put(host, f"{site.night():%Y%m%d}/{camera}/{name}", content)


def exposure(site: Observatory) -> tuple[bool, str | None]:
    """Fill the catalogue and return whether its one exposure is written, and what it waits for."""
    site.call("catalogue")
    (one,) = site.call("exposures", "--json").document["exposures"]
    return one["data_written"], one["waits_for"]


@pytest.mark.parametrize(("hosts", "damaged"), [(["dome"], None), (["dome", "archive"], "red")])
def test_a_file_of_one_camera_does_not_hide_that_of_another(
    site: Observatory, hosts: list[str], damaged: str | None
) -> None:
    """They were one to it: a damaged one was passed over, and of a whole one no copy was said to be left."""
    declare(site, [site.copy("dome"), site.copy("archive")])
    for host in hosts:
        for number, camera in enumerate(CAMERAS):
            content = fits_file(seed=number)
            put(site, host, camera, "0001.fits", content[:-2880] if camera == damaged else content)
    is_written, waits_for = exposure(site)
    assert is_written == (damaged is None)
    assert ("promises a file of" in str(waits_for)) == (damaged is not None)


def test_a_list_of_sums_means_the_files_beside_it(site: Observatory) -> None:
    """Each camera's own, of the same names."""
    declare(site, [site.copy("dome"), site.copy("archive")], complete={"manifest": {"files": ["{exposure}.sha256sum"]}})
    paths = {}
    for number, camera in enumerate(CAMERAS):
        content = fits_file(seed=number)
        paths[camera] = put(site, "dome", camera, "0001.fits", content)
        listed = f"{hashlib.sha256(content).hexdigest()}  0001.fits\n"
        put(site, "dome", camera, "0001.sha256sum", listed.encode())
    assert exposure(site) == (True, None)
    put(site, "dome", "red", "0001.fits", paths["blue"].read_bytes())
    assert exposure(site) == (False, "0001.fits is not what 0001.sha256sum says")


def test_files_fetched_from_the_cameras_own_computers_do_not_replace_one_another(
    site: Observatory, tmp_path: Path
) -> None:
    """Below each computer's own folder of the exposure they were called alike: the last one came, and all was well."""
    first, second = site.copy("dome", cameras=["blue"]), site.copy("shed", cameras=["red"], origin=True)
    declare(site, [first, second, site.copy("archive", from_=["dome", "shed"])])
    made = {}
    for number, (host, camera) in enumerate((("dome", "blue"), ("shed", "red"))):
        for name in ("0001.fits", "0001.sha256sum"):
            made[f"{camera}/{name}"] = fits_file(seed=number) if name.endswith("fits") else camera.encode()
            put(site, host, camera, name, made[f"{camera}/{name}"])
    assert exposure(site) == (True, None)
    target = tmp_path / "fetched"
    assert site.call("fetch", "-i", "sha", "1", "--to", str(target)).status == 0
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == made


def test_without_an_expression_each_image_is_an_exposure_of_its_own(site: Observatory) -> None:
    """Of two that are called alike, in folders of two cameras, one was hidden by the other."""
    declare(site, [site.copy("dome"), site.copy("archive")], exposure=[])
    for number, camera in enumerate(CAMERAS):
        put(site, "dome", camera, "0001.fits", fits_file(seed=number))
    site.call("catalogue")
    found = site.call("exposures", "--json").document["exposures"]
    assert [(one["name"], one["expid"]) for one in found] == [("blue/0001.fits", 1), ("red/0001.fits", 1)]


def test_another_expression_is_applied_to_what_is_read_again(site: Observatory) -> None:
    """The night after it was changed ended in a traceback; now what it names anew takes the place of what it named."""
    copies = [site.copy("dome"), site.copy("archive")]
    declare(site, copies, exposure=[])
    for number, camera in enumerate(CAMERAS):
        put(site, "dome", camera, "0001.fits", fits_file(seed=number))
    site.call("catalogue")
    declare(site, copies)
    put(site, "dome", "red", "0002.fits", fits_file(seed=2))
    answer = site.call("catalogue")
    assert answer.status == 0, answer
    found = site.call("exposures", "--json").document["exposures"]
    assert [(one["name"], one["data_written"]) for one in found] == [("1", True), ("2", True)]
