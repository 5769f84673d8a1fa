"""Observations exported by the command line from synthetic drives: what the seed asks for, and the faults it met.

The fourteen defects of lookyloo (facts, 2.9) are cases here or in the tests of their parts; each says its number.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from converters.stamps import day_folder
from converters.telemetry.writer import record
from converters.xrif import read
from nightferry.cli.main import main
from observatory.formats.whole import judge
from tests.magaox import EMAIL, Drive, at, configure, files_below, observer, stamp
from tests.observatory import Answer

PLACE = f"2025B/{EMAIL}/2025-12-02_235920_beta_Pic_20251202_betaPic_deep"


class Night:
    """A drive, a configuration and an output, and calls of the command line on them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], is_flat: bool = False) -> None:
        self.drive = Drive(folder / "mnt" / "backup", is_flat)
        self.config = configure(folder)
        self.output = folder / "out"
        self._capsys = capsys

    def call(self, *words: str) -> Answer:
        """Call the command line."""
        self._capsys.readouterr()
        status = main(["--config", str(self.config), *words])
        said = self._capsys.readouterr()
        return Answer(status, said.out, said.err)

    def export(self, *words: str, roots: list[str] | None = None) -> Answer:
        """Export camsci1 of 2025B in this process unless told otherwise."""
        usual = ["-s", "2025B"] if "--utc-start" not in words else []
        cameras = [] if "-c" in words else ["-c", "camsci1"]
        jobs = [] if "-j" in words else ["-j", "1"]
        named = self.drive.words if roots is None else roots
        return self.call("export", *usual, *cameras, *jobs, *named, "-D", str(self.output), *words)

    def spans(self, *words: str, roots: list[str] | None = None) -> list[dict[str, Any]]:
        """Return the observations that are listed."""
        answer = self.call("spans", "--json", *words, *(self.drive.words if roots is None else roots))
        found = json.loads(answer.out)["observations"]
        assert isinstance(found, list)
        return found

    def made(self, camera: str = "camsci1") -> list[str]:
        """Return the stamps of a camera's files, over all observations."""
        paths = [path for path in files_below(self.output) if path.split("/")[-2] == camera]
        return sorted(path.split("/")[-1].removeprefix(f"{camera}_").removesuffix(".fits") for path in paths)

    def ordinary(self) -> None:
        """Make an observation from 20 to 100 s over midnight, with three archives and all telemetry of one camera."""
        self.drive.observe(20, 100)
        self.drive.camera_telemetry(0, 140)
        self.drive.telescope_telemetry(0, 140)
        self.drive.archive([15, 18, 21, 24])
        self.drive.archive([30, 40, 50, 60])
        self.drive.archive([65, 80, 99, 100, 105])


@pytest.fixture
def night(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Night:
    """An empty drive in the new layout."""
    return Night(tmp_path, capsys)


def opened(path: Path) -> tuple[np.ndarray, fits.Header]:
    """Return the pixels and the header of a file that astropy and we call whole, sums included."""
    assert judge(os.fsencode(path), sums=True) == ("whole", "")
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        return hdus[0].data.copy(), hdus[0].header.copy()


@pytest.mark.parametrize("is_flat", [False, True])
def test_frames_are_chosen_by_their_own_times_in_both_layouts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], is_flat: bool
) -> None:
    """Defect 7: the archive that began before, on the day before, is looked at; both ends are trimmed."""
    night = Night(tmp_path, capsys, is_flat)
    night.ordinary()
    answer = night.export()
    assert answer.status == 0, answer
    assert night.made() == [stamp(t) for t in (21, 24, 30, 40, 50, 60, 65, 80, 99)]
    assert {str(Path(path).parent) for path in files_below(night.output)} == {f"{PLACE}/camsci1"}


