"""The few header keywords that tell what a FITS file is, read with its structure in one opening of the file.

Reads headers, never pixels. Where the first HDU holds no data the second's header counts too, and before the first's:
in a compressed file the exposure's keywords stand there. What the keywords mean is grammar.py's.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from observatory.formats import whole

_BLOCK_BYTES = 2880
_CARD_BYTES = 80
_MOST_BLOCKS = 2000
"""A header of 72,000 cards is none."""
_PLAIN = re.compile(
    rb" *(?:'(?P<text>(?:[^']|'')*)'|(?P<whole>[+-]?[0-9]{1,40})|(?P<truth>[TF])"
    rb"|(?P<real>[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?|[+-]?[0-9]+E[+-]?[0-9]+)) *(?:/|\Z)"
)
"""A value in the forms of the FITS Standard 4.0, section 4.2, that need no second thought."""


class NotWhole(ValueError):
    """A file that is cut off or damaged by its own format; a sentence without the file's name."""


def read_keywords(path: Path, keywords: Sequence[str]) -> Mapping[str, object]:
    """Return those of some keywords that a file's headers hold, once its structure has been found whole.

    A file whose name is not one of FITS holds none.

    Raises
    ------
    NotWhole
        The file is cut off or damaged.
    OSError
        It cannot be read.
    """
    name = os.fsencode(path)
    if whole.format_of(name) is None:
        return {}
    with path.open("rb") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise NotWhole("it is no regular file")
        state, reason = whole.judge_stream(name, stream, facts.st_size, False)
        if state in ("short", "damaged"):
            raise NotWhole(reason)
        if not keywords or whole.format_of(name) != "fits":
            return {}
        stream.seek(0)
        return _keywords(stream, keywords)


def _keywords(stream: BinaryIO, keywords: Sequence[str]) -> dict[str, object]:
    first = _header(stream)
    found = _held(first, keywords)
    if _card_value(first, b"NAXIS   ") == 0:
        block = stream.read(_BLOCK_BYTES)
        if block.startswith(b"XTENSION"):
            found |= _held(_header(stream, block), keywords)
    return found


def _held(header: bytes, keywords: Sequence[str]) -> dict[str, object]:
    values = {keyword: _card_value(header, keyword.upper().ljust(8).encode()) for keyword in keywords}
    return {keyword: value for keyword, value in values.items() if value is not None}


def _card_value(header: bytes, keyword: bytes) -> str | int | float | bool | None:
    """Return a keyword's value; the plain forms are read here, fifty times as fast as by astropy, the rest by it."""
    place = header.find(keyword + b"= ")
    while place % _CARD_BYTES:  # within another card, or nowhere (-1)
        if place < 0:
            return _by_astropy(header, keyword) if len(keyword) > 8 else None
        place = header.find(keyword + b"= ", place + 1)
    card = header[place + 10 : place + _CARD_BYTES]
    plain = _PLAIN.match(card)
    if plain is None or header[place + _CARD_BYTES :].startswith(b"CONTINUE"):
        return _by_astropy(header, keyword)
    if plain["text"] is not None:
        return plain["text"].decode("ascii", "replace").replace("''", "'").rstrip()
    if plain["whole"] is not None:
        return int(plain["whole"])
    return bool(plain["truth"] == b"T") if plain["truth"] is not None else float(plain["real"])


def _by_astropy(header: bytes, keyword: bytes) -> str | int | float | bool | None:
    from astropy.io import fits  # takes longer to import than most commands to run

    value = fits.Header.fromstring(header).get(keyword.decode().strip())
    return value if isinstance(value, (str, int, float)) else None


def _header(stream: BinaryIO, begun: bytes = b"") -> bytes:
    blocks = [begun] if begun else []
    while not (blocks and _ends(blocks[-1])):
        block = stream.read(_BLOCK_BYTES)
        if len(block) < _BLOCK_BYTES or len(blocks) > _MOST_BLOCKS:
            raise NotWhole("its header does not end")
        blocks.append(block)
    return b"".join(blocks)


def _ends(block: bytes) -> bool:
    place = block.find(b"END     ")
    while place % _CARD_BYTES:
        if place < 0:
            return False
        place = block.find(b"END     ", place + 1)
    return True
