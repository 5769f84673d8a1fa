"""The coding of one block: sizes and limits from its header, then decompress, unpack, and undo differences.

Headers are parsed by observatory/formats/xrif.py, files opened by archive.py. The rules of each coding are
those of the library that the instrument pins (jaredmales/xrif, commit 2d01962), as established against it in
2025; what that library refuses to write is refused here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lz4.block
import numpy as np
from numpy.typing import NDArray

from converters.xrif import differences, packing
from converters.xrif.faults import Damaged, Unknown
from observatory.formats.xrif import Block

LIMIT_BYTES = 4 << 30
"""What decoding may allocate at most for the pixels of one archive, and once more for their packed form."""

DTYPES = {
    1: "u1",
    2: "i1",
    3: "<u2",
    4: "<i2",
    5: "<u4",
    6: "<i4",
    7: "<u8",
    8: "<i8",
    9: "<f4",
    10: "<f8",
    11: "<c8",
    12: "<c16",
    13: "<f2",
}
"""numpy's name of each type code. The format bears no mark of byte order; every known writer is little-endian."""

NONE, DEFAULT = -1, 100
"""Method codes: none; and 100, the first of each kind, for which 0 may stand as well."""
PREVIOUS, FIRST, PIXEL = 100, 200, 300
BYTEPACK, RENIBBLE, BITPACK = 100, 200, 300
LZ4 = 100
_LARGEST_LZ4_BLOCK = 0x7FFFFFFF
"""LZ4 counts the bytes of a block in a C int."""
_LARGEST_LZ4_RATIO = 255
"""One byte of LZ4 stands for at most 255: more is a lie, found before anything is allocated."""
_SIXTEEN_BITS = frozenset({3, 4})
_INTEGERS = frozenset(range(1, 9))
_BYTES = frozenset({1, 2})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a header says about how its block is to be decoded.

    Attributes
    ----------
    dtype : dtype
    shape : tuple of int
        (frames, depth, height, width).
    raw_bytes : int
        Length of the pixels, decoded.
    packed_bytes : int
        Length of what the payload decompresses to.
    difference, reorder, compress : int
        Method codes; the default in place of 0.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, int, int, int]
    raw_bytes: int
    packed_bytes: int
    difference: int
    reorder: int
    compress: int

    @property
    def frame_pixels(self) -> int:
        """How many pixels a frame has, all its depth together."""
        return self.shape[1] * self.shape[2] * self.shape[3]

    @property
    def verbatim_bytes(self) -> int:
        """How much of the first frame stands before the packed pixels, as it is."""
        return 0 if self.difference == PIXEL else self.frame_pixels * self.dtype.itemsize


def plan(block: Block, limit_bytes: int = LIMIT_BYTES) -> Plan:
    """Work out how a block is to be decoded; allocates nothing.

    Raises
    ------
    Damaged
        Sizes and codes contradict each other.
    Unknown
        Type or coding is none of the format's, or it is larger than the limit.
    """
    if block.type_code not in DTYPES:
        raise Unknown(f"type code {block.type_code} is none of the format's")
    difference, reorder, compress = (
        DEFAULT if code == 0 else code for code in (block.difference, block.reorder, block.compress)
    )
    _check_methods(block.type_code, difference, reorder, compress)
    dtype = np.dtype(DTYPES[block.type_code])
    shape = (block.frames, block.depth, block.height, block.width)
    frame_bytes = block.depth * block.height * block.width * dtype.itemsize
    if not frame_bytes * block.frames:
        raise Damaged(f"the {block.what} block counts no pixel")
    packed = packed_bytes(reorder, frame_bytes, block.frames)
    made = Plan(dtype, shape, frame_bytes * block.frames, packed, difference, reorder, compress)
    _check_sizes(block, made, limit_bytes)
    return made


def decode(block: Block, payload: bytes | bytearray | memoryview, limit_bytes: int = LIMIT_BYTES) -> NDArray[Any]:
    """Return the pixels of a block, shape (frames, depth, height, width), in the type that its header names.

    Allocates at most the pixels, their packed form (with the padding of the codings that pad), and a few blocks of
    half a megabyte: less than twice `limit_bytes`. Reads nothing outside the payload.

    Raises
    ------
    Damaged, Unknown
        As `plan`; or the payload is not what the header promises.
    """
    made = plan(block, limit_bytes)
    if len(payload) != block.payload_size:
        raise Damaged(f"the payload of the {block.what} block has {len(payload)} bytes, not {block.payload_size}")
    packed = _decompressed(block, made, payload)
    pixels = _unpacked(made, packed)
    return pixels.reshape(made.shape)