def test_pixels_and_header_are_those_of_the_frame(night: Night) -> None:
    """Bit for bit; dates, exposure and telemetry at the frame's own time."""
    night.ordinary()
    archive = read(night.drive.place("icc", "rawimages", "camsci1", 65, "xrif"))
    night.export()
    data, header = opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(80)}.fits")
    assert (data == archive.images[1, 0]).all()
    assert header["DATE-BEG"] == "2025-12-03T00:00:19.500000000"
    assert header["DATE-AVG"] == "2025-12-03T00:00:19.750000000"
    assert header["DATE-END"] == "2025-12-03T00:00:20.000000000"
    assert (header["TIMESYS"], header["EXPTIME"], header["FRAMENO"]) == ("UTC", 0.5, 1001)
    assert header["MJD-AVG"] == pytest.approx(61012 + 19.75 / 86400, abs=1e-9)
    assert (header["OBSERVER"], header["OBS-NAME"], header["TARGET NAME"]) == (
        EMAIL,
        "20251202_betaPic_deep",
        "beta Pic",
    )
    assert header["EL"] == pytest.approx(60 + 79.75 / 1000)
    assert header["PARANG"] == pytest.approx(-179.2125)
    assert header["CAMSCI1 FPS"] == 2.0
    assert "LOOP GAIN" not in " ".join(header)
    assert not any(value == "NOT AVAILABLE" for value in header.values())
    assert any(archive.path.name in line for line in header["HISTORY"])


def test_a_cube_keeps_times_and_telemetry_of_every_frame(night: Night) -> None:
    """The originals' cubes keep pixels only; here a table has a row for each frame, and -O leaves telemetry out."""
    night.ordinary()
    assert night.export("-C").status == 0
    path = night.output / PLACE / "camsci1" / f"camsci1_{stamp(65)}.fits"
    data, header = opened(path)
    assert data.shape == (3, 6, 8)
    assert header["OBS-NAME"] == "20251202_betaPic_deep"
    with fits.open(path, checksum=True) as hdus:
        table = hdus["FRAMES"].data
        assert table["FRAMENO"].tolist() == [1000, 1001, 1002]
        assert table["DATE-END"].tolist()[0] == "2025-12-03T00:00:05.000000000"
        assert table["PARANG"].tolist() == pytest.approx([-179.3625, -179.2125, -179.0225])
        assert table["WRTNSEC"].tolist() == [1_000_000] * 3
    night.output = night.output / "bare"
    assert night.export("-C", "-O").status == 0
    with fits.open(night.output / PLACE / "camsci1" / f"camsci1_{stamp(65)}.fits") as hdus:
        assert "PARANG" not in hdus["FRAMES"].data.names
        assert "EXPTIME" not in hdus[0].header


def test_a_second_export_does_nothing_and_loses_nothing(night: Night) -> None:
    """Defect 2: the history erased itself, so that the third run made everything again."""
    night.ordinary()
    (night.output / PLACE / "camsci1").mkdir(parents=True)
    notes = night.output / PLACE / "camsci1" / "notes.txt"
    notes.write_text("seeing was bad")
    night.export()
    before = {path: (night.output / path).stat().st_mtime_ns for path in files_below(night.output)}
    for _ in range(3):
        answer = night.export("--json")
        archives = answer.document["observations"][0]["cameras"][0]["archives"]
        assert {one["fate"] for one in archives} == {"done"}
        assert all(one["products"] is None for one in archives)
    assert {path: (night.output / path).stat().st_mtime_ns for path in files_below(night.output)} == before
    assert notes.read_text() == "seeing was bad"


def test_ignoring_the_history_makes_everything_again_and_remembers_it(night: Night) -> None:
    """Defect 3: it was honoured all the same, and only no longer written."""
    night.ordinary()
    night.export()
    path = night.output / files_below(night.output)[0]
    before, old = path.read_bytes(), path.stat().st_ino
    assert night.export("-i").status == 0
    assert path.stat().st_ino != old
    assert path.read_bytes() == before
    answer = night.export("--json")
    assert answer.document["observations"][0]["cameras"][0]["archives"][0]["fate"] == "done"


def test_what_lookyloo_exported_is_not_made_again(night: Night) -> None:
    """Its history is read wherever it lies in the semester, and never written; without FITS files it proves nothing."""
    night.ordinary()
    theirs = night.output / "2025B" / EMAIL / "2025-12-02_235900_20251202_betaPic_deep" / "camsci1"
    theirs.mkdir(parents=True)
    history = theirs / ".lookyloo_succeeded"
    history.write_text(f"camsci1_{stamp(30)}.xrif\n")
    assert len(night.spans("-s", "2025B")) == 1
    assert night.export("-r", "--json").document["observations"][0]["cameras"][0]["archives"][1]["fate"] == "to do"
    (theirs / f"camsci1_{stamp(30)}.fits").write_bytes(b"theirs")
    assert night.export().status == 0
    assert history.read_text() == f"camsci1_{stamp(30)}.xrif\n"
    assert (theirs / f"camsci1_{stamp(30)}.fits").read_bytes() == b"theirs"
    ours = [path for path in files_below(night.output) if path.startswith(PLACE)]
    assert stamp(40) not in " ".join(ours)
    assert stamp(65) in " ".join(ours)
    night.export("-i")
    assert stamp(40) in " ".join(files_below(night.output))


