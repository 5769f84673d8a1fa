"""Archives made into FITS files: by the command for those who know their files, and by the step of a night."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits

from converters import xrif
from nightferry.cli.main import main
from observatory.formats.whole import judge
from tests.magaox import Drive, at, stamp
from tests.observatory import PROGRAM
from tests.shared import REPOSITORY, shared

Capsys = pytest.CaptureFixture[str]
CAMERA = {"mode": "fast", "exptime": 0.5, "fps": 2.0, "roi": {"w": 8, "h": 6}}


def call(capsys: Capsys, *words: str) -> tuple[int, str, str]:
    """Call the command and return status, output and what it said."""
    status = main(["xrif2fits", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def asked_for_json(capsys: Capsys, *words: str) -> tuple[int, dict[str, Any]]:
    """Call the command for JSON."""
    status, out, _ = call(capsys, *words, "--json")
    return status, json.loads(out)


def whole(path: Path) -> bool:
    """Say whether a file is whole by its format and its sums."""
    return judge(os.fsencode(path), sums=True) == ("whole", "")


def products(folder: Path) -> list[str]:
    """Name what lies in a folder, without what is ours."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".nightferry")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where there is no configuration."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NIGHTFERRY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path / "home")


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """Give a drive with one camera's archive of four frames and its telemetry around them."""
    drive = Drive(tmp_path / "drive")
    drive.archive([10, 10.5, 11, 11.5])
    drive.telemetry("camsci1", "telem_stdcam", [(t, CAMERA) for t in range(0, 60, 10)])
    drive.observe(5, 30)
    return drive


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give a configuration with the worked example's header map, its copy on this machine."""
    example = yaml.safe_load((REPOSITORY / "instruments.d" / "magaox.yaml").read_text())
    declared = {
        "instrument": "magaox",
        "title": "MagAO-X",
        "layout": "rawimages/{camera}/%Y_%m_%d",
        "rollover": "utc",
        "settle_s": 0,
        "cameras": {"camsci1": {"files": ["camsci1_*.xrif"]}},
        "copies": [{"host": "here", "root": str(tmp_path / "drive" / "icc" / "opt" / "MagAOX"), "origin": True}],
        "export": {**example["export"], "data_roots": [str(tmp_path / "drive" / "aoc" / "opt" / "MagAOX")]},
    }
    folder = tmp_path / "config"
    (folder / "instruments.d").mkdir(parents=True)
    site = {"site": "Las Campanas", "timezone": "America/Santiago", "hosts": {"here": {"local": True}}}
    (folder / "site.yaml").write_text(yaml.safe_dump(site))
    (folder / "instruments.d" / "magaox.yaml").write_text(yaml.safe_dump(declared))
    return folder


def declare(config: Path, **keys: Any) -> None:
    """Change the instrument's file."""
    path = config / "instruments.d" / "magaox.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))


def archive_of(drive: Drive) -> Path:
    """Return the drive's only archive."""
    (path,) = (drive.roots["icc"] / "rawimages").rglob("*.xrif")
    return path


def test_every_sample_becomes_fits_files_of_exactly_its_pixels(tmp_path: Path, capsys: Capsys) -> None:
    """Each type and coding; a real archive; the one that is wrong on purpose fails alone; no configuration."""
    samples = sorted(str(path) for path in shared("samples/xrif").glob("*.xrif"))
    status, said = asked_for_json(capsys, *samples, "-C", "-D", str(tmp_path / "out"), "-j", "2")
    assert (status, said["state"]) == (1, "different")
    bad = [Path(one["file"]).stem for one in said["archives"] if one["state"] != "ok"]
    assert bad == ["u16_single_frame_prev_bytepack_lz4"]
    expected = np.load(shared("samples/xrif/expected.npz"))
    for one in said["archives"]:
        if one["state"] != "ok":
            assert "12 rows of timing for 1 frames" in one["reason"]
            continue
        (product,) = one["products"]
        assert whole(tmp_path / "out" / product)
        archive = xrif.read(one["file"])
        with fits.open(tmp_path / "out" / product, checksum=True) as opened:
            assert np.array_equal(opened[0].data, archive.images[:, 0])
            assert opened[1].data["FRAMENO"].tolist() == archive.frame_numbers.tolist()
            stem = Path(one["file"]).stem
            if stem in expected:
                assert np.array_equal(opened[0].data, expected[stem][:, 0])
    assert products(tmp_path / "out") == sorted(name for one in said["archives"] for name in one["products"])


