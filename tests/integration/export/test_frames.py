"""Which frames an export makes, and what their pixels and headers say.

The fourteen defects of lookyloo (facts, 2.9) are cases here, in the files beside this one or in the tests of their
parts; each says its number.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from converters.xrif import read
from tests.integration.export.night import _FAKE_XRIF2FITS, PLACE, Night, opened
from tests.magaox import EMAIL, files_below, stamp


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


def test_the_other_program_has_to_leave_every_frame(night: Night, tmp_path: Path) -> None:
    """One that stops half-way and ends well all the same was believed, and never called again."""
    night.drive.observe(20, 100)
    night.drive.archive([30, 40, 50, 60])
    half = _FAKE_XRIF2FITS.replace("images[:, 0])", "images[:3, 0])").replace("strict=True", "strict=False")
    program = tmp_path / "xrif2fits"
    program.write_text(half)
    program.chmod(0o755)
    answer = night.export("--xrif2fits-cmd", str(program), "--json")
    assert answer.status == 1
    (archive,) = answer.document["observations"][0]["cameras"][0]["archives"]
    assert (archive["fate"], archive["reason"]) == ("failed", "xrif2fits: it left 3 FITS files of 4 frames")
    assert night.made() == []


def test_frames_of_one_instant_in_two_archives_are_two_files(night: Night) -> None:
    """A clock of microseconds shows such, and one may be the last of its archive; each of them keeps its pixels."""
    night.drive.observe(20, 100)
    paths = [night.drive.archive([30, 31, 32]), night.drive.archive([32, 32, 33])]
    answer = night.export("-O")
    assert answer.status == 0, answer
    assert night.made() == [stamp(30), stamp(31), stamp(32), f"{stamp(32)}-2", f"{stamp(32)}-3", stamp(33)]
    first, second = (read(path).images[:, 0] for path in paths)
    wanted = {stamp(32): first[2], f"{stamp(32)}-2": second[0], f"{stamp(32)}-3": second[1]}
    for name, image in wanted.items():
        data, _ = opened(night.output / PLACE / "camsci1" / f"camsci1_{name}.fits")
        assert (data == image).all()
    before = night.made()
    assert night.export("-O").status == 0
    assert night.made() == before
