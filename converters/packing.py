"""Packs a FITS file losslessly, by fpack or astropy, and proves it: unpacked it is compared with the original.

With fpack the proof is byte by byte, with astropy pixel by pixel and card by card. What is to be packed, and what is
removed afterwards, compress.py says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.base import Leash
from converters.cards import NotAHeader, read_header
from converters.programs import CannotStart, run_program
from converters.sums import refresh

_CHUNK_BYTES = 4 * 1024 * 1024
_UPDATED = "Sum of the unit, which makes its total zero"
_PROGRAM_MISSING = "fpack or funpack is not installed"


class NotPacked(Exception):
    """A file could not be packed, or not proven; the text says why."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How files are packed.

    Attributes
    ----------
    program : str
        ``fpack`` or ``astropy``.
    quantize : float or None
        Of floating-point images: how coarse, in units of the noise; None: lossless.
    timeout_s : float
    """

    program: str
    quantize: float | None
    timeout_s: float


def has_fpack() -> bool:
    """Say whether both programs are installed: what cannot be unpacked here cannot be proven here."""
    return shutil.which("fpack") is not None and shutil.which("funpack") is not None


def is_real(path: Path) -> bool:
    """Say whether a file's image is of floating-point numbers.

    Raises
    ------
    NotPacked
        It is no FITS file with an image in its first unit.
    OSError
    """
    try:
        with path.open("rb") as stream:
            header = read_header(stream)
    except NotAHeader as error:
        raise NotPacked(str(error)) from error
    bits = header.get("BITPIX")
    if not header.get("NAXIS") or not isinstance(bits, int):
        raise NotPacked("its first unit holds no image")
    return bits < 0


def pack(source: Path, place: Path, packing: Packing, leash: Leash) -> None:
    """Pack a file and prove it.

    Raises
    ------
    NotPacked
        Nothing that is left at `place` is to be used.
    OSError
    """
    real = is_real(source)
    if packing.program == "fpack":
        _run([*_fpack_words(real, packing.quantize), b"-O", os.fsencode(place), os.fsencode(source)], packing, leash)
        steady_sums(place)
        if real and packing.quantize is not None:
            _prove_close(source, place, packing.quantize)
        elif not _is_same_unpacked(source, place, leash):
            if not real:
                raise NotPacked("unpacked again it is another file than the original")
            _prove_pixels(source, place, None)  # of what is no number cfitsio keeps that it is none, not which bits
    else:
        _pack_astropy(source, place, real, packing.quantize)
        _prove_pixels(source, place, packing.quantize if real else None)


def _fpack_words(real: bool, quantize: float | None) -> list[bytes]:
    if not real:
        return [b"fpack", b"-r"]
    if quantize is None:
        return [b"fpack", b"-g2", b"-q", b"0"]  # Rice takes no unquantized numbers; GZIP_2 shuffles bytes first
    return [b"fpack", b"-r", b"-qt", b"%g" % quantize]  # dithered by the first tile's sum, not by the clock


def _run(argv: Sequence[bytes], packing: Packing, leash: Leash) -> None:
    try:
        ended = run_program(argv, Path("/"), packing.timeout_s, leash)
    except CannotStart as error:
        raise NotPacked(f"{_PROGRAM_MISSING}: {error}") from error
    if ended.ended_by_us is not None:
        raise NotPacked(f"{os.fsdecode(argv[0])}: {ended.ended_by_us} and was ended")
    if ended.status:
        said = ended.output.strip()[-300:].decode("utf-8", "replace")
        raise NotPacked(f"{os.fsdecode(argv[0])} ended with status {ended.status}: {said}")


def steady_sums(path: Path) -> None:
    """Take the date out of the comments of CHECKSUM and DATASUM: the same file is packed to the same bytes.

    fpack writes there when it worked. The sums are made true again; data are not touched.
    """
    with path.open("r+b") as stream:
        size, start = os.fstat(stream.fileno()).st_size, 0
        while start < size:
            stream.seek(start)
            header = read_header(stream)
            data_start = stream.tell()
            for keyword in ("CHECKSUM", "DATASUM"):
                card = header.card(keyword)
                if card is not None:
                    header.put_comment(keyword, _UPDATED if keyword == "CHECKSUM" else "Sum of the data")
            refresh(header)
            stream.seek(start)
            stream.write(header.to_bytes())
            start = data_start + -(-header.data_bytes // 2880) * 2880


def _is_same_unpacked(source: Path, place: Path, leash: Leash) -> bool:
    """Unpack to a pipe and compare with the original, byte by byte."""
    argv = ["funpack", "-C", "-S", str(place)]
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    with process:
        leash.started(process.pid)
        try:
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            same = _same(process.stdout.fileno(), source, leash)
        finally:
            if process.poll() is None:
                process.kill()
        status = process.wait()
    if same and status:
        raise NotPacked(f"funpack ended with status {status}")
    return same


def _same(descriptor: int, source: Path, leash: Leash) -> bool:
    """Compare what comes out of a pipe with a file; the pipe is read to its end where they are equal."""
    mine, theirs = bytearray(_CHUNK_BYTES), bytearray(_CHUNK_BYTES)
    with source.open("rb", buffering=0) as stream:
        while size := os.readv(descriptor, [mine]):
            if leash.is_pulled:
                raise NotPacked("it was ended with the run")
            view = memoryview(theirs)[:size]
            got = 0
            while got < size and (more := stream.readinto(view[got:])):
                got += more
            if got < size or view != memoryview(mine)[:size]:
                return False
        return not stream.read(1)


def _pack_astropy(source: Path, place: Path, real: bool, quantize: float | None) -> None:
    from astropy.io import fits

    kind = "RICE_1" if not real or quantize is not None else "GZIP_2"
    with fits.open(source, memmap=False, do_not_scale_image_data=True) as units:
        if len(units) != 1:
            raise NotPacked("astropy packs files of one image here, and it has further units")
        image = units[0]
        tile = (1, *image.data.shape[1:]) if image.data.ndim > 1 else image.data.shape
        packed = fits.CompImageHDU(
            image.data,
            image.header,
            compression_type=kind,
            tile_shape=tile,
            quantize_level=quantize or 0,
        )
        raw = place.with_name("unscaled")
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(raw, checksum=False)
    _restore_scale(source, raw, place)
    raw.unlink()


def _restore_scale(source: Path, raw: Path, place: Path) -> None:
    """Write a packed file anew with the cards BSCALE and BZERO of its original, which astropy takes for its own."""
    with source.open("rb") as stream:
        original = read_header(stream)
    with raw.open("rb") as stream, place.open("xb") as target:
        target.write(read_header(stream).to_bytes())
        header = read_header(stream)
        for keyword in ("BSCALE", "BZERO"):
            card = original.card(keyword)
            if card is not None and card.value is not None:
                header.set(keyword, card.value, card.comment)
        target.write(header.to_bytes())
        shutil.copyfileobj(stream, target, _CHUNK_BYTES)


def _prove_pixels(source: Path, place: Path, quantize: float | None) -> None:
    import numpy as np
    from astropy.io import fits

    with (
        fits.open(source, memmap=False, do_not_scale_image_data=True) as ours,
        fits.open(place, memmap=False, do_not_scale_image_data=True) as theirs,
    ):
        one, other = ours[0], theirs[1]
        if one.data.shape != other.data.shape or one.data.dtype.newbyteorder("=") != other.data.dtype.newbyteorder("="):
            raise NotPacked("unpacked again its image has another shape or type")
        if quantize is None and not np.array_equal(one.data, other.data, equal_nan=one.data.dtype.kind == "f"):
            raise NotPacked("unpacked again its pixels are not those of the original")
        if quantize is not None:
            _check_close(one.data, other.data, quantize)
        _compare_cards(one.header, other.header)


def _prove_close(source: Path, place: Path, quantize: float) -> None:
    """Prove a lossy file: every pixel lies within one step of its quantization."""
    from astropy.io import fits

    with (
        fits.open(source, memmap=False, do_not_scale_image_data=True) as ours,
        fits.open(place, memmap=False, do_not_scale_image_data=True) as theirs,
    ):
        _check_close(ours[0].data, theirs[1].data, quantize)
        _compare_cards(ours[0].header, theirs[1].header)


def _check_close(one: Any, other: Any, quantize: float) -> None:
    import numpy as np

    if one.shape != other.shape:
        raise NotPacked("unpacked again its image has another shape")
    step = float(np.nanstd(one)) / quantize  # the noise is no larger than what all pixels scatter by
    apart = float(np.nanmax(np.abs(one.astype(np.float64) - other))) if one.size else 0.0
    if apart > step or not np.array_equal(np.isnan(one), np.isnan(other)):
        raise NotPacked(f"unpacked again a pixel is off by {apart:g}, more than one step of {step:g}")


_NOT_COMPARED = frozenset(
    (
        "SIMPLE",
        "XTENSION",
        "EXTEND",
        "PCOUNT",
        "GCOUNT",
        "CHECKSUM",
        "DATASUM",
        "ZHECKSUM",
        "ZDATASUM",
        "EXTNAME",
        "COMMENT",
    )
)


_UNSCALED = {"BSCALE": 1.0, "BZERO": 0.0}
"""What these mean where they are absent: astropy leaves a BZERO of 0 out of what it shows of packed real numbers."""


def _compare_cards(one: Any, other: Any) -> None:
    for card in one.cards:
        if card.keyword in _NOT_COMPARED or not card.keyword:
            continue
        if other.get(card.keyword, _UNSCALED.get(card.keyword)) != one[card.keyword]:
            raise NotPacked(f"unpacked again its header has another {card.keyword}")