def test_the_last_root_need_not_be_the_one_that_holds_the_observers(night: Night) -> None:
    """Defect 5: only the last root with telem/observers counted, and an empty one hid all the others."""
    night.ordinary()
    for role in ("rtc", "icc"):
        (night.drive.roots[role] / "telem" / "observers").mkdir()
    for order in (("aoc", "rtc", "icc"), ("icc", "aoc", "rtc"), ("rtc", "icc", "aoc")):
        roots = [word for role in order for word in ("-X", str(night.drive.roots[role]))]
        assert len(night.spans("-s", "2025B", roots=roots)) == 1


def test_observers_telemetry_below_several_roots_is_one(night: Night) -> None:
    """A rise in a file of one root, its fall in a file of another; and the same file twice."""
    night.drive.observers([(0, observer(False)), (10, observer(False))], "aoc")
    path = night.drive.observers([(11, observer(True)), (21, observer(True))], "icc")
    night.drive.observers([(31, observer(False))], "rtc")
    copy = night.drive.roots["aoc"] / path.relative_to(night.drive.roots["icc"])
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, copy)
    (one,) = night.spans("-s", "2025B")
    assert (one["begin_utc"], one["end_utc"]) == ("2025-12-02T23:59:10.000000000Z", "2025-12-02T23:59:31.000000000Z")


def test_a_start_without_an_end_finds_everything_since(night: Night) -> None:
    """Defect 6: the end was taken from another year's semester, and nothing was found."""
    night.ordinary()
    assert len(night.spans("--utc-start", "2025-12-02T20:00")) == 1
    assert len(night.spans("--utc-start", "2024-06-01")) == 1
    assert night.spans("--utc-start", "2025-12-02T23:59:21") == []
    assert night.spans("--utc-end", "2025-12-03T00:00:39") == []


def test_a_change_of_target_is_another_observation(night: Night) -> None:
    """Defect 8: everything was filed under the first target."""
    said = [(t, observer(t >= 10, target="HD 1" if t < 45 else "HD 2")) for t in (0, 10, 20, 30, 40, 45, 50, 60, 70)]
    night.drive.observers([*said, (80, observer(False, target="HD 2"))])
    night.drive.archive([30, 40, 50, 60])
    assert night.export("-O").status == 0
    assert [path.split("/")[2:] for path in files_below(night.output)] == [
        ["2025-12-02_235900_HD_1_20251202_betaPic_deep", "camsci1", f"camsci1_{stamp(t)}.fits"] for t in (30, 40)
    ] + [["2025-12-02_235945_HD_2_20251202_betaPic_deep", "camsci1", f"camsci1_{stamp(t)}.fits"] for t in (50, 60)]


def test_missing_telemetry_leaves_cards_out_and_is_made_good_when_it_comes(night: Night) -> None:
    """Defect 9: without telemetry an endless retry; here it is done, said, and done again when there is more."""
    night.drive.observe(20, 100)
    night.drive.archive([30, 40])
    answer = night.export("--json")
    (archive,) = answer.document["observations"][0]["cameras"][0]["archives"]
    assert (answer.status, archive["fate"]) == (0, "done")
    assert {"PARANG", "camsci1 FPS"} <= set(archive["absent_cards"])
    path = night.output / PLACE / "camsci1" / f"camsci1_{stamp(30)}.fits"
    header = opened(path)[1]
    assert not {"EXPTIME", "DATE-BEG", "MJD-AVG", "PARANG"} & set(header)
    assert header["DATE-OBS"] == header["DATE-END"]
    assert night.export("--json").document["observations"][0]["cameras"][0]["archives"][0]["products"] is None
    night.drive.camera_telemetry(0, 140)
    night.drive.telescope_telemetry(0, 140)
    assert night.export().status == 0
    assert {"EXPTIME", "DATE-BEG", "MJD-AVG", "PARANG"} <= set(opened(path)[1])


