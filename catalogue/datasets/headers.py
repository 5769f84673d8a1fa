"""The few header keywords that tell what a FITS file is, read with its structure in one opening of the file.

Reads headers, never pixels. Where the first HDU holds no data the second's header counts before it: in a compressed
file the exposure's keywords stand there. What the keywords mean is grammar.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from catalogue.datasets.layouts import Layouts
from catalogue.holdings.headers import FileFault, Headers, unpacked
from catalogue.holdings.values import Unreadable
from observatory.formats import whole

_BUFFER_BYTES = 1 << 16
"""The headers of most files are read by one call of the system."""


class NotWhole(ValueError):
    """A file that is cut off or damaged by its own format; a sentence without the file's name."""


class KeywordReader:
    """Reads some keywords of many files; may be used by several threads.

    Parameters
    ----------
    keywords : sequence of str
    """

    def __init__(self, keywords: Sequence[str]) -> None:
        self._keywords = tuple(keywords)
        self._layouts = Layouts(keywords)

    def read(self, path: bytes) -> Mapping[str, object]:
        """Return those of the keywords that a file's headers hold, once its structure has been found whole.

        A file whose name is not one of FITS holds none. One compressed by gzip is unpacked to its end: that takes long.

        Raises
        ------
        NotWhole
            The file is cut off or damaged.
        OSError
            It cannot be read.
        """
        format_name = whole.format_of(path)
        if format_name is None:
            return {}
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise NotWhole("it is no regular file")
            if format_name == "fits":
                return self._of_fits(path, descriptor, facts.st_size)
            with open(descriptor, "rb", closefd=False) as stream:
                if format_name == "fits.gz":
                    return self._of_gzip(path, stream, facts.st_size)
                state, reason = whole.judge_stream(path, stream, facts.st_size, False)
            if state in ("short", "damaged"):
                raise NotWhole(reason)
            return {}
        finally:
            os.close(descriptor)

    def _of_gzip(self, path: bytes, stream: BinaryIO, size_bytes: int) -> Mapping[str, object]:
        try:
            return self._told(Headers(*unpacked(path, stream, size_bytes)))
        except (FileFault, Unreadable) as error:
            raise NotWhole(str(error)) from error

    def _of_fits(self, path: bytes, descriptor: int, size_bytes: int) -> Mapping[str, object]:
        try:
            found = self._layouts.read(descriptor, size_bytes)
            if found is not None and not (whole.is_packed(path) and self._layouts.is_one_header(size_bytes)):
                return found
            with open(descriptor, "rb", buffering=_BUFFER_BYTES, closefd=False) as stream:
                headers = Headers(stream, size_bytes)
                if whole.is_packed(path) and headers.is_bare:
                    raise NotWhole(whole.BARE)
                found = self._told(headers)
                self._layouts.learn(headers)
            return found
        except (FileFault, Unreadable) as error:
            raise NotWhole(str(error)) from error

    def _told(self, headers: Headers) -> dict[str, object]:
        has_no_data = headers.card(0, "NAXIS") == 0
        found: dict[str, object] = {}
        for keyword in self._keywords:
            value = headers.card(1, keyword) if has_no_data and len(headers) > 1 else None
            if value is None:
                value = headers.card(0, keyword)
            if isinstance(value, (str, int, float)):
                found[keyword] = value
        return found