def test_each_frame_is_a_file_with_its_own_times(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """Named by camera and acquisition; without telemetry the header holds what the archive tells, and no guess."""
    status, out, _ = call(capsys, str(archive_of(drive)), "-D", str(tmp_path / "out"))
    assert status == 0
    assert out.split()[1:3] == ["ok", "4"]
    names = [f"camsci1_{stamp(t)}.fits" for t in (10, 10.5, 11, 11.5)]
    assert products(tmp_path / "out") == names
    images = xrif.read(archive_of(drive)).images
    for name, image in zip(names, images, strict=True):
        assert whole(tmp_path / "out" / name)
        with fits.open(tmp_path / "out" / name, checksum=True) as opened:
            header = opened[0].header
            assert np.array_equal(opened[0].data, image[0])
            assert (header["CAMERA"], header["TIMESYS"]) == ("camsci1", "UTC")
            assert "EXPTIME" not in header
            assert "observation" not in str(header["HISTORY"])


def test_telemetry_fills_the_header_where_an_instrument_says_how(
    tmp_path: Path, drive: Drive, config: Path, capsys: Capsys
) -> None:
    """With the roots named by -X and the map of the instrument's `export`; -X alone gives the exposure time."""
    archive, roots = str(archive_of(drive)), drive.words
    status = main(["--config", str(config), "xrif2fits", archive, "-D", str(tmp_path / "out"), *roots])
    assert status == 0
    header = fits.getheader(tmp_path / "out" / f"camsci1_{stamp(10.5)}.fits")
    assert header["EXPTIME"] == 0.5
    assert "OBJECT" not in header
    assert header["DATE-BEG"].startswith("2025-12-02T23:59:10.0")
    assert header["OBSERVER"] == "observer@example.org"
    assert header["HIERARCH camsci1 FPS"] == 2.0
    assert header["TELESCOP"].startswith("Magellan")
    capsys.readouterr()
    status, _, err = call(capsys, archive, "-D", str(tmp_path / "plain"), *roots)
    assert status == 0
    assert "no configuration was found" in err
    plain = fits.getheader(tmp_path / "plain" / f"camsci1_{stamp(10.5)}.fits")
    assert plain["EXPTIME"] == 0.5
    assert "OBSERVER" not in plain


def test_it_may_be_repeated_and_nothing_of_others_is_touched(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """The same bytes are left alone; another file of the name stays, unless --overwrite says otherwise."""
    words = (str(archive_of(drive)), "-D", str(tmp_path / "out"))
    assert call(capsys, *words)[0] == 0
    taken = tmp_path / "out" / f"camsci1_{stamp(11)}.fits"
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.fits")}
    assert call(capsys, *words)[0] == 0
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.fits")} == before
    taken.write_text("somebody's")
    (tmp_path / "out" / f"camsci1_{stamp(10)}.fits").unlink()
    status, _, err = call(capsys, *words)
    assert status == 1
    assert "nothing of its archive was published" in err
    assert taken.read_text() == "somebody's"
    assert len(products(tmp_path / "out")) == 3
    assert call(capsys, *words, "--overwrite")[0] == 0
    assert whole(taken)
    assert len(products(tmp_path / "out")) == 4


@pytest.mark.parametrize("words", [("-O",), ("-C", "-O")])
def test_of_two_archives_with_one_name_the_second_does_not_take_the_firsts_place(
    tmp_path: Path, drive: Drive, capsys: Capsys, words: tuple[str, ...]
) -> None:
    """-O replaces what was there before, not what was made a moment ago and is told as made."""
    files = [drive.archive([30, 40]), drive.archive([30, 40], role="rtc")]
    status, document = asked_for_json(capsys, *map(str, files), "-D", str(tmp_path / "out"), *words)
    assert status == 1
    assert [one["state"] for one in document["archives"]] == ["ok", "different"]
    with fits.open(tmp_path / "out" / f"camsci1_{stamp(30)}.fits") as units:
        pixels = units[0].data if words == ("-O",) else units[0].data[0]
    assert (pixels == xrif.read(files[0]).images[0, 0]).all()


def test_a_dry_run_reads_the_times_and_writes_nothing(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """First and last frame, frames and drops, without decoding; the output is not even made."""
    drive.archive([40, 40.5, 41], numbers=[7, 8, 12])
    files = sorted(str(path) for path in (drive.roots["icc"] / "rawimages").rglob("*.xrif"))
    status, said = asked_for_json(capsys, *files, "-D", str(tmp_path / "out"), "--dry-run")
    assert status == 0
    assert [(one["frames"], one["dropped_frames"]) for one in said["archives"]] == [(4, 0), (3, 3)]
    assert said["archives"][0]["first_utc"] == "2025-12-02T23:59:10.000000000Z"
    assert not (tmp_path / "out").exists()


def test_of_a_damaged_counter_no_drops_are_made_up(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """It was 10^18 frames that the camera had dropped; a clock or a counter that went back was not told at all."""
    for at_s, numbers in ((40, [7, 2**62, 12, 14]), (50, [1, 2, 2, 3])):
        drive.archive([at_s, at_s + 0.5, at_s + 1, at_s + 1.5], numbers=numbers)
    files = sorted(str(path) for path in (drive.roots["icc"] / "rawimages").rglob("*.xrif"))
    status, said = asked_for_json(capsys, *files, "-D", str(tmp_path / "out"), "--dry-run")
    assert status == 0
    assert [(one["dropped_frames"], one["odd_steps"]) for one in said["archives"]] == [(0, 0), (1, 2), (0, 1)]
    _, out, err = call(capsys, *files, "-D", str(tmp_path / "out"))
    assert [line.split("  ")[5] for line in out.splitlines()] == ["0", "1?", "0?"]
    assert "leaps, or its clock does, 2 times: drops cannot be told there" in err


def test_what_cannot_be_read_is_unknown_and_what_is_damaged_differs(
    tmp_path: Path, drive: Drive, capsys: Capsys
) -> None:
    """Exit 3 wins over 1; the good archive is made all the same."""
    cut = tmp_path / f"camsci1_{stamp(50)}.xrif"
    cut.write_bytes(archive_of(drive).read_bytes()[:-9])
    absent = tmp_path / "absent.xrif"
    words = (str(archive_of(drive)), str(cut), "-D", str(tmp_path / "out"))
    status, said = asked_for_json(capsys, *words)
    assert (status, [one["state"] for one in said["archives"]]) == (1, ["ok", "different"])
    status, said = asked_for_json(capsys, *words, str(absent))
    assert (status, [one["state"] for one in said["archives"]]) == (3, ["ok", "different", "unknown"])
    assert len(products(tmp_path / "out")) == 4


def test_a_root_that_holds_no_data_and_an_unknown_instrument_are_refused_before_anything_is_done(
    tmp_path: Path, drive: Drive, config: Path, capsys: Capsys
) -> None:
    """An empty mount point is not "no telemetry"."""
    (tmp_path / "mnt").mkdir()
    words = [str(archive_of(drive)), "-D", str(tmp_path / "out")]
    status, _, err = call(capsys, *words, "-X", str(tmp_path / "mnt"))
    assert status == 3
    assert "may not be mounted" in err
    assert main(["--config", str(config), "xrif2fits", *words, "--instrument", "magaoy"]) == 2
    assert main(["xrif2fits", *words, "--instrument", "magaox"]) == 2
    assert main(["xrif2fits", "-D", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_of_several_instruments_one_is_named_where_telemetry_is_wanted(
    tmp_path: Path, drive: Drive, config: Path, capsys: Capsys
) -> None:
    """Whose map it is nobody guesses; without telemetry it does not matter."""
    first = config / "instruments.d" / "magaox.yaml"
    other = yaml.safe_load(first.read_text()) | {"instrument": "second", "title": "Second"}
    (config / "instruments.d" / "second.yaml").write_text(yaml.safe_dump(other))
    words = ["--config", str(config), "xrif2fits", str(archive_of(drive)), "-D", str(tmp_path / "out")]
    assert main(words) == 0
    assert main([*words, *drive.words]) == 2
    assert "magaox, second" in capsys.readouterr().err
    assert main([*words, *drive.words, "--instrument", "second", "--overwrite"]) == 0
    assert fits.getheader(tmp_path / "out" / f"camsci1_{stamp(10)}.fits")["INSTRUME"] == "Second camsci1"


def test_two_at_work_on_one_output_do_not_meet(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """The second says that the first holds the lock: exit 4."""
    from nightferry.locks import instrument_lock

    (tmp_path / "out").mkdir()
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with instrument_lock(tmp_path / "out" / ".nightferry", "export"):
            held.set()
            leave.wait(20)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(20)
    try:
        status, _, err = call(capsys, str(archive_of(drive)), "-D", str(tmp_path / "out"))
    finally:
        leave.set()
        other.join()
    assert status == 4
    assert "another run holds the lock" in err


def convert(config: Path, *words: str) -> int:
    """Take the steps of the drive's nights."""
    return main(["--config", str(config), "convert", "-d", "2025-12-02", *words])


def test_the_step_makes_the_files_of_a_night_once(tmp_path: Path, drive: Drive, config: Path, capsys: Capsys) -> None:
    """Files in a folder of the archive's name, cards out of telemetry of two roots; the next run skips them."""
    declare(config, convert={"steps": [{"step": "xrif2fits"}]})
    assert convert(config) == 0
    archive = archive_of(drive)
    made = archive.with_suffix("")
    assert [path.name for path in sorted(made.iterdir())] == [f"camsci1_{stamp(t)}.fits" for t in (10, 10.5, 11, 11.5)]
    header = fits.getheader(made / f"camsci1_{stamp(11)}.fits")
    assert (header["EXPTIME"], header["OBSERVER"]) == (0.5, "observer@example.org")
    assert all(whole(path) for path in made.iterdir())
    before = {path: path.stat().st_mtime_ns for path in made.iterdir()}
    assert convert(config) == 0
    assert {path: path.stat().st_mtime_ns for path in made.iterdir()} == before
    assert "skipped" in capsys.readouterr().out


def test_a_night_converted_before_its_telemetry_came_gets_it_into_its_headers(
    drive: Drive, config: Path, capsys: Capsys
) -> None:
    """By itself and once; telemetry that goes away again, be it freed or on a disk not mounted, takes no card away."""
    declare(config, convert={"steps": [{"step": "xrif2fits"}]})
    (telemetry,) = (drive.roots["icc"] / "telem").rglob("*.bintel")
    late = telemetry.rename(drive.folder / telemetry.name)
    assert convert(config) == 0
    product = archive_of(drive).with_suffix("") / f"camsci1_{stamp(11)}.fits"
    assert "EXPTIME" not in fits.getheader(product)
    late.rename(telemetry)
    capsys.readouterr()
    assert convert(config, "--dry-run") == 0
    assert "would be done" in capsys.readouterr().out
    assert convert(config) == 0
    assert (fits.getheader(product)["EXPTIME"], whole(product)) == (0.5, True)
    assert convert(config) == 0
    assert "0 done  0 failed  1 skipped" in capsys.readouterr().out
    made = product.stat().st_mtime_ns
    telemetry.unlink()
    assert convert(config) == 0
    assert product.stat().st_mtime_ns == made


def test_the_step_makes_cubes_and_goes_on_past_a_damaged_archive(
    tmp_path: Path, drive: Drive, config: Path, capsys: Capsys
) -> None:
    """The damaged one is a failure with its reason, exit 1; the others are made."""
    declare(config, convert={"steps": [{"step": "xrif2fits", "form": "cube", "telemetry": False}]})
    good = archive_of(drive)
    bad = drive.archive([20, 20.5])
    bad.write_bytes(bad.read_bytes()[:-100])
    assert convert(config) == 1
    assert whole(good.with_suffix(".fits"))
    assert not bad.with_suffix(".fits").exists()
    said = capsys.readouterr()
    assert "is damaged: the file ends after" in said.out + said.err
    with fits.open(good.with_suffix(".fits")) as opened:
        assert opened[0].data.shape == (4, 6, 8)
        assert opened["FRAMES"].data["ACQSEC"].tolist() == [at(t) // 10**9 for t in (10, 10.5, 11, 11.5)]


def test_the_external_program_is_an_alternative_by_configuration(
    tmp_path: Path, drive: Drive, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step `command` calls a program of that name; here one that leaves a cube as xrif2fits does."""
    program = tmp_path / "bin" / "xrif2fits"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1 $2" = "--cubeMode -O" ] || exit 2\ncp "$8/../stub.fits" "$8/${6%.xrif}.fits"\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    folder = archive_of(drive).parent
    fits.PrimaryHDU(np.zeros((2, 2), np.int16)).writeto(folder.parent / "stub.fits")
    step = {
        "step": "command",
        "name": "xrif2fits",
        "run": ["xrif2fits", "--cubeMode", "-O", "-d", "{folder}", "-f", "{input}", "-D", "{folder}"],
        "inputs": ["*.xrif"],
        "outputs": ["{stem}.fits"],
        "warning": [1],
    }
    declare(config, convert={"steps": [step]})
    assert convert(config) == 0
    assert whole(archive_of(drive).with_suffix(".fits"))


def test_names_are_bytes_in_archives_products_and_reasons(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """Bytes that are no text, a line end, a leading hyphen: read, written, and said in letters that a terminal has."""
    folder = os.fsencode(tmp_path)
    names = [b"cam\xfft\n_20251202000012500000000.xrif", b"-x.xrif", b"b\xfe.xrif"]
    content = archive_of(drive).read_bytes()
    for name in names:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(content if b"\xfe" not in name else content[:-1])
    files = [os.fsdecode(folder + b"/" + name) for name in names]
    status, out, err = call(capsys, "-C", "-D", str(tmp_path / "out"), *files)
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == [
        r"cam\xfft\x0a_20251202000012500000000.xrif",
        "-x.xrif",
        r"b\xfe.xrif",
    ]
    assert r"b\xfe.xrif is damaged" in err
    made = sorted(os.fsencode(name) for name in products(tmp_path / "out"))
    assert made == [b"-x.fits", b"cam\xfft\n_20251202000012500000000.fits"]
    status, said = asked_for_json(capsys, "-C", "-D", str(tmp_path / "out"), *files)
    assert [one["state"] for one in said["archives"]] == ["ok", "ok", "different"]
    assert set(said["archives"][0]["products"][0]) == {"bytes"}


def test_a_cube_of_a_camera_whose_counter_stands_at_its_end(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """The counter has 64 bits and no sign; a camera that has not begun to count says the largest."""
    numbers = [2**64 - 1, 0, 1]
    archive = str(drive.archive([100, 100.5, 101], numbers=numbers))
    status, _, err = call(capsys, archive, "-C", "-D", str(tmp_path / "out"))
    assert (status, err) == (0, "")
    (cube,) = (tmp_path / "out").glob("*.fits")
    assert whole(cube)
    assert [int(number) for number in fits.getdata(cube, "FRAMES", uint=True)["FRAMENO"]] == numbers


def test_without_room_nothing_is_begun(
    tmp_path: Path, drive: Drive, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk's free space is the one thing that is pretended here: no test may fill a disk."""
    import shutil

    from nightferry.observations.room import ROOM_BYTES

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, ROOM_BYTES))
    status, _, err = call(capsys, str(archive_of(drive)), "-D", str(tmp_path / "out"))
    assert status == 1
    assert "nothing was made" in err
    assert products(tmp_path / "out") == []


def test_killed_it_leaves_whole_files_and_goes_on(tmp_path: Path, drive: Drive, capsys: Capsys) -> None:
    """Ended while it works: what stands under its name is whole, the rest is made by the next call, nothing is left."""
    files = [str(drive.archive([100 + n * 10, 100.5 + n * 10], shape=(1, 200, 200))) for n in range(40)]
    output = tmp_path / "out"
    command = [str(PROGRAM), "xrif2fits", "-D", str(output), *files]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(output.glob("*.fits")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
    begun = products(output)
    assert begun
    assert all(whole(output / name) for name in begun)
    assert call(capsys, "-D", str(output), *files)[0] == 0
    assert len(products(output)) == 80
    assert not (output / ".nightferry" / "export").exists()