def test_telemetry_that_ends_too_early_says_nothing_about_later_frames(night: Night) -> None:
    """The gap limit: absent rather than wrong, frame by frame."""
    night.drive.observe(20, 200)
    night.drive.camera_telemetry(0, 40)
    night.drive.telescope_telemetry(0, 60)
    night.drive.archive([35, 70, 130])
    night.export()
    headers = [opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(t)}.fits")[1] for t in (35, 70, 130)]
    assert ["EXPTIME" in header for header in headers] == [True, False, False]
    assert ["PARANG" in header for header in headers] == [True, False, False]  # 70 s has no record after it
    assert ["OBJECT" in header for header in headers] == [True, True, False]


def test_damaged_telemetry_costs_the_cards_near_the_damage_and_no_more(night: Night) -> None:
    """The records behind it are found again; without those between, what they would tell is absent or interpolated."""
    night.drive.observe(20, 200)
    night.drive.archive([35, 100, 170])
    path = night.drive.camera_telemetry(0, 200)
    content = path.read_bytes()
    size = len(content) // 21
    path.write_bytes(content[: 7 * size + 3] + b"\x00\xff" * (3 * size) + content[13 * size :])
    assert night.export().status == 0
    headers = [opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(t)}.fits")[1] for t in (35, 100, 170)]
    assert ["EXPTIME" in header for header in headers] == [True, False, True]
    assert ["CAMSCI1 TEMP" in header for header in headers] == [True, False, True]


def test_a_damaged_archive_stops_nothing_and_is_named(night: Night) -> None:
    """One bad archive is one failure: exit 1, the others are made, and once it is whole it is made too."""
    night.ordinary()
    path = night.drive.place("icc", "rawimages", "camsci1", 30, "xrif")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    answer = night.export()
    assert answer.status == 1
    assert path.name in answer.err
    assert night.made() == [stamp(t) for t in (21, 24, 65, 80, 99)]
    path.write_bytes(whole)
    assert night.export().status == 0
    assert len(night.made()) == 9


def test_of_two_copies_of_an_archive_the_whole_one_is_taken(night: Night) -> None:
    """The first root's is cut short; the second's is the same archive, whole."""
    night.drive.observe(20, 100)
    path = night.drive.archive([30, 40])
    copy = night.drive.roots["aoc"] / path.relative_to(night.drive.roots["icc"])
    copy.parent.mkdir(parents=True)
    copy.write_bytes(path.read_bytes()[:-40])
    assert night.export("-O").status == 0
    assert night.made() == [stamp(30), stamp(40)]


def test_damaged_observers_telemetry_is_unknown_unless_it_is_to_be_ignored(night: Night) -> None:
    """Defect 12: --ignore-data-integrity reached nothing, and a fault at the end of a file went unseen."""
    night.ordinary()
    path = night.drive.place("aoc", "telem", "observers", 10, "bintel")
    content = path.read_bytes()
    good = len(record(at(10), "telem_observer", observer(False)))
    path.write_bytes(content[: 3 * good] + b"\xff" * 50 + content[3 * good :])
    answer = night.export()
    assert answer.status == 3
    assert str(path) in answer.err
    assert len(night.made()) == 9
    assert night.export("--ignore-data-integrity").status == 0


def test_an_output_of_others_is_never_touched(night: Night) -> None:
    """Defect 14 and the first rule: a file that stands there and is not ours is refused, and stays."""
    night.ordinary()
    foreign = night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    answer = night.export()
    assert answer.status == 1
    assert "is not what this export left there" in answer.err
    assert foreign.read_bytes() == b"mine"
    assert night.made() == [stamp(t) for t in (21, 24, 40, 65, 80, 99)]


def test_a_product_that_somebody_changed_is_not_overwritten(night: Night) -> None:
    """It was ours, and is no longer as we left it; even -i keeps its hands off."""
    night.ordinary()
    night.export()
    path = night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits"
    path.write_bytes(path.read_bytes() + b"x")
    assert night.export("-i").status == 1
    assert path.read_bytes().endswith(b"x")


def test_a_product_that_vanished_is_made_again(night: Night) -> None:
    """What the ledger says is looked at."""
    night.ordinary()
    night.export()
    path = night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits"
    content = path.read_bytes()
    path.unlink()
    assert night.export().status == 0
    assert path.read_bytes() == content


