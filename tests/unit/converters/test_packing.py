"""Files packed and proven: integers byte for byte, floating-point numbers without loss or not at all."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from converters import packing
from converters.packing import NotPacked, Packing, is_real, pack
from observatory.formats.fits import examine
from tests.cubes import Night, cube_header, pixel_bytes
from tests.hosts import need

FPACK = Packing("fpack", None, 60.0)
ASTROPY = Packing("astropy", None, 60.0)


class Leash:
    """Holds nothing, and is never pulled."""

    is_pulled = False

    def started(self, group: int) -> None:
        """Take note of nothing."""


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Both programs are there."""
    for program in ("fpack", "funpack"):
        need(shutil.which(program), program)


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    """One cube of unsigned integers, as the logger writes it."""
    night = Night(tmp_path, frames=20, drops=0.0)
    night.expose(triggers=20)
    return next((tmp_path / "vcam1").glob("*.fits"))


def real_numbers(folder: Path) -> Path:
    """Write an image of floating-point numbers."""
    path = folder / "real.fits"
    pixels = np.random.default_rng(1).normal(0, 4, (4, 50, 60)).astype(np.float32)
    pixels[0, 0, 0] = np.nan
    fits.PrimaryHDU(pixels).writeto(path)
    return path


def unpacked(packed: Path) -> bytes:
    """Return what funpack makes of a file."""
    return subprocess.run(["funpack", "-C", "-S", str(packed)], capture_output=True, check=True).stdout


def test_integers_come_back_byte_for_byte_and_are_packed_alike_each_time(cube: Path, tmp_path: Path) -> None:
    """Nothing in the packed file tells when it was packed, and its sums hold."""
    first, second = tmp_path / "1.fits.fz", tmp_path / "2.fits.fz"
    pack(cube, first, FPACK, Leash())
    pack(cube, second, FPACK, Leash())
    assert unpacked(first) == cube.read_bytes()
    assert first.read_bytes() == second.read_bytes()
    with first.open("rb") as stream:
        assert examine(stream, first.stat().st_size, sums=True) == ("whole", "")
    assert b"CHECKSUM" in first.read_bytes()


def test_without_fpack_astropy_packs_the_same_pixels_and_cards(cube: Path, tmp_path: Path) -> None:
    """Readable by funpack, and by whoever reads the header."""
    packed = tmp_path / "a.fits.fz"
    pack(cube, packed, ASTROPY, Leash())
    with fits.open(cube) as ours, fits.open(packed) as theirs:
        assert np.array_equal(ours[0].data, theirs[1].data)
        assert {key: theirs[1].header[key] for key in ("EXPTIME", "BZERO", "DETECTOR")} == {
            key: ours[0].header[key] for key in ("EXPTIME", "BZERO", "DETECTOR")
        }
    back = tmp_path / "back.fits"
    back.write_bytes(unpacked(packed))
    with fits.open(cube) as ours, fits.open(back) as theirs:
        assert np.array_equal(ours[0].data, theirs[0].data)


@pytest.mark.parametrize("packing", [FPACK, ASTROPY])
def test_real_numbers_lose_nothing_by_default(tmp_path: Path, packing: Packing) -> None:
    """fpack's own default would keep a sixth of the bits."""
    path, packed = real_numbers(tmp_path), tmp_path / "real.fits.fz"
    assert is_real(path)
    pack(path, packed, packing, Leash())
    with fits.open(path) as ours, fits.open(packed) as theirs:
        assert np.array_equal(ours[0].data, theirs[1].data, equal_nan=True)
        assert np.isnan(theirs[1].data[0, 0, 0])


@pytest.mark.parametrize("program", ["fpack", "astropy"])
def test_where_loss_is_wanted_it_stays_within_a_step(tmp_path: Path, program: str) -> None:
    """Only where the policy says so, in so many words."""
    path, packed = real_numbers(tmp_path), tmp_path / "real.fits.fz"
    pack(path, packed, Packing(program, 16.0, 60.0), Leash())
    with fits.open(path) as ours, fits.open(packed) as theirs:
        assert 0 < np.nanmax(np.abs(ours[0].data - theirs[1].data)) < 4 / 8
    assert packed.stat().st_size < path.stat().st_size


