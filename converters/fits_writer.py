"""FITS written: images with their cards, tables, and the sums that prove them; the same bytes for the same facts.

Which cards there are is the callers'. It is all done here, but for long texts, which astropy writes: a night has a
hundred thousand small files and each would cost astropy milliseconds. Written after the FITS Standard 4.0 (IAU,
2018), the sums after its appendix J. No date of writing is in a file: made again of the same facts, it is the same.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.sums import encode_sum
from observatory.formats.fits import BLOCK_BYTES, CARD_BYTES

Value = str | bool | int | float
"""What a card can hold."""

VERSION = 1
"""Grows when the same facts would give other bytes."""
_ZERO_SUM = "0" * 16
_ONES = 0xFFFFFFFF
_CARDS_KEPT = 16384
_BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
_LARGEST_CARD_INTEGER = 10**20
_LEAST_WHOLE, _LARGEST_WHOLE = -(2**63), 2**63 - 1
"""Between these are the whole numbers of a table; the least is what an absent one is, unless it is needed."""
_UNSIGNED_ZERO = 2**63
"""TZERO of whole numbers without a sign, such as a camera's counter of 64 bits: FITS Standard 4.0, table 19."""
_UNFIT = re.compile(r"[^ -~]")


class NoFits(Exception):
    """FITS has no form for this; the text says what."""


@dataclass(frozen=True, slots=True)
class Card:
    """One card; `keyword` as astropy takes it: ``HIERARCH camsci1 FPS`` where it does not fit a standard one."""

    keyword: str
    value: Value
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels as FITS holds them.

    Attributes
    ----------
    data : array
        Big-endian, of the shape given; unsigned integers of 16 bits and more, and signed ones of 8, are shifted.
    bitpix : int
    zero : int
        BZERO; 0 where none is needed.
    """

    data: NDArray[np.generic]
    bitpix: int
    zero: int


def pixels(image: NDArray[np.generic]) -> Pixels:
    """Return an array's pixels as FITS holds them, bit for bit the same numbers.

    Raises
    ------
    NoFits
        They are complex, or of another type that FITS images do not have.
    """
    kind, size = image.dtype.kind, image.dtype.itemsize
    if kind == "f" and size == 2:
        image, size = image.astype(np.float32), 4
    name = f"{kind}{size}"
    if name in _BITPIX:
        return Pixels(image.astype(image.dtype.newbyteorder(">"), copy=False), _BITPIX[name], 0)
    if kind not in "iu" or size not in (1, 2, 4, 8):
        raise NoFits(f"FITS has no images of type {image.dtype.name}")
    half = 1 << (8 * size - 1)
    if size == 1:
        return Pixels(image.view(np.uint8) ^ np.uint8(half), 8, -half)
    unsigned = image.view(np.dtype(f"{image.dtype.byteorder}u{size}")).astype(f"u{size}", copy=False)
    shifted = np.bitwise_xor(unsigned, np.array(half, unsigned.dtype))
    return Pixels(shifted.view(f"i{size}").astype(f">i{size}"), 8 * size, half)


def image_hdu(taken: Pixels, cards: Iterable[Card], history: Iterable[str] = ()) -> bytes:
    """Return a primary HDU with its image, CHECKSUM and DATASUM.

    Cards whose value FITS cannot hold (NaN, more than 80 characters in a HIERARCH card) are left out.
    """
    data = taken.data.tobytes()
    data += b"\0" * (-len(data) % BLOCK_BYTES)
    head = _structure(taken) + b"".join(card_bytes(card) for card in cards)
    head += b"".join(_history(line) for line in history)
    return with_sums(head, data)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
    values : sequence
        Whole numbers, numbers, truths or texts, one kind in one column; None where absent.
    unit : str
    """

    name: str
    values: Sequence[Value | None]
    unit: str = ""


