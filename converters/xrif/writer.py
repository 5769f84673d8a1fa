"""Writes stream archives: for tests, demonstrations and benchmarks, in any coding that can be read.

Never used on data of an instrument: what its own writer made is kept as it is.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import lz4.block
import numpy as np
from numpy.typing import NDArray

from converters.xrif import differences, packing
from converters.xrif.coding import (
    BITPACK,
    BYTEPACK,
    DTYPES,
    FIRST,
    LZ4,
    NONE,
    PIXEL,
    PREVIOUS,
    RENIBBLE,
    packed_bytes,
    plan,
)
from converters.xrif.faults import Damaged, Unknown
from observatory.errors import UsageError
from observatory.files import write_whole
from observatory.formats.xrif import Block

_HEADER = struct.Struct("<4s6IH3hIH6x")
_TYPE_CODES = {np.dtype(name): code for code, name in DTYPES.items()}


def write(
    path: Path | str,
    images: NDArray[Any],
    timing: NDArray[np.uint64],
    difference: int = PREVIOUS,
    reorder: int = BYTEPACK,
    compress: int = LZ4,
) -> None:
    """Write an archive, whole or not at all.

    Parameters
    ----------
    path : path
    images : array
        Shape (frames, depth, height, width).
    timing : array of uint64
        Shape (frames, 5).
    difference, reorder, compress : int
        Codes of the format; -1 for none.

    Raises
    ------
    UsageError
        The coding is not defined for such pixels.
    OSError
    """
    content = encode(images, "images", difference, reorder, compress)
    rows = np.ascontiguousarray(timing, "<u8").reshape(-1, 1, 1, 5)
    write_whole(Path(path), content + encode(rows, "timing", NONE, NONE, NONE))


def encode(
    images: NDArray[Any], what: str = "images", difference: int = PREVIOUS, reorder: int = BYTEPACK, compress: int = LZ4
) -> bytes:
    """Return one block, header and payload; parameters and what is raised as for `write`."""
    frames, depth, height, width = images.shape
    code = _TYPE_CODES[images.dtype.newbyteorder("<")]
    fields = (width, height, depth, frames, code, difference, reorder, compress)
    payload = _payload(images, Block(what, _HEADER.size, *fields, payload_size=0))
    acceleration = 1 if compress == LZ4 else 0
    return _HEADER.pack(b"xrif", 0, _HEADER.size, *fields, len(payload), acceleration) + payload


def _payload(images: NDArray[Any], header: Block) -> bytes:
    """Encode pixels as a header says, whose payload size is not yet known."""
    unpressed_bytes = packed_bytes(header.reorder, images.nbytes // max(1, header.frames), header.frames)
    try:
        made = plan(header._replace(payload_size=unpressed_bytes), limit_bytes=1 << 62)
    except (Damaged, Unknown) as error:
        raise UsageError(f"no archive can be written: {error}") from error
    rows = np.array(images, made.dtype).reshape(header.frames, -1)
    if made.difference == PREVIOUS:
        differences.subtract_previous(rows)
    elif made.difference == FIRST:
        differences.subtract_first(rows)
    elif made.difference == PIXEL:
        differences.subtract_neighbour(rows.reshape(header.frames * header.depth, -1))
    flat = rows.reshape(-1)
    if made.reorder == BYTEPACK:
        flat = packing.bytepack(flat.view(np.uint16), made.verbatim_bytes)
    elif made.reorder == RENIBBLE:
        flat = packing.renibble(flat.view(np.uint16), made.verbatim_bytes, made.packed_bytes)
    elif made.reorder == BITPACK:
        flat = packing.bitpack(flat.view(np.uint16), made.verbatim_bytes, made.packed_bytes)
    packed = flat.tobytes()
    pressed: bytes = lz4.block.compress(packed, store_size=False) if made.compress == LZ4 else packed
    return pressed
