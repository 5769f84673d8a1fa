"""The few header keywords that tell what a FITS file is, read with its structure in one opening of the file.

Reads headers, never pixels. Where the first HDU holds no data the second's header counts before it: in a compressed
file the exposure's keywords stand there. What the keywords mean is grammar.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from catalogue.holdings.headers import FileFault, Headers
from catalogue.holdings.values import Unreadable
from observatory.formats import whole

_BUFFER_BYTES = 1 << 16
"""The headers of most files are read by one call of the system."""


class NotWhole(ValueError):
    """A file that is cut off or damaged by its own format; a sentence without the file's name."""


def read_keywords(path: Path, keywords: Sequence[str]) -> Mapping[str, object]:
    """Return those of some keywords that a file's headers hold, once its structure has been found whole.

    A file whose name is not one of FITS holds none, one compressed by gzip none that could be read quickly.

    Raises
    ------
    NotWhole
        The file is cut off or damaged.
    OSError
        It cannot be read.
    """
    format_name = whole.format_of(os.fsencode(path))
    if format_name is None:
        return {}
    with path.open("rb", buffering=_BUFFER_BYTES) as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise NotWhole("it is no regular file")
        if format_name != "fits":
            state, reason = whole.judge_stream(os.fsencode(path), stream, facts.st_size, False)
            if state in ("short", "damaged"):
                raise NotWhole(reason)
            return {}
        try:
            return _keywords(Headers(stream, facts.st_size, ("0",)), keywords)
        except (FileFault, Unreadable) as error:
            raise NotWhole(str(error)) from error


def _keywords(headers: Headers, keywords: Sequence[str]) -> dict[str, object]:
    asked = ("1", "0") if headers.value("NAXIS") == 0 else ("0",)
    values = {keyword: headers.value(keyword, asked) for keyword in keywords}
    return {keyword: value for keyword, value in values.items() if isinstance(value, (str, int, float))}
