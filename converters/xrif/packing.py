"""Reordering of 16-bit pixels, so that LZ4 finds more to say: bytepack, renibble and bitpack, both ways.

Every function takes and gives one-dimensional arrays. What stands before the packed pixels (the first frame,
verbatim) and how long the whole is, coding.py knows.

In all three, `verbatim` is the length in bytes of what is not packed. Bytepack keeps the low bytes of the others
and then their high bytes, with 0x00 and 0xFF exchanged where the low byte is 128 or more, so that small
negative numbers have high bytes of zero. Renibble and bitpack keep u = 2*|v| + sign: renibble its low bytes and
then two planes of nibbles of its high byte, bitpack sixteen planes of bits.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from converters.xrif.faults import Damaged

_BLOCK_PIXELS = 1 << 15
"""Pixels that are worked on at once: 64 KiB, which stay in a core's own cache from one step to the next."""
_BITS = 16
_WORD = np.dtype("<u2")
_SIGNED = np.dtype("<i2")

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]


def check_room(packed_bytes: int, verbatim: int, raw_bytes: int) -> None:
    """Raise Damaged where the planes of bitpack cannot hold the pixels that a header counts."""
    pixels = (raw_bytes - verbatim) // 2
    stride_words = (packed_bytes - verbatim) // (2 * _BITS)
    if stride_words * _BITS < pixels:
        raise Damaged(f"planes of {stride_words} words cannot hold the bits of {pixels} pixels")


