"""The few header keywords that tell what a FITS file is, read with its structure in one opening of the file.

Reads headers, never pixels. Where the first HDU holds no data the second's header counts too, and before the first's:
in a compressed file the exposure's keywords stand there. What the keywords mean is grammar.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from observatory.formats import whole

_BLOCK_BYTES = 2880
_MOST_BLOCKS = 2000
"""A header of 72,000 cards is none."""


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
    if first.get("NAXIS", 0) == 0:
        block = stream.read(_BLOCK_BYTES)
        if block.startswith(b"XTENSION"):
            found |= _held(_header(stream, block), keywords)
    return found


def _held(header: Any, keywords: Sequence[str]) -> dict[str, object]:
    values = {keyword: header.get(keyword) for keyword in keywords}
    return {keyword: value for keyword, value in values.items() if isinstance(value, (str, int, float))}


def _header(stream: BinaryIO, begun: bytes = b"") -> Any:
    from astropy.io import fits  # takes longer to import than most commands to run

    blocks = [begun] if begun else []
    while not (blocks and _ends(blocks[-1])):
        block = stream.read(_BLOCK_BYTES)
        if len(block) < _BLOCK_BYTES or len(blocks) > _MOST_BLOCKS:
            raise NotWhole("its header does not end")
        blocks.append(block)
    return fits.Header.fromstring(b"".join(blocks))


def _ends(block: bytes) -> bool:
    return any(block[place : place + 8] == b"END     " for place in range(0, _BLOCK_BYTES, 80))
