"""Exports off the beaten track: long exposures, telemetry as lines of JSON, roots by the environment, odd requests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import yaml
from astropy.io import fits

from converters.stamps import format_instant
from nightferry.cli.main import main
from tests.magaox import EMAIL, Drive, at, configure, files_below, observer, stamp
from tests.observatory import Answer

PLACE = f"2025B/{EMAIL}/2025-12-02_235920_beta_Pic_20251202_betaPic_deep"


class Desk:
    """A drive, a configuration and an output."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.drive, self.config, self.output = Drive(folder / "drive"), configure(folder), folder / "out"
        self._capsys = capsys

    def call(self, *words: str) -> Answer:
        """Call the command line."""
        self._capsys.readouterr()
        status = main(["--config", str(self.config), *words])
        said = self._capsys.readouterr()
        return Answer(status, said.out, said.err)

    def export(self, *words: str) -> Answer:
        """Export camsci1 of 2025B."""
        return self.call("export", "-s", "2025B", "-c", "camsci1", "-j", "1", "-D", str(self.output), *words)

    def header(self, seconds: float) -> fits.Header:
        """Return the header of a frame."""
        path = self.output / PLACE / "camsci1" / f"camsci1_{stamp(seconds)}.fits"
        header: fits.Header = fits.getheader(path)
        return header

    def change(self, **export: object) -> None:
        """Change keys of the instrument's section."""
        path = self.config / "instruments.d" / "magaox.yaml"
        declared = yaml.safe_load(path.read_text())
        declared["export"] |= export
        path.write_text(yaml.safe_dump(declared))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """An empty drive."""
    return Desk(tmp_path, capsys)


def test_a_long_exposure_is_told_by_the_telemetry_of_its_beginning(desk: Desk) -> None:
    """A minute long: what held when it began lies far before the frame's own time."""
    desk.drive.observe(20, 200)
    desk.drive.camera_telemetry(0, 200, exptime=60.0)
    stage = [(t, {"preset": 1.0, "presetName": "open" if t < 55 else "H-alpha"}) for t in range(0, 201, 10)]
    desk.drive.telemetry("fwsci1", "telem_stage", stage)
    desk.drive.archive([100, 180])
    assert desk.export(*desk.drive.words).status == 0
    assert desk.header(180)["FWSCI1 PRESET NAME"] == "H-alpha"
    assert "FWSCI1 PRESET NAME" not in desk.header(100)  # it moved while the frame was exposed
    assert desk.header(100)["DATE-BEG"] == "2025-12-02T23:59:40.000000000"
    assert desk.header(100)["EXPTIME"] == 60.0


@pytest.mark.parametrize("ending", ["ndjson", "ndjson.gz"])
def test_telemetry_as_lines_of_json_is_telemetry_too(desk: Desk, ending: str) -> None:
    """Devices in Python write it so; what comes later completes the headers as well."""
    desk.drive.observe(20, 100)
    desk.drive.archive([50])
    assert desk.export(*desk.drive.words).status == 0
    assert "FWSCI1 PRESET NAME" not in desk.header(50)
    lines = [
        {"ts": format_instant(at(t)), "prio": "TELM", "ec": "telem_stage", "msg": {"preset": 2.0, "presetName": "z"}}
        for t in (40, 50, 60)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path = desk.drive.place("icc", "telem", "fwsci1", 40, ending)
    path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    assert desk.export(*desk.drive.words).status == 0
    assert desk.header(50)["FWSCI1 PRESET NAME"] == "z"


def test_roots_come_from_the_environment_or_the_section_where_none_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As lookyloo's users have it in their profile."""
    desk.drive.observe(20, 100)
    desk.drive.archive([50])
    roots = [str(root) for root in desk.drive.roots.values()]
    monkeypatch.setenv("LOOKYLOO_DATA_PATHS", ":".join(roots))
    assert desk.export("-O").status == 0
    assert len(files_below(desk.output)) == 1
    monkeypatch.delenv("LOOKYLOO_DATA_PATHS")
    assert desk.export("-O").status == 3  # those of the instrument's own computers are not here
    desk.change(data_roots=roots)
    assert desk.export("-O").status == 0
    desk.change(data_roots=[])
    answer = desk.export("-O")
    assert answer.status == 2
    assert "no data root" in answer.err


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"records": {"telem_staeg": {"preset": "PRESET"}}, "lists": {}, "headers": {}}, "no kind of record"),
        ({"records": {"telem_stage": {"pre": "PRESET"}}, "lists": {}, "headers": {}}, "no field 'pre'"),
    ],
)
def test_a_header_map_with_a_slip_of_the_pen_is_refused(desk: Desk, changes: dict[str, object], reason: str) -> None:
    """Else its card would be absent for ever."""
    desk.change(**changes)
    answer = desk.export(*desk.drive.words)
    assert answer.status == 2
    assert reason in answer.err