def test_without_its_ledger_an_export_finds_its_own_files_again(night: Night) -> None:
    """The same facts give the same bytes, so that what stands there is recognised."""
    night.ordinary()
    night.export()
    before = {path: (night.output / path).read_bytes() for path in files_below(night.output)}
    shutil.rmtree(night.config / "var")
    assert night.export().status == 0
    assert {path: (night.output / path).read_bytes() for path in files_below(night.output)} == before


def test_two_exports_into_one_output_do_not_meet(night: Night) -> None:
    """Defect 14: the daemon and a one-shot could collide; here the second is told who holds the lock."""
    from converters.export.staging import our_folder
    from nightferry.locks import instrument_lock

    night.ordinary()
    night.output.mkdir()
    with instrument_lock(our_folder(night.output), "export"):
        answer = night.export()
    assert answer.status == 4
    assert "holds the lock" in answer.err
    assert files_below(night.output) == []


def test_what_a_killed_export_left_is_swept(night: Night) -> None:
    """Half made things lie in our own folder only, and the next run removes them."""
    night.ordinary()
    left = night.output / ".nightferry" / "export" / "dead" / "0"
    left.mkdir(parents=True)
    (left / "half.fits").write_bytes(b"half")
    night.export()
    assert not (night.output / ".nightferry" / "export").exists()


def test_a_dry_run_says_what_would_be_done_and_leaves_no_trace(night: Night) -> None:
    """Not even the output's folder; the original made that."""
    night.ordinary()
    answer = night.export("-r")
    assert answer.status == 0
    assert f"{PLACE}\tcamsci1\tframes\t3\t9\t2+2\t0\t3\t0\t0" in answer.out
    assert not night.output.exists()


def test_several_processes_make_what_one_makes(night: Night) -> None:
    """Defects 11 and 13: -j is a number, and no two processes write one file."""
    night.ordinary()
    night.drive.camera_telemetry(0, 140, "camwfs", "rtc", 0.001)
    night.drive.archive([30 + step / 10 for step in range(16)], "camwfs", "rtc")
    assert night.export("-c", "camsci1", "-c", "camwfs", "-j", "2").status == 0
    made = {path: (night.output / path).read_bytes() for path in files_below(night.output)}
    assert len(made) == 25
    night.output = night.output.parent / "again"
    assert night.export("-c", "camsci1", "-c", "camwfs", "-j", "1").status == 0
    assert {path: (night.output / path).read_bytes() for path in files_below(night.output)} == made
    assert set(files_below(night.output, (".txt",))) == set()


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", "f4", "f8"])
def test_every_type_of_pixels_is_written_as_it_is(night: Night, dtype: str) -> None:
    """Facts, 3.5: float64 and 64-bit integers came out wrong without a word, uint8 not at all."""
    night.drive.observe(20, 100)
    path = night.drive.archive([30], dtype=dtype, difference=-1, reorder=-1, compress=-1)
    night.export("-O")
    data = opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(30)}.fits")[0]
    assert (data == read(path).images[0, 0]).all()
    assert data.dtype.newbyteorder("=") == np.dtype(dtype)


def test_frames_with_depth_keep_it(night: Night) -> None:
    """Depth was ignored by the original."""
    night.drive.observe(20, 100)
    night.drive.archive([30], shape=(3, 4, 5))
    night.export("-O")
    data = opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(30)}.fits")[0]
    assert data.shape == (3, 4, 5)


def test_an_observation_that_goes_on_is_exported_as_far_as_its_telemetry_reaches(night: Night) -> None:
    """Later archives may belong to anybody; once it is over, what lies beyond its end is taken back."""
    night.drive.observers([(t, observer(t >= 20)) for t in range(0, 60, 10)])
    night.drive.archive([30, 40, 60, 70])
    night.drive.archive([500, 510])
    assert night.spans("-s", "2025B")[0]["end_utc"] is None
    assert night.export("-O").status == 0
    assert night.made() == [stamp(t) for t in (30, 40, 60, 70)]
    night.drive.observers([(62, observer(False)), (72, observer(False))])
    assert night.export("-O").status == 0
    assert night.made() == [stamp(t) for t in (30, 40, 60)]


def test_titles_of_any_bytes_do_no_harm(night: Night) -> None:
    """Slashes, spaces, line ends and dots climb nowhere and inject nothing."""
    night.drive.observe(20, 100, title="../../../etc\n x'y\x00\udcff", target="/", email="")
    night.drive.archive([30])
    assert night.export("-O").status == 0
    (path,) = files_below(night.output)
    assert path.startswith("2025B/_no_email_/2025-12-02_235920_")
    assert path.count("/") == 4
    opened(night.output / path)