def table_hdu(name: str, columns: Sequence[Column]) -> bytes:
    """Return a binary table as an extension, with CHECKSUM and DATASUM.

    Absent numbers are NaN, absent whole numbers TNULL, absent texts empty. Whole numbers beyond 2^63 are stored without
    a sign (TZERO). Truths of which some are absent become
    1 and 0: readers take the standard's absent truth for false. Columns must be of one length; one without any
    value is left out.
    """
    made = [_cells(column) for column in columns if any(value is not None for value in column.values)]
    rows = len(made[0].data) if made else 0
    table = np.empty(rows, [(f"c{number}", cells.data.dtype) for number, cells in enumerate(made)])
    for number, cells in enumerate(made):
        table[f"c{number}"] = cells.data
    head = b"".join(card_bytes(card) for card in _table_cards(name, table, made))
    data = table.tobytes()
    return with_sums(head, data + b"\0" * (-len(data) % BLOCK_BYTES))


@dataclass(frozen=True, slots=True)
class _Cells:
    name: str
    form: str
    data: NDArray[np.generic]
    unit: str
    absent: int | None = None
    zero: int = 0


def _cells(column: Column) -> _Cells:
    values = column.values
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool} and None not in values:
        truths = np.frombuffer(bytes(ord("T" if value else "F") for value in values), np.uint8)
        return _Cells(column.name, "L", truths, column.unit)
    if kinds <= {int, bool}:
        return _whole_cells(column.name, [None if value is None else int(value) for value in values], column.unit)
    if kinds <= {int, bool, float}:
        return _number_cells(column.name, [None if value is None else float(value) for value in values], column.unit)
    texts = [b"" if value is None else plain_text(str(value)).encode("ascii") for value in values]
    width = max(1, *map(len, texts))
    return _Cells(column.name, f"{width}A", np.array(texts, f"S{width}"), column.unit)


def _whole_cells(name: str, values: Sequence[int | None], unit: str) -> _Cells:
    """Return whole numbers with a sign, or without where they are too large; as numbers where neither holds all."""
    known = {value for value in values if value is not None}
    zero = 0 if max(known) <= _LARGEST_WHOLE else _UNSIGNED_ZERO
    if min(known) < _LEAST_WHOLE + zero or max(known) > _LARGEST_WHOLE + zero:
        return _number_cells(name, [None if value is None else float(value) for value in values], unit)
    absent = next(free for free in itertools.count(_LEAST_WHOLE) if free + zero not in known)
    stored = np.array([absent if value is None else value - zero for value in values], ">i8")
    return _Cells(name, "K", stored, unit, absent if None in values else None, zero)


def _number_cells(name: str, values: Sequence[float | None], unit: str) -> _Cells:
    return _Cells(name, "D", np.array([math.nan if value is None else value for value in values], ">f8"), unit)


def _table_cards(name: str, table: NDArray[np.void], made: Sequence[_Cells]) -> Iterator[Card]:
    yield Card("XTENSION", "BINTABLE", "binary table extension")
    sizes = (("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", table.dtype.itemsize), ("NAXIS2", len(table)))
    for keyword, value in (*sizes, ("PCOUNT", 0), ("GCOUNT", 1), ("TFIELDS", len(made))):
        yield Card(keyword, value)
    for number, cells in enumerate(made, 1):
        yield Card(f"TTYPE{number}", cells.name)
        yield Card(f"TFORM{number}", cells.form)
        if cells.unit:
            yield Card(f"TUNIT{number}", cells.unit)
        if cells.absent is not None:
            yield Card(f"TNULL{number}", cells.absent, "absent")
        if cells.zero:
            yield Card(f"TZERO{number}", cells.zero, "whole numbers without a sign")
            yield Card(f"TSCAL{number}", 1)
    yield Card("EXTNAME", name)