def test_a_camera_is_no_path(desk: Desk) -> None:
    """It becomes a folder below the output."""
    desk.drive.observe(20, 100)
    answer = desk.call("export", "-s", "2025B", "-c", "../../x", *desk.drive.words)
    assert answer.status == 2
    assert "named like its folder" in answer.err


def test_a_bundle_leaves_out_what_goes_on_and_fills_none_of_its_own_roots(desk: Desk) -> None:
    """Both are said."""
    desk.drive.observers([(t, observer(t >= 20, title="going on")) for t in range(0, 100, 10)])
    desk.drive.archive([50])
    words = ["bundle", "-s", "2025B", "-c", "camsci1", *desk.drive.words]
    answer = desk.call(*words, "-D", str(desk.output))
    assert answer.status == 0
    assert "left out, it still goes on: going on" in answer.err
    assert files_below(desk.output, (".xrif",)) == []
    assert desk.call(*words, "-D", str(desk.drive.roots["icc"])).status == 2
    assert desk.call(*words, "-t", "nobody", "-D", str(desk.output)).status == 1


def test_a_bundle_carries_the_copy_that_is_longer(desk: Desk) -> None:
    """Of telemetry below two roots one is a replica that lags behind."""
    desk.drive.observe(20, 100)
    path = desk.drive.camera_telemetry(0, 140)
    copy = desk.drive.roots["aoc"] / path.relative_to(desk.drive.roots["icc"])
    copy.parent.mkdir(parents=True)
    copy.write_bytes(path.read_bytes()[:400])
    words = ["bundle", "-s", "2025B", "-c", "camsci1", "-D", str(desk.output), *desk.drive.words]
    assert desk.call(*words).status == 0
    assert (desk.output / path.relative_to(desk.drive.roots["icc"])).read_bytes() == path.read_bytes()


def test_a_list_that_cannot_be_written_hides_nothing_of_what_was_copied(desk: Desk) -> None:
    """As on a disk without room: it said that nothing can be said; the next bundle lists what is there."""
    desk.drive.observe(20, 100)
    desk.drive.archive([50])
    words = ["bundle", "-s", "2025B", "-c", "camsci1", "-D", str(desk.output), *desk.drive.words]
    in_its_place = desk.output / "bundle.sha256"
    in_its_place.mkdir(parents=True)
    answer = desk.call(*words)
    assert (answer.status, answer.err) == (1, f"what was copied could not be listed: {in_its_place}: Is a directory\n")
    assert "copied\t" in answer.out
    assert "listed in" not in answer.out
    document = desk.call(*words, "--json").document
    assert {one["fate"] for one in document["files"]} == {"there already"}
    assert document["problems"] == [f"{in_its_place}: Is a directory"]
    in_its_place.rmdir()
    assert desk.call(*words).status == 0
    assert len(in_its_place.read_text().splitlines()) == len(document["files"])