def test_what_unpacks_to_something_else_is_not_packed(
    cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that loses a bit is found out before anything is removed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    liar = folder / "fpack"
    liar.write_text(f'#!/bin/sh\nhead -c -1 "$4" > {tmp_path}/t.fits; printf x >> {tmp_path}/t.fits\n')
    liar.write_text(
        "#!/usr/bin/env python3\nimport sys, subprocess\n"
        "c = bytearray(open(sys.argv[-1], 'rb').read()); c[len(c) // 2] ^= 1\n"
        f"open('{tmp_path}/t.fits', 'wb').write(c)\n"
        f"sys.exit(subprocess.call(['{shutil.which('fpack')}', *sys.argv[1:-1], '{tmp_path}/t.fits']))\n"
    )
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    with pytest.raises(NotPacked, match="another file than the original"):
        pack(cube, tmp_path / "a.fits.fz", FPACK, Leash())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no FITS", "within its header"),
        (cube_header((0, 4, 4), 1, False, 0, {"NAXIS": 0}).to_bytes(), "holds no image"),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason(tmp_path: Path, content: bytes, words: str) -> None:
    """Before a program is started."""
    path = tmp_path / "x.fits"
    path.write_bytes(content)
    with pytest.raises(NotPacked, match=words):
        pack(path, tmp_path / "x.fz", FPACK, Leash())


def test_a_program_that_fails_or_is_missing_is_named(cube: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """With its status and what it said."""
    whole = cube.read_bytes()
    cube.write_bytes(whole[:-3000])
    with pytest.raises(NotPacked, match="fpack ended with status"):
        pack(cube, tmp_path / "a.fz", FPACK, Leash())
    cube.write_bytes(whole)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotPacked, match="not installed"):
        pack(cube, tmp_path / "b.fz", FPACK, Leash())


def test_integers_of_64_bits_are_refused_with_what_fpack_says(tmp_path: Path) -> None:
    """It cannot pack them; nothing is removed."""
    path = tmp_path / "long.fits"
    fits.PrimaryHDU(np.arange(9)).writeto(path)
    with pytest.raises(NotPacked, match="Bad image datatype"):
        pack(path, tmp_path / "long.fz", FPACK, Leash())


def test_several_units_are_not_packed_by_astropy(tmp_path: Path) -> None:
    """It would have to make another file of them; fpack does that well."""
    path = tmp_path / "two.fits"
    numbers = np.arange(9, dtype=np.int16)
    fits.HDUList([fits.PrimaryHDU(numbers), fits.ImageHDU(numbers)]).writeto(path)
    with pytest.raises(NotPacked, match="further units"):
        pack(path, tmp_path / "two.fz", ASTROPY, Leash())
    pack(path, tmp_path / "three.fz", FPACK, Leash())
    assert pixel_bytes(np.zeros((1, 1, 1), dtype=np.uint16))[:2] == b"\x80\x00"


@pytest.mark.parametrize("program", ["fpack", "astropy"])
@pytest.mark.parametrize("quantize", [None, 4.0])
def test_real_numbers_whose_header_says_that_nothing_is_scaled_are_packed_too(
    tmp_path: Path, program: str, quantize: float | None
) -> None:
    """BSCALE 1 and BZERO 0: what astropy shows of such a packed file lacks the BZERO, and that was taken for a loss."""
    header = cube_header((4, 50, 60), 1, False, 0.0, {"BITPIX": -32, "BSCALE": 1.0, "BZERO": 0.0})
    pixels = np.random.default_rng(1).normal(100, 4, (4, 50, 60)).astype(">f4").tobytes()
    path, packed = tmp_path / "real.fits", tmp_path / "real.fits.fz"
    path.write_bytes(header.to_bytes() + pixels + bytes(-len(pixels) % 2880))
    pack(path, packed, Packing(program, quantize, 60.0), Leash())
    assert fits.Header.fromstring(unpacked(packed))["BZERO"] == 0.0


def several_units(folder: Path, value: float) -> Path:
    """Write an image of real numbers, a second one with a number of our choice in it, and whole numbers behind."""
    pixels = np.random.default_rng(2).normal(100, 4, (20, 30)).astype(np.float32)
    second = pixels.copy()
    second[3, 3] = value
    path = folder / "units.fits"
    whole = np.arange(600, dtype=np.int16).reshape(20, 30)
    units = [fits.PrimaryHDU(pixels), fits.ImageHDU(second, name="VARIANCE"), fits.ImageHDU(whole, name="MASK")]
    units[0].header["HISTORY"] = "made by hand"
    fits.HDUList(units).writeto(path)
    return path


@pytest.mark.parametrize("quantize", [None, 16.0])
def test_every_unit_is_proven_and_not_only_the_first(tmp_path: Path, quantize: float | None) -> None:
    """cfitsio makes an infinite number one that is none: with it in the second unit the original has to stay."""
    path = several_units(tmp_path, np.inf)
    with pytest.raises(NotPacked, match=r"\(HDU 1\)"):
        pack(path, tmp_path / "a.fits.fz", Packing("fpack", quantize, 60.0), Leash())


@pytest.mark.parametrize("quantize", [None, 16.0])
def test_several_units_that_come_back_are_packed(tmp_path: Path, quantize: float | None) -> None:
    """Whole numbers are the very same even where real ones may lose a little; a HISTORY may grow."""
    path, packed = several_units(tmp_path, np.nan), tmp_path / "a.fits.fz"
    pack(path, packed, Packing("fpack", quantize, 60.0), Leash())
    with fits.open(path) as ours, fits.open(packed) as theirs:
        assert np.array_equal(ours[2].data, theirs[3].data)
        assert np.isnan(theirs[2].data[3, 3])


def test_infinite_numbers_do_not_open_the_proof_of_a_lossy_file(tmp_path: Path) -> None:
    """With one of them the scatter of the pixels is no number, and nothing is larger than that."""
    path = tmp_path / "inf.fits"
    pixels = np.random.default_rng(3).normal(0, 4, (20, 30)).astype(np.float32)
    pixels[0, 0] = np.inf
    fits.PrimaryHDU(pixels).writeto(path)
    changed = pixels.copy()
    changed[5, 5] += 1000
    with pytest.raises(NotPacked, match="a pixel is off by 1000"):
        packing._check_close(pixels, changed, 16.0)


def test_what_a_packer_cannot_hold_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Rice takes whole numbers of 32 bits at most."""
    path = tmp_path / "wide.fits"
    fits.PrimaryHDU(np.full((4, 5), 10**12, np.int64)).writeto(path)
    for one in (FPACK, ASTROPY):
        with pytest.raises(NotPacked):
            pack(path, tmp_path / f"{one.program}.fits.fz", one, Leash())
