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
from observatory.counting import counted

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
            _prove_pixels(source, place, packing.quantize)
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
        raw = place.with_name("unscaled")
        try:
            packed = fits.CompImageHDU(
                image.data, image.header, compression_type=kind, tile_shape=tile, quantize_level=quantize or 0
            )
            fits.HDUList([fits.PrimaryHDU(), packed]).writeto(raw, checksum=False)
        except ValueError as error:  # of 64 bits Rice takes no more than 32
            raise NotPacked(f"astropy does not pack it: {error}") from error
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
    """Prove a packed file unit by unit: pixels or, where there is a table, its bytes; and the cards.

    With `quantize` every real number lies within one step of its quantization; whole numbers are never coarser.
    """
    from astropy.io import fits

    with (
        fits.open(source, memmap=False, do_not_scale_image_data=True) as ours,
        fits.open(place, memmap=False, do_not_scale_image_data=True) as theirs,
    ):
        if len(theirs) != len(ours) + 1:  # the first, which is none, makes room for the packed image behind it
            raise NotPacked(f"unpacked again it has {counted(len(theirs) - 1, 'unit')} instead of {len(ours)}")
        for number, (one, other) in enumerate(zip(ours, theirs[1:], strict=True)):
            try:
                _prove_unit(one, other, quantize)
                _compare_cards(one.header, other.header)
            except NotPacked as error:
                raise NotPacked(f"unpacked again {error} (HDU {number})") from None


def _prove_unit(one: Any, other: Any, quantize: float | None) -> None:
    import numpy as np

    if not one.is_image:
        if not other.is_image and _data_bytes(one) == _data_bytes(other):
            return
        raise NotPacked("its table is another")
    if not other.is_image or (one.data is None) != (other.data is None):
        raise NotPacked("its image is another thing")
    if one.data is None:
        return
    is_real = one.data.dtype.kind == "f"
    if one.data.shape != other.data.shape or one.data.dtype.newbyteorder("=") != other.data.dtype.newbyteorder("="):
        raise NotPacked("its image has another shape or type")
    if quantize is not None and is_real:
        _check_close(one.data, other.data, quantize)
    elif not np.array_equal(one.data, other.data, equal_nan=is_real):
        raise NotPacked("its pixels are not those of the original")


def _data_bytes(unit: Any) -> bytes:
    """Return a unit's data as they lie in its file, what lies between and behind the arrays of a table too."""
    place = unit.fileinfo()
    with Path(place["file"].name).open("rb") as stream:
        stream.seek(place["datLoc"])
        return stream.read(place["datSpan"])


def _check_close(one: Any, other: Any, quantize: float) -> None:
    """Hold real numbers against their quantized selves; what is no finite number has to be the very same."""
    import numpy as np

    finite = np.isfinite(one)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        raise NotPacked("what is no finite number is another")
    if not finite.any():
        return
    exact = one[finite].astype(np.float64)
    step = float(exact.std()) / quantize  # the noise is no larger than what all pixels scatter by
    apart = float(np.abs(exact - other[finite]).max())
    if not apart <= step:
        raise NotPacked(f"a pixel is off by {apart:g}, more than one step of {step:g}")


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
        if not _is_kept(card.keyword, one, other):
            raise NotPacked(f"its header has another {card.keyword}")


def _is_kept(keyword: str, one: Any, other: Any) -> bool:
    if keyword == "HISTORY":  # of what it quantized fpack adds a line
        lines = list(one[keyword])
        return list(other.get(keyword, ()))[: len(lines)] == lines
    return bool(other.get(keyword, _UNSCALED.get(keyword)) == one[keyword])