def bytepacked_sums(packed: Bytes, frames: int, pixels: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Undo bytepack and the difference to the previous frame at once, block by block.

    Parameters
    ----------
    packed : array of uint8
        One frame verbatim, then the low and the high bytes of the others.
    frames, pixels : int
        Pixels of one frame.
    dtype : dtype
        16-bit integers.

    Returns
    -------
    array
        frames times pixels, of `dtype`.
    """
    out: Words = np.empty((frames, pixels), _WORD)
    out[0] = packed[: 2 * pixels].view(_WORD)
    low, high = packed[2 * pixels :].reshape(2, frames - 1, pixels)
    exchange = _Exchange(min(pixels, _BLOCK_PIXELS))
    for begin in range(0, pixels, _BLOCK_PIXELS):
        part = slice(begin, begin + _BLOCK_PIXELS)
        for frame in range(frames - 1):
            exchange.words(low[frame, part], high[frame, part], out[frame, part], out[frame + 1, part])
    return out.reshape(-1).view(dtype)


def unbytepack(packed: Bytes, verbatim: int, pixels: int) -> Words:
    """Undo bytepack; `pixels` counts all, those of the verbatim frame too."""
    out, first = _with_verbatim(packed, verbatim, pixels)
    low, high = packed[verbatim:].reshape(2, pixels - first)
    exchange = _Exchange(min(pixels, _BLOCK_PIXELS))
    for begin in range(0, len(low), _BLOCK_PIXELS):
        part = slice(begin, begin + _BLOCK_PIXELS)
        exchange.words(low[part], high[part], None, out[first:][part])
    return out


class _Exchange:
    """Makes words of low and high bytes; holds the room that this takes."""

    def __init__(self, most_pixels: int) -> None:
        self._byte: Bytes = np.empty(most_pixels, np.uint8)
        self._mask: Bytes = np.empty(most_pixels, np.uint8)
        self._word: Words = np.empty(most_pixels, _WORD)

    def words(self, low: Bytes, high: Bytes, before: Words | None, out: Words) -> None:
        """Write to `out` the words, each plus the one of `before` if that is given."""
        count = len(low)
        byte, mask, word = self._byte[:count], self._mask[:count], self._word[:count]
        exchanged(low, high, byte, mask)
        np.copyto(word, byte)
        np.left_shift(word, 8, out=word)
        if before is not None:
            np.add(word, before, out=word)
        np.add(word, low, out=out)


def exchanged(low: Bytes, high: Bytes, out: Bytes, mask: Bytes) -> None:
    """Write the high bytes to `out`, 0x00 and 0xFF exchanged where the low byte is 128 or more.

    All in arithmetic on bytes, which processors do many at a time: plus one, 0xFF and 0x00 become 0 and 1.
    """
    np.add(high, 1, out=mask)
    np.less_equal(mask, 1, out=mask.view(np.bool_))
    np.right_shift(low, 7, out=out)
    np.bitwise_and(out, mask, out=out)
    np.negative(out, out=out)  # 1 becomes 0xFF
    np.bitwise_xor(out, high, out=out)


def bytepack(words: Words, verbatim: int) -> Bytes:
    """Bytepack; undoes `unbytepack`."""
    first = words[: verbatim // 2]
    pairs = words[verbatim // 2 :].view(np.uint8).reshape(-1, 2)
    low, high = pairs[:, 0].copy(), pairs[:, 1].copy()
    exchanged(low, high.copy(), high, np.empty_like(high))
    return np.concatenate([first.view(np.uint8), low, high])


def unrenibble(packed: Bytes, verbatim: int, pixels: int) -> Words:
    """Undo renibble; what follows the planes is padding."""
    out, first = _with_verbatim(packed, verbatim, pixels)
    count = pixels - first
    low = packed[verbatim : verbatim + count]
    planes = packed[verbatim + count : verbatim + count + 2 * -(-count // 2)].reshape(2, -1)
    for begin in range(0, count, _BLOCK_PIXELS):
        part = slice(begin, begin + _BLOCK_PIXELS)
        folded: Words = low[part].astype(np.uint16)
        for plane, shift in zip(planes[:, begin // 2 : part.stop // 2], (8, 12), strict=True):
            folded |= _nibbles(plane)[: len(folded)].astype(np.uint16) << shift
        out[first:][part] = _unfold(folded)
    return out


def _with_verbatim(packed: Bytes, verbatim: int, pixels: int) -> tuple[Words, int]:
    """Return room for all pixels, those that are kept as they are in their places, and how many these are."""
    out: Words = np.empty(pixels, _WORD)
    out[: verbatim // 2] = packed[:verbatim].view(_WORD)
    return out, verbatim // 2


def renibble(words: Words, verbatim: int, packed_bytes: int) -> Bytes:
    """Renibble, padded with zeros to a length; undoes `unrenibble`."""
    folded = _fold(words[verbatim // 2 :])
    high = (folded >> 8).astype(np.uint8)
    high = np.concatenate([high, np.zeros(len(high) % 2, np.uint8)])
    planes = [(plane[0::2] << 4 | plane[1::2]).astype(np.uint8) for plane in (high & 0xF, high >> 4)]
    parts = [words[: verbatim // 2].view(np.uint8), (folded & 0xFF).astype(np.uint8), *planes]
    return _padded(np.concatenate(parts), packed_bytes)


def _nibbles(plane: Bytes) -> Bytes:
    """Return the nibbles of a plane in the order of the pixels: the upper of each byte first."""
    return np.stack([plane >> 4, plane & 0xF], axis=1).reshape(-1)


def unbitpack(packed: Bytes, verbatim: int, pixels: int) -> Words:
    """Undo bitpack; how far apart the planes lie follows from the length of `packed`."""
    out, first = _with_verbatim(packed, verbatim, pixels)
    count = pixels - first
    stride = (len(packed) - verbatim) // (2 * _BITS) * 2
    planes = packed[verbatim : verbatim + _BITS * stride].reshape(_BITS, stride)
    for begin in range(0, count, _BLOCK_PIXELS):
        part = slice(begin, min(begin + _BLOCK_PIXELS, count))
        folded: Words = np.zeros(part.stop - begin, _WORD)
        for bit in range(_BITS):
            bits = np.unpackbits(planes[bit, begin // 8 :], bitorder="little", count=len(folded))
            folded |= bits.astype(_WORD) << bit
        out[first:][part] = _unfold(folded)
    return out


def bitpack(words: Words, verbatim: int, packed_bytes: int) -> Bytes:
    """Bitpack, padded with zeros to a length; undoes `unbitpack`."""
    folded = _fold(words[verbatim // 2 :])
    stride = (packed_bytes - verbatim) // (2 * _BITS) * 2
    planes = [np.packbits((folded >> bit & 1).astype(np.uint8), bitorder="little") for bit in range(_BITS)]
    parts = [words[: verbatim // 2].view(np.uint8), *(_padded(plane, stride) for plane in planes)]
    return _padded(np.concatenate(parts), packed_bytes)


def _padded(content: Bytes, length: int) -> Bytes:
    return np.concatenate([content, np.zeros(length - len(content), np.uint8)])


def _fold(words: Words) -> Words:
    """Return 2*|v| + sign for each word v, taken as signed; -32768 becomes a sign without magnitude."""
    values = words.view(_SIGNED)
    return cast("Words", np.abs(values).view(_WORD) << 1 | (values < 0))


def _unfold(folded: Words) -> Words:
    """Undo `_fold`."""
    magnitude = folded >> 1
    is_negative = (folded & 1).astype(np.bool_)
    magnitude[is_negative & (magnitude == 0)] = 0x8000
    return np.where(is_negative, -magnitude, magnitude)