def with_sums(head: bytes, data: bytes) -> bytes:
    """Return an HDU of its cards (without END) and its padded data, with DATASUM and CHECKSUM added."""
    data_sum = ones_sum(data)
    sums = _plain_text("DATASUM", str(data_sum), "data unit checksum")
    before = head + _plain_text("CHECKSUM", _ZERO_SUM, "HDU checksum") + sums + b"END".ljust(CARD_BYTES)
    before += b" " * (-len(before) % BLOCK_BYTES)
    text = encode_sum(_folded(ones_sum(before) + data_sum)).encode("ascii")
    start = len(head) + 11
    return before[:start] + text + before[start + 16 :] + data


def ones_sum(words: bytes) -> int:
    """Add up big-endian 32-bit words in ones' complement; 0 only where every word is 0."""
    return _folded(int(np.frombuffer(words, ">u4").sum(dtype=np.uint64)))


def _folded(total: int) -> int:
    while total > _ONES:
        total = (total & _ONES) + (total >> 32)
    return total


def _structure(taken: Pixels) -> bytes:
    axes = taken.data.shape[::-1]
    cards = [Card("SIMPLE", True, "FITS Standard 4.0"), Card("BITPIX", taken.bitpix), Card("NAXIS", len(axes))]
    cards += [Card(f"NAXIS{number}", length) for number, length in enumerate(axes, 1)]
    cards.append(Card("EXTEND", True))
    if taken.zero:
        cards += [Card("BSCALE", 1), Card("BZERO", taken.zero, "what is added to the stored integers")]
    return b"".join(card_bytes(card) for card in cards)


def card_bytes(card: Card) -> bytes:
    """Return a card, with its continuations; nothing where FITS cannot hold it."""
    value = card.value
    if isinstance(value, float) and not math.isfinite(value):
        return b""
    if isinstance(value, int) and abs(value) >= _LARGEST_CARD_INTEGER:
        return b""
    return _formatted(card.keyword, type(value).__name__, value, card.comment)


@functools.lru_cache(maxsize=_CARDS_KEPT)
def _formatted(keyword: str, kind: str, value: Value, comment: str) -> bytes:
    """Format a card; most cards of a frame are those of the frame before. `kind`: True and 1 are one key."""
    is_extended = keyword.startswith("HIERARCH ")
    if is_extended:
        bare = f"{keyword} = {_text(value)}"
    elif isinstance(value, str):
        bare = f"{keyword:8s}= {_text(value):20s}"
    else:
        bare = f"{keyword:8s}= {_text(value):>20s}"
    if len(bare) > CARD_BYTES:
        return b"" if is_extended else _continued(keyword, str(value), comment)
    if comment:
        bare += f" / {plain_text(comment)}"
    return bare[:CARD_BYTES].ljust(CARD_BYTES).encode("ascii")


def _text(value: Value) -> str:
    """Write a value as FITS does: T and F, quoted text of at least 8 characters, numbers that read back the same."""
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, str):
        quoted = plain_text(value).replace("'", "''")
        return f"'{quoted:8s}'"
    return float.__repr__(value).replace("e", "E") if isinstance(value, float) else str(value)


def _continued(keyword: str, value: str, comment: str) -> bytes:
    """Write a text over several cards, as astropy does it (the standard's CONTINUE)."""
    from astropy.io import fits

    image: str = fits.Card(keyword, plain_text(value), plain_text(comment)).image
    return image.encode("ascii")


def plain_text(text: str) -> str:
    r"""Return a text in the characters that FITS allows; every other one is written ``\xNN`` or ``\uNNNN``."""
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def _plain_text(keyword: str, value: str, comment: str) -> bytes:
    # in astropy's own columns: it formats the card anew before it computes the sum to compare
    quoted = f"'{value:8s}'"
    return f"{keyword:8s}= {quoted:20s} / {comment}".ljust(CARD_BYTES).encode("ascii")


def _history(line: str) -> bytes:
    text = plain_text(line)
    parts = [text[start : start + 72] for start in range(0, len(text), 72)] or [""]
    return b"".join(f"HISTORY {part}".ljust(CARD_BYTES).encode("ascii") for part in parts)