def test_folders_whose_names_are_no_text_do_no_harm(night: Night) -> None:
    """Roots and outputs are bytes, to the ledger, to the terminal and to JSON."""
    night.ordinary()
    odd = Path(os.fsdecode(os.fsencode(night.drive.folder) + b"-\xff\n"))
    night.drive.folder.rename(odd)
    night.output = Path(os.fsdecode(os.fsencode(night.output) + b"\xfe"))
    roots = [word for role in ("aoc", "icc", "rtc") for word in ("-X", str(odd / role / "opt" / "MagAOX"))]
    bad = odd / "icc" / "opt" / "MagAOX" / "rawimages" / "camsci1" / "2025_12_02" / f"camsci1_{stamp(30)}.xrif"
    bad.write_bytes(bad.read_bytes()[:-1])
    answer = night.export(roots=roots)
    assert answer.status == 1
    assert "\\xff\\x0a" in answer.err
    assert len(night.made()) == 5
    assert night.export("--json", roots=roots).document["output"] == {
        "bytes": base64.b64encode(os.fsencode(night.output)).decode()
    }
    assert night.export("-i", roots=roots).status == 1
    bundle = night.call("bundle", "-s", "2025B", "-c", "camsci1", *roots, "-D", str(night.output / "bundle"))
    assert bundle.status == 0


def test_a_root_that_is_not_mounted_is_unknown_and_the_others_are_exported(night: Night) -> None:
    """Exit 3: what it may hold nobody can tell."""
    night.ordinary()
    empty = night.drive.folder / "empty"
    empty.mkdir()
    answer = night.export(roots=[*night.drive.words, "-X", str(empty)])
    assert answer.status == 3
    assert str(empty) in answer.err
    assert len(night.made()) == 9
    assert night.export(roots=["-X", str(empty)]).status == 3


def test_without_the_observers_root_nothing_is_said_to_be_nothing(night: Night) -> None:
    """The sentence names the remedy."""
    night.ordinary()
    answer = night.export(roots=["-X", str(night.drive.roots["icc"])])
    assert answer.status == 3
    assert "no telemetry of observers" in answer.err


def test_a_camera_without_a_folder_below_any_root_is_unknown(night: Night) -> None:
    """Its computer's root was not named."""
    night.ordinary()
    answer = night.export("-c", "camwfs")
    assert answer.status == 3
    assert "name its root with -X" in answer.err


def test_a_title_that_nobody_used_is_a_difference(night: Night) -> None:
    """Exit 1 where a title was named, 0 where only a semester without observations was asked for."""
    night.ordinary()
    assert night.export("-t", "betaPic").status == 1
    assert night.export("-t", "betaPic", "-p").status == 0


def test_a_time_without_telemetry_is_unknown(night: Night) -> None:
    """That nothing was observed cannot be told from nothing: neither before the telemetry nor after it."""
    night.ordinary()
    answer = night.call("spans", "--utc-start", "2025-01-01", "--utc-end", "2025-01-02", *night.drive.words)
    assert answer.status == 3
    assert "that begins in or before this time" in answer.err
    answer = night.call("spans", "--utc-start", "2026-03-01", "--utc-end", "2026-03-02", *night.drive.words)
    assert answer.status == 3
    assert "no word of this time" in answer.err


def test_usage_is_refused_before_anything_is_done(night: Night) -> None:
    """Both forms at once, a semester or an instant that is none, an instrument without the section."""
    night.ordinary()
    assert night.export("-C", "-S").status == 2
    assert night.call("export", "-s", "2025C", *night.drive.words).status == 2
    assert night.export("--utc-start", "yesterday").status == 2
    assert night.export("--instrument", "sha").status == 2
    assert not night.output.exists()


