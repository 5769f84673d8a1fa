"""The seed's own example on a drive laid out as the hand-carried one, with the installed command; and bundles of it.

``lookyloo -c camsci1 -c camwfs -t betaPic -p -s 2025B`` and a ``--data-root`` for each computer, letter by letter.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits

from converters.xrif import read
from nightferry.cli.main import main
from tests.magaox import EMAIL, Drive, configure, files_below, stamp
from tests.observatory import PROGRAM, Answer

PLACE = f"2025B/{EMAIL}/2025-12-02_235920_beta_Pic_20251202_betaPic_deep"


class Site:
    """A configuration, and calls of the command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = configure(folder)
        self._capsys = capsys

    def call(self, *words: str) -> Answer:
        """Call the command line in this process."""
        self._capsys.readouterr()
        status = main(["--config", str(self.config), *words])
        said = self._capsys.readouterr()
        return Answer(status, said.out, said.err)

    def process(self, *words: str, folder: Path) -> Answer:
        """Call the installed command in a folder."""
        ended = subprocess.run(
            [str(PROGRAM), "--config", str(self.config), *words],
            capture_output=True,
            text=True,
            timeout=100,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Answer(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    """A site whose only instrument is the shipped MagAO-X."""
    return Site(tmp_path, capsys)


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """A drive with two observations of the semester, one of them not asked for, and two cameras on two computers."""
    drive = Drive(tmp_path / "mnt" / "backup")
    drive.observe(-500, -400, title="lab flats", target="")
    drive.observe(20, 100)
    for camera, role, exptime in (("camsci1", "icc", 0.5), ("camwfs", "rtc", 0.001)):
        drive.camera_telemetry(-600, 140, camera, role, exptime)
        drive.archive([-480, -470], camera, role)
    drive.telescope_telemetry(-600, 140)
    drive.archive([15, 18, 21, 24])
    drive.archive([30, 40, 50, 60])
    drive.archive([65, 80, 99, 100, 105])
    drive.archive([30 + step / 500 for step in range(64)], "camwfs", "rtc", shape=(1, 12, 12))
    return drive


def test_the_seeds_example_exports_what_was_asked_for_and_all_of_it_is_whole(
    tmp_path: Path, site: Site, drive: Drive
) -> None:
    """Into the working directory, as there; opened by astropy; carried to an archive and verified by its structure."""
    output = tmp_path / "exported"
    output.mkdir()
    words = ["-c", "camsci1", "-c", "camwfs", "-t", "betaPic", "-p", "-s", "2025B", *drive.words]
    answer = site.process("export", *words, folder=output)
    assert answer.status == 0, answer

    expected = [f"{PLACE}/camsci1/camsci1_{stamp(t)}.fits" for t in (21, 24, 30, 40, 50, 60, 65, 80, 99)]
    expected += [f"{PLACE}/camwfs/camwfs_{stamp(30 + step / 500)}.fits" for step in range(64)]
    assert files_below(output) == sorted(expected)
    images = {path.name: read(path) for path in drive.folder.rglob("rawimages/*/*/*.xrif")}
    for path in expected:
        _check(output / path, images)
    _carry_and_verify(site, output, tmp_path / "archive")


def _check(path: Path, archives: dict[str, object]) -> None:
    """Open one product: sums hold, pixels are those of its frame, and its header says so."""
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        header, data = hdus[0].header, hdus[0].data
        name = next(line.split()[-1] for line in header["HISTORY"] if line.startswith("nightferry export of"))
        archive = archives[name]
        places = np.flatnonzero(archive.frame_numbers == header["FRAMENO"])  # type: ignore[attr-defined]
        assert (data == archive.images[int(places[0]), 0]).all()  # type: ignore[attr-defined]
        assert header["OBS-NAME"] == "20251202_betaPic_deep"
        assert header["CAMERA"] in path.name
        assert {"DATE-BEG", "DATE-AVG", "DATE-END", "EXPTIME", "MJD-AVG", "PARANG", "CHECKSUM"} <= set(header)


def _carry_and_verify(site: Site, output: Path, archive: Path) -> None:
    """Declare the products as an instrument, sync them elsewhere and verify; then damage one."""
    archive.mkdir()
    (output / ".nightferry" / "root").touch()  # it holds no night that could show that it is a root
    declared = {
        "instrument": "magaox-products",
        "layout": "%Y/%m%d",
        "settle_s": 0,
        "cameras": {"fits": {"files": ["*.fits"], "nights": "none", "layout": "2025B"}},
        "copies": [{"host": "aoc", "root": str(output)}, {"host": "exao6", "root": str(archive)}],
    }
    (site.config / "instruments.d" / "magaox-products.yaml").write_text(yaml.safe_dump(declared))
    chosen = ["-i", "magaox-products"]
    assert site.call("sync", *chosen, "--new-root", f"exao6:{archive}").status == 0
    verified = site.call("verify", *chosen, "--level", "structure", "--json")
    assert (verified.status, verified.hop["compared"], verified.hop["level"]) == (0, 73, "structure")
    victim = archive / files_below(archive)[0]
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    os.utime(victim, (output / files_below(output)[0]).stat()[7:9])
    verified = site.call("verify", *chosen, "--level", "structure", "--json")
    assert verified.status == 1
    assert [one["on"] for one in verified.hop["damaged"]] == ["destination"]


def test_spans_lists_the_semesters_observations(site: Site, drive: Drive) -> None:
    """A line each in a pipe, and JSON; filters as the letters say."""
    answer = site.call("spans", "-s", "2025B", *drive.words)
    assert answer.status == 0
    assert answer.out.splitlines() == [
        f"2025B\t2025-12-02 23:50:40\t2025-12-02 23:52:20\t{EMAIL}\t-\tlab flats",
        f"2025B\t2025-12-02 23:59:20\t2025-12-03 00:00:40\t{EMAIL}\tbeta Pic\t20251202_betaPic_deep",
    ]
    found = json.loads(site.call("spans", "-s", "2025b", "-o", "BETA PIC", "--json", *drive.words).out)
    assert [one["title"] for one in found["observations"]] == ["20251202_betaPic_deep"]
    assert site.call("spans", "-s", "2025A", *drive.words).status == 3


def test_a_bundle_is_a_root_of_its_own_that_proves_itself(tmp_path: Path, site: Site, drive: Drive) -> None:
    """Defect 10: it crashed as soon as a camera had files. Exported from the bundle, the products are the same."""
    root = tmp_path / "bundle"
    words = ["-t", "betaPic", "-p", "-s", "2025B", "-c", "camsci1", "-c", "camwfs"]
    assert not root.exists()
    assert "to do" in site.call("bundle", *words, "-D", str(root), "-r", *drive.words).out
    assert not root.exists()
    assert site.call("bundle", *words, "-D", str(root), *drive.words).status == 0
    assert stamp(-480) not in " ".join(files_below(root, (".xrif",)))
    assert len(files_below(root, (".xrif",))) == 4
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "bundle.sha256"], cwd=root, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    site.call("export", *words, *drive.words, "-D", str(tmp_path / "here"), "-j", "1")
    assert site.call("export", *words, "-X", str(root), "-D", str(tmp_path / "there"), "-j", "1").status == 0
    here = {path: (tmp_path / "here" / path).read_bytes() for path in files_below(tmp_path / "here")}
    assert {path: (tmp_path / "there" / path).read_bytes() for path in files_below(tmp_path / "there")} == here
    assert len(here) == 73


def test_a_bundle_grows_and_replaces_nothing_of_others(tmp_path: Path, site: Site, drive: Drive) -> None:
    """Telemetry that has grown is carried again; other bytes under the same name are refused and stay."""
    root = tmp_path / "bundle"
    words = ["bundle", "-s", "2025B", "-c", "camsci1", "-D", str(root), *drive.words]
    assert site.call(*words).status == 0
    telemetry = drive.place("icc", "telem", "camsci1", -600, "bintel")
    telemetry.write_bytes(telemetry.read_bytes() * 2)
    raw = root / drive.place("icc", "rawimages", "camsci1", 30, "xrif").relative_to(drive.roots["icc"])
    raw.write_bytes(b"other bytes")
    answer = site.call(*words, "--json")
    fates = {one["path"]: one["fate"] for one in answer.document["files"]}
    assert answer.status == 1
    assert fates[str(raw.relative_to(root))] == "failed"
    assert raw.read_bytes() == b"other bytes"
    assert fates[str(telemetry.relative_to(drive.roots["icc"]))] == "copied"
    assert sorted(set(fates.values())) == ["copied", "failed", "there already"]


def test_without_any_configuration_the_shipped_instrument_is_used(
    tmp_path: Path, site: Site, drive: Drive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A laptop and a drive: nothing to be written first. What was done is remembered for the user."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    words = ["export", "-c", "camsci1", "-t", "betaPic", "-p", "-s", "2025B", "-D", "out", "-j", "1", *drive.words]
    for _ in range(2):
        assert main(words) == 0
        assert len(files_below(tmp_path / "out")) == 9
    assert "\t3\t0\t0\t0" in capsys.readouterr().out
    assert (tmp_path / "home" / ".local" / "state" / "nightferry" / "catalogue.db").exists()
    assert main(["--config", str(tmp_path / "nowhere"), *words]) == 2
