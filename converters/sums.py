"""The FITS checksum of a header that was changed: CHECKSUM made true again, where there is one, without the data.

DATASUM holds the sum over the data, which stay as they are. The rules are those of the FITS Standard 4.0 (IAU, 2018),
section 4.4.2.7 and appendix J. Whether the sums of a whole file hold, `observatory.formats.fits` says.
"""

from __future__ import annotations

from converters.cards import Header
from observatory.formats.fits import ones_sum

_ONES = 0xFFFFFFFF
_ZERO = "0" * 16
_NO_LETTERS = frozenset([*range(0x3A, 0x41), *range(0x5B, 0x61)])
"""Punctuation between the digits and letters, which a CHECKSUM does not use."""


def refresh(header: Header) -> None:
    """Set CHECKSUM to what makes the sum over the whole unit minus zero; a header without it is left alone.

    Where DATASUM is missing or no number the card is taken out: a sum that cannot be known must not be said.
    """
    if "CHECKSUM" not in header:
        return
    data_sum = _data_sum(header)
    if data_sum is None:
        header.drop("CHECKSUM")
        return
    header.set("CHECKSUM", _ZERO)
    total = (ones_sum(header.to_bytes()) + data_sum) % _ONES
    header.set("CHECKSUM", encode_sum(total))


def holds(raw: bytes) -> bool:
    """Say whether a header, as its blocks lie in the file, agrees with its CHECKSUM, its DATASUM taken for true.

    True where nothing can be told: there is no CHECKSUM, or no DATASUM beside it.
    """
    header = Header.parse(raw)
    data_sum = _data_sum(header) if header.get("CHECKSUM") else None  # an empty one was never computed
    return data_sum is None or (ones_sum(raw) + data_sum) % _ONES == 0


def _data_sum(header: Header) -> int | None:
    value = header.get("DATASUM")
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return None if isinstance(value, str | bool | float) or value is None else value


def encode_sum(total: int) -> str:
    """Return the 16 letters whose own sum, where CHECKSUM stands, takes a total to minus zero.

    Each byte of the complement is spread over four letters; pairs that fall on punctuation are moved apart by one.
    The string is turned by one place, as the value begins in the card's twelfth byte.
    """
    complement = _ONES - total
    columns = [_spread((complement >> shift) & 0xFF) for shift in (24, 16, 8, 0)]
    letters = "".join(chr(columns[byte][place]) for place in range(4) for byte in range(4))
    return letters[-1] + letters[:-1]


def _spread(byte: int) -> list[int]:
    quarter, rest = divmod(byte, 4)
    letters = [quarter + 0x30] * 4
    letters[0] += rest
    while any(letter in _NO_LETTERS for letter in letters):
        for one, other in ((0, 1), (2, 3)):
            if letters[one] in _NO_LETTERS or letters[other] in _NO_LETTERS:
                letters[one] += 1
                letters[other] -= 1
    return letters
