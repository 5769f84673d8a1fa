"""Headers of FITS files read by place: what was found of one header holds of every other with the same cards.

A header's cards are the same where their names are, in their order. Of such a header nothing need be looked up: it is
as long, its keywords stand where they stood, and where the cards that tell the length of its data are the same too,
the data are as long. What a header is that was not met before, formats/fits.py and holdings/headers.py say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from catalogue.holdings.headers import CARD_CHARACTERS, Headers, card_value

_NAME_BYTES = 8
_END = b"END     "
_TELLS_LENGTH = re.compile(rb"SIMPLE  |XTENSION|BITPIX  |NAXIS[0-9 ]{3}|PCOUNT  |GCOUNT  |GROUPS  ")
"""Cards that formats/fits.py judges an HDU by, where no sums are asked for."""
_MOST_LAYOUTS = 256
_MOST_LENGTHS = 1024
"""Remembered at most; then all is learned anew."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the cards of a header are: those that tell the length of its data, and those of the wanted keywords.

    `lengths` remembers, by the former's bytes, how many bytes of data follow, and whether there are no axes.
    """

    telling: tuple[slice, ...]
    wanted: Mapping[str, slice]
    lengths: dict[bytes, tuple[int, bool]] = field(default_factory=dict)

    def told_by(self, header: bytes) -> bytes:
        """Return the cards that tell the length of the data."""
        return b"".join([header[place] for place in self.telling])


class _Unit(NamedTuple):
    """One HDU of a file."""

    header: bytes
    layout: _Layout
    data_bytes: int
    has_no_axes: bool


class Layouts:
    """What headers of many files were found to be; may be used by several threads.

    Parameters
    ----------
    keywords : sequence of str
        Those that are wanted.
    """

    def __init__(self, keywords: Sequence[str]) -> None:
        self._keywords = tuple(keywords)
        self._known: dict[tuple[bool, bytes], _Layout] = {}
        self._header_bytes: tuple[int, ...] = ()

    def read(self, descriptor: int, size_bytes: int) -> Mapping[str, object] | None:
        """Return those of the keywords that an open file's headers hold; None where a header was not met before.

        Where the first HDU has no axes, the second's header counts before it.

        Raises
        ------
        catalogue.holdings.values.Unreadable
            A card that is none.
        OSError
            The file cannot be read.
        """
        units: list[_Unit] = []
        offset = 0
        while offset < size_bytes or not units:
            unit = self._unit(os.pread(descriptor, max(self._header_bytes, default=0), offset), offset == 0)
            if unit is None:
                return None
            offset += len(unit.header) + unit.data_bytes
            units.append(unit)
        return None if offset > size_bytes else _told(self._keywords, units)

    def is_one_header(self, size_bytes: int) -> bool:
        """Say whether a file may be a known header and nothing else."""
        return size_bytes in self._header_bytes

    def learn(self, headers: Headers) -> None:
        """Remember what the headers of a file that is whole were found to be."""
        for number, (_, data, end) in enumerate(headers.places):
            header = headers.written(number)
            layout = self._layout_of(number == 0, header)
            if layout is not None:
                if len(layout.lengths) >= _MOST_LENGTHS:
                    layout.lengths.clear()
                layout.lengths[layout.told_by(header)] = (end - data, headers.card(number, "NAXIS") == 0)

    def _unit(self, held: bytes, is_first: bool) -> _Unit | None:
        for length in self._header_bytes:
            header = held[:length]
            layout = self._known.get((is_first, _names(header)))
            if layout is not None and len(header) == length:  # one cut off behind its last name is not whole
                length_of_data = layout.lengths.get(layout.told_by(header))
                return None if length_of_data is None else _Unit(header, layout, *length_of_data)
        return None

    def _layout_of(self, is_first: bool, header: bytes) -> _Layout | None:
        """Return the layout of a header, remembered from now on; None where names are written outside their place."""
        if len(self._known) >= _MOST_LAYOUTS:
            self._known.clear()
            self._header_bytes = ()
        self._header_bytes = tuple(dict.fromkeys([*self._header_bytes, len(header)]))
        key = (is_first, _names(header))
        if key not in self._known:
            names = [header[at : at + _NAME_BYTES] for at in range(0, len(header), CARD_CHARACTERS)]
            names = names[: names.index(_END)] if _END in names else names
            if b"HIERARCH" in names:
                return None
            self._known[key] = _Layout(tuple(_telling(names)), self._wanted(names))
        return self._known.get(key)

    def _wanted(self, names: Sequence[bytes]) -> dict[str, slice]:
        places: dict[str, slice] = {}
        for keyword in self._keywords:
            name = keyword.upper().removeprefix("HIERARCH ").ljust(_NAME_BYTES).encode("ascii", "replace")
            if name in names:
                first = names.index(name)
                places[keyword] = slice(first * CARD_CHARACTERS, _end_of(first, names) * CARD_CHARACTERS)
        return places


def _told(keywords: Sequence[str], units: Sequence[_Unit]) -> dict[str, object]:
    asked = units[1::-1] if units[0].has_no_axes else units[:1]
    found: dict[str, object] = {}
    for keyword in keywords:
        for unit in asked:
            place = unit.layout.wanted.get(keyword)
            value = None if place is None else card_value(unit.header[place].decode("ascii", "replace"))
            if value is not None:
                if isinstance(value, (str, int, float)):
                    found[keyword] = value
                break
    return found


def _names(header: bytes) -> bytes:
    """Return the names of all cards: their first letters, then their second ones, and so on."""
    return b"".join([header[letter::CARD_CHARACTERS] for letter in range(_NAME_BYTES)])


def _end_of(first: int, names: Sequence[bytes]) -> int:
    """Return the number of the card behind one and those that continue it."""
    end = first + 1
    while end < len(names) and names[end] == b"CONTINUE":
        end += 1
    return end


def _telling(names: Sequence[bytes]) -> Iterator[slice]:
    """Yield the places of the first card and of all that tell the length of the data, neighbours together."""
    begun: int | None = 0
    for number, name in enumerate([*names, b""]):
        tells = number == 0 or _TELLS_LENGTH.fullmatch(name) is not None
        if tells and begun is None:
            begun = number
        elif not tells and begun is not None:
            yield slice(begun * CARD_CHARACTERS, number * CARD_CHARACTERS)
            begun = None
