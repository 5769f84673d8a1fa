"""The trees of files that are listed, compared and copied.

Nights end yesterday, so that a window of nights holds them all and none is still being written.
Leaves the choice of sizes to rows.py.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

BLOCK_BYTES = 2880
"""A FITS file is made of blocks of this size."""
PIECE_BYTES = 4 << 20
"""What is made at a time: files may be larger than memory."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree to be made.

    Attributes
    ----------
    nights : int
        Night folders, the one a day.
    files : int
        In all, spread evenly.
    size_bytes : int
        Of each file; rounded up to whole FITS blocks, or 0.
    """

    nights: int
    files: int
    size_bytes: int

    def scaled(self, scale: float) -> Tree:
        """Return the same tree with another number of files; nights stay where each still has a file."""
        files = max(2, round(self.files * scale))
        return replace(self, nights=min(self.nights, files), files=files)

    def files_of(self, back: int) -> int:
        """Return how many files the night has that lies so many before the newest."""
        return self.files // self.nights + (back < self.files % self.nights)


def night(back: int) -> dt.date:
    """Return the date that lies some nights before yesterday."""
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1 + back)


def night_folder(back: int) -> str:
    """Return a night's folder below the root."""
    return f"{night(back):%Y/%m%d}"


def _header(pixels: int) -> bytes:
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    1",
        f"NAXIS1  = {pixels:20d}",
        "END",
    ]
    return b"".join(card.ljust(80).encode() for card in cards).ljust(BLOCK_BYTES)


def _bytes_of_file(size_bytes: int, source: random.Random) -> Iterator[bytes]:
    if size_bytes == 0:
        return
    blocks = max(2, -(-size_bytes // BLOCK_BYTES))
    pixels = (blocks - 1) * BLOCK_BYTES
    yield _header(pixels)
    for start in range(0, pixels, PIECE_BYTES):
        yield source.randbytes(min(PIECE_BYTES, pixels - start))


def file_name(back: int, number: int) -> str:
    """Return the name of one of a night's files."""
    return f"BENCH_{night(back):%Y%m%d}.{number:05d}.fits"


def _make_night(root: Path, tree: Tree, index: int) -> None:
    folder = root / night_folder(index)
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(index)  # noqa: S311 -- incompressible and the same each time, not secret
    evening = dt.datetime.combine(night(index), dt.time(20), dt.UTC).timestamp() - 86400
    for number in range(1, tree.files_of(index) + 1):
        path = folder / file_name(index, number)
        with path.open("wb") as stream:
            stream.writelines(_bytes_of_file(tree.size_bytes, source))
        os.utime(path, (evening + number, evening + number))


def make(root: Path, tree: Tree) -> None:
    """Write a tree below a root; the same bytes, names and times on every call of one day."""
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_make_night, root, tree), range(tree.nights), chunksize=max(1, tree.nights // 50)))