def _check_methods(type_code: int, difference: int, reorder: int, compress: int) -> None:
    """Refuse what the format has no rule for."""
    known = {
        "difference": (difference, (NONE, PREVIOUS, FIRST, PIXEL)),
        "reorder": (reorder, (NONE, BYTEPACK, RENIBBLE, BITPACK)),
        "compress": (compress, (NONE, LZ4)),
    }
    for method, (code, codes) in known.items():
        if code not in codes:
            raise Unknown(f"{method} coding {code} is none of those that the instrument's library writes")
    if reorder != NONE and type_code not in _SIXTEEN_BITS:
        raise Unknown(f"reorder coding {reorder} is for 16-bit integers, the pixels are {DTYPES[type_code]}")
    if difference != NONE and (type_code not in _INTEGERS or (difference in (PREVIOUS, FIRST) and type_code in _BYTES)):
        raise Unknown(f"difference coding {difference} is not defined for pixels of type {DTYPES[type_code]}")


def packed_bytes(reorder: int, frame_bytes: int, frames: int) -> int:
    """Return how long pixels are once they are reordered, before they are compressed."""
    if reorder == RENIBBLE:
        return frame_bytes * (frames + 1)
    if reorder == BITPACK:
        return max(frame_bytes, 16) * (frames + 1)
    return frame_bytes * frames


def _check_sizes(block: Block, made: Plan, limit_bytes: int) -> None:
    largest = max(made.raw_bytes, made.packed_bytes)
    size = f"the {block.what} block promises {largest} bytes"
    if made.compress == NONE:
        if block.payload_size != made.packed_bytes:
            raise Damaged(
                f"the payload of the {block.what} block has {block.payload_size} bytes, not {made.packed_bytes}"
            )
    elif made.packed_bytes > _LARGEST_LZ4_RATIO * block.payload_size:
        raise Damaged(f"{size}, more than {block.payload_size} bytes of LZ4 can hold")
    elif made.packed_bytes > _LARGEST_LZ4_BLOCK:
        raise Unknown(f"{size}, more than a block of LZ4 can hold")
    if largest > limit_bytes:
        raise Unknown(f"{size}, the limit is {limit_bytes}")
    if made.reorder == BITPACK:  # the padding of renibble is always enough
        packing.check_room(made.packed_bytes, made.verbatim_bytes, made.raw_bytes)


def _decompressed(block: Block, made: Plan, payload: bytes | bytearray | memoryview) -> NDArray[np.uint8]:
    if made.compress == NONE:
        return np.frombuffer(payload, np.uint8)
    try:
        packed = lz4.block.decompress(payload, uncompressed_size=made.packed_bytes)
    except (lz4.block.LZ4BlockError, ValueError, OverflowError) as error:
        raise Damaged(f"the payload of the {block.what} block is no block of LZ4: {error}") from error
    if len(packed) != made.packed_bytes:
        raise Damaged(
            f"the payload of the {block.what} block decompresses to {len(packed)} bytes, not {made.packed_bytes}"
        )
    return np.frombuffer(packed, np.uint8)


def _unpacked(made: Plan, packed: NDArray[np.uint8]) -> NDArray[Any]:
    """Undo reordering and differences; the result is our own and can be written to."""
    frames, pixels = made.shape[0], made.frame_pixels
    if made.reorder == BYTEPACK and made.difference == PREVIOUS:
        return packing.bytepacked_sums(packed, frames, pixels, made.dtype)
    if made.reorder == NONE:
        flat = packed.view(made.dtype).copy()
    else:
        unpack: Callable[[NDArray[np.uint8], int, int], NDArray[np.uint16]] = {
            BYTEPACK: packing.unbytepack,
            RENIBBLE: packing.unrenibble,
            BITPACK: packing.unbitpack,
        }[made.reorder]
        flat = unpack(packed, made.verbatim_bytes, made.raw_bytes // 2).view(made.dtype)
    return _undifferenced(made, flat)


def _undifferenced(made: Plan, flat: NDArray[Any]) -> NDArray[Any]:
    if made.difference == PREVIOUS:
        differences.sum_along_frames(flat.reshape(made.shape[0], -1))
    elif made.difference == FIRST:
        differences.add_first(flat.reshape(made.shape[0], -1))
    elif made.difference == PIXEL:
        differences.sum_along_pixels(flat.reshape(made.shape[0] * made.shape[1], -1))
    return flat
