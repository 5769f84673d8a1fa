"""Raw FITS files as one kind of object, whether a CCD's one image or a near-infrared detector's ramp of reads.

Astropy is imported where a file is opened. Nothing is reduced here but the ramp to its difference; which file a
dataset is, access.py finds.

The structure of a ramp is PFS's (Subaru-PFS/datamodel, PFSB.md): image HDUs IMAGE_1, REF_1, IMAGE_2, REF_2, ...,
before them RESET_IMAGE_1 and RESET_REF_1 since February 2022; W_H4NRED is the number of reads that were asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from observatory.errors import FileUnreadable
from observatory.formats.whole import judge
from observatory.names import show

Image = npt.NDArray[np.float32]
Result = TypeVar("Result")
_READ = re.compile(r"IMAGE_([0-9]+)")


@dataclass(frozen=True, slots=True)
class Hdu:
    """One HDU of a file, as its header says.

    Attributes
    ----------
    index : int
        From 0.
    name : str
        EXTNAME, ``PRIMARY`` for the first without one.
    shape : tuple of int
        Of its image, rows first; empty where it holds none.
    """

    index: int
    name: str
    shape: tuple[int, ...]


class RawFile:
    """One raw file; opened for each question and closed again.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        """Say which file it is."""
        return f"RawFile({str(self.path)!r})"

    @cached_property
    def hdus(self) -> tuple[Hdu, ...]:
        """Every HDU in its order.

        Raises
        ------
        FileUnreadable
            The file is away, or is no FITS file.
        """
        return self._ask(lambda opened: tuple(_hdu(number, one) for number, one in enumerate(opened)))

    @property
    def is_ramp(self) -> bool:
        """Whether the file holds the reads of a near-infrared detector."""
        return self.read_count > 0

    @property
    def read_count(self) -> int:
        """How many reads the ramp holds; 0: it is none."""
        return len(self._reads())

    @property
    def is_complete(self) -> bool:
        """Whether a ramp holds every read up to W_H4NRED; a CCD's file with an image is complete.

        A ramp whose header does not say how many there shall be is not known to be complete.
        """
        if not self.is_ramp:
            return any(len(hdu.shape) == 2 for hdu in self.hdus)
        reads = self._reads()
        return bool(reads == [*range(1, len(reads) + 1)] and len(reads) == self.header().get("W_H4NRED"))

    def header(self, hdu: int | str = 0) -> Mapping[str, Any]:
        """Return a header by number or name of its HDU."""
        return self._ask(lambda opened: dict(opened[hdu].header.items()))

    def get_image(self) -> Image:
        """Return the image, float32, shape (rows, columns).

        Of a CCD: its first image. Of a ramp: the last read less the first, each less its reference image; of a
        single read that read less the reset, where there is one.

        Raises
        ------
        FileUnreadable
            The file is away or damaged, or holds no image.
        """
        reads = self._reads()
        return self._ask(lambda opened: _difference(opened, reads) if reads else _first_image(opened))

    def _reads(self) -> list[int]:
        """Return the numbers of a ramp's reads, ascending."""
        return sorted(int(found[1]) for hdu in self.hdus if (found := _READ.fullmatch(hdu.name)))

    def _ask(self, question: Callable[[Any], Result]) -> Result:
        from astropy.io import fits

        state, reason = judge(bytes(self.path))
        if state not in ("whole", "unjudged"):  # of one that is cut off astropy gives what is there, or a zero
            raise FileUnreadable("this machine", show(bytes(self.path)), reason)
        try:
            with fits.open(self.path, memmap=False, lazy_load_hdus=True) as opened:
                return question(opened)
        except (OSError, KeyError, IndexError, ValueError, TypeError, fits.VerifyError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no FITS file"
            raise FileUnreadable("this machine", show(bytes(self.path)), why) from error


def _hdu(number: int, one: Any) -> Hdu:
    shape = tuple(one.shape) if one.is_image and one.header.get("NAXIS", 0) else ()
    return Hdu(number, one.name or ("PRIMARY" if number == 0 else ""), shape)


def _first_image(opened: Any) -> Image:
    for one in opened:
        if one.is_image and one.header.get("NAXIS", 0) >= 2:
            return np.asarray(one.data, dtype=np.float32)
    raise ValueError("it holds no image")


def _read(opened: Any, number: int) -> Image:
    image = np.asarray(opened[f"IMAGE_{number}"].data, dtype=np.float32)
    return image - np.asarray(opened[f"REF_{number}"].data, dtype=np.float32) if f"REF_{number}" in opened else image


def _difference(opened: Any, reads: list[int]) -> Image:
    last = _read(opened, reads[-1])
    if len(reads) > 1:
        return last - _read(opened, reads[0])
    if "RESET_IMAGE_1" not in opened:
        return last
    reset = np.asarray(opened["RESET_IMAGE_1"].data, dtype=np.float32)
    if "RESET_REF_1" in opened:
        reset = reset - np.asarray(opened["RESET_REF_1"].data, dtype=np.float32)
    return last - reset