def test_too_little_room_is_refused_before_the_first_byte(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect 14. The disk is as full as this says: no test may fill a real one."""
    night.ordinary()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1, 1))
    answer = night.export()
    assert answer.status == 1
    assert "nothing was exported" in answer.err
    assert files_below(night.output) == []


def test_a_disk_that_takes_no_more_leaves_nothing_half(night: Night) -> None:
    """The system refuses a file in the middle of its writing; the smaller archive is published, the large one named."""
    night.drive.observe(20, 100)
    night.drive.archive([30])
    night.drive.archive([50], shape=(1, 1000, 1000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        answer = night.export("-O")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answer.status == 1
    assert "File too large" in answer.err
    assert night.made() == [stamp(30)]
    assert not (night.output / ".nightferry" / "export").exists()
    assert night.export("-O").status == 0
    assert night.made() == [stamp(30), stamp(50)]


def test_of_two_copies_of_one_length_the_damaged_one_is_passed_over(night: Night) -> None:
    """Its payload makes no sense where it is unpacked; the other copy is made, and nothing of the first is left."""
    night.drive.observe(20, 100)
    path = night.drive.archive([30, 40], shape=(1, 20, 20))
    copy = night.drive.roots["aoc"] / path.relative_to(night.drive.roots["icc"])
    copy.parent.mkdir(parents=True)
    content = path.read_bytes()
    copy.write_bytes(content[:48] + b"\xff" * 64 + content[112:])  # aoc's comes first
    assert night.export("-O").status == 0
    data = opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits")[0]
    assert (data == read(path).images[1, 0]).all()
    assert night.made() == [stamp(30), stamp(40)]


def test_the_lookback_ends_after_a_day(night: Night) -> None:
    """A damaged archive of last week is nobody's failure today."""
    night.ordinary()
    old = night.drive.place("icc", "rawimages", "camsci1", -7 * 86400, "xrif")
    old.write_bytes(b"xrif but cut")
    assert night.export().status == 0
    assert day_folder(at(-7 * 86400)) in str(old)


def test_exports_by_the_other_program_are_trimmed_and_judged_as_ours(night: Night, tmp_path: Path) -> None:
    """Called with lookyloo's own words; a failure with telemetry falls back to bare headers, and says so once."""
    night.ordinary()
    program = tmp_path / "xrif2fits"
    program.write_text(_FAKE_XRIF2FITS)
    program.chmod(0o755)
    answer = night.export("--xrif2fits-cmd", str(program), "--json")
    assert answer.status == 0, answer.out
    assert night.made() == [stamp(t) for t in (21, 24, 30, 40, 50, 60, 65, 80, 99)]
    archives = answer.document["observations"][0]["cameras"][0]["archives"]
    assert {one["has_header"] for one in archives} == {False}
    assert {one["reason"] for one in archives} == {"made without telemetry: with it the program failed"}
    again = night.export("--xrif2fits-cmd", str(program), "--json")
    archives = again.document["observations"][0]["cameras"][0]["archives"]
    assert [(one["fate"], one["products"]) for one in archives] == [("done", None)] * 3
    assert files_below(night.output, (".txt",)) == []


def test_a_worker_that_is_killed_takes_nothing_with_it_but_its_own_archive(night: Night, tmp_path: Path) -> None:
    """As the system does it where memory ends; here the program that it calls kills it, for one archive."""
    night.ordinary()
    program = tmp_path / "xrif2fits"
    deadly = f'case "$file" in *camsci1_{stamp(30)}*) kill -9 $PPID;; esac'
    program.write_text(_FAKE_XRIF2FITS.replace("exec ", f"{deadly}\nexec "))
    program.chmod(0o755)
    answer = night.export("-O", "-j", "2", "--xrif2fits-cmd", str(program))
    assert answer.status == 1
    assert "its process was ended" in answer.err
    assert night.made() == [stamp(t) for t in (21, 24, 65, 80, 99)]


_FAKE_XRIF2FITS = """#!/bin/sh
# Stands in for the instrument's own program: writes a FITS file a frame, fails where telemetry is asked for.
while [ $# -gt 0 ]; do
  case "$1" in
    -d) folder=$2; shift;;
    -f) file=$2; shift;;
    -D) out=$2; shift;;
    -t) exit 3;;
  esac
  shift
done
exec PYTHON - "$folder/$file" "$out" <<'END'
import sys
from pathlib import Path
from converters.export.frames import acquired_ns
from converters.export.tree import frame_names
from converters.fits_writer import image_hdu, pixels
from converters.xrif import read
archive = read(sys.argv[1])
for name, image in zip(frame_names("camsci1", acquired_ns(archive.timing).tolist()), archive.images[:, 0]):
    Path(sys.argv[2], name).write_bytes(image_hdu(pixels(image), ()))
Path(sys.argv[2], "meta_data.txt").write_text("")
END
""".replace("PYTHON", sys.executable)
