"""One file read for the catalogue: its headers, or its values where it is a JSON file; never its pixels.

Whether the file is whole its format says (observatory/formats); what values mean values.py's.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from catalogue.holdings.section import CatalogueSection, HduCount, Source
from catalogue.holdings.values import Value, columns_from
from observatory.formats.whole import format_of, judge_stream
from observatory.names import matcher
from observatory.nights import NightClock

MOST_HDUS = 100_000
"""More than any file of ours has; a ramp of PFS has a few hundred."""
LARGEST_JSON_BYTES = 32 << 20


class FileFault(Exception):
    """A file that is not what its name says, or is not whole; a sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file said.

    Attributes
    ----------
    columns : mapping of column to value
    counts : tuple of (found, wanted)
        HDUs by each rule that counts in this file.
    faults : tuple of str
        Values that could not be read as what their columns hold.
    """

    columns: Mapping[str, Value]
    counts: tuple[tuple[int, int], ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """How the files of one instrument are read.

    Attributes
    ----------
    section : CatalogueSection
    sources : mapping of column to its sources
    clock : NightClock
    """

    section: CatalogueSection
    sources: Mapping[str, tuple[Source, ...]]
    clock: NightClock

    def wants(self, camera: str, below: bytes) -> bool:
        """Say whether a file holds anything that the catalogue wants, as far as its name tells."""
        if self._of_file(below):
            return True
        is_image = (format_of(below) or "").startswith("fits")
        return is_image and (self.section.headers is None or camera in self.section.headers)

    def read(self, camera: str, below: bytes, stream: BinaryIO, size_bytes: int) -> Reading:
        """Read one file that somebody else opened.

        Raises
        ------
        FileFault
            It is not whole, or not what its name says.
        OSError
            It could not be read.
        """
        own = self._of_file(below)
        if own:
            return Reading(*_pair(columns_from(own, _in_document(_document(stream, size_bytes)), self.clock)))
        state, reason = judge_stream(below, stream, size_bytes)
        if state in ("short", "damaged"):
            raise FileFault(reason)
        with_headers = Headers(_unpacked(below, stream), self.section.hdu)
        asked = {name: _in_headers(sources) for name, sources in self.sources.items()}
        columns, faults = columns_from(asked, with_headers.value, self.clock)
        return Reading(columns, tuple(self._counts(below, with_headers)), tuple(faults))

    def _of_file(self, below: bytes) -> dict[str, tuple[Source, ...]]:
        """Return, by column, the sources that are in a JSON file of this name."""
        found = {
            name: tuple(source for source in sources if source.file is not None and _takes(source.file, below))
            for name, sources in self.sources.items()
        }
        return {name: sources for name, sources in found.items() if sources}

    def _counts(self, below: bytes, headers: Headers) -> Iterator[tuple[int, int]]:
        for rule in self.section.complete.hdus:
            if any(_takes(pattern, below) for pattern in rule.files):
                yield _count(rule, headers)


def _takes(pattern: str, below: bytes) -> bool:
    return matcher((pattern.encode(),))(below) == "taken"


def _pair(read: tuple[Mapping[str, Value], Sequence[str]]) -> tuple[Mapping[str, Value], tuple[()], tuple[str, ...]]:
    return read[0], (), tuple(read[1])


def _in_headers(sources: Sequence[Source]) -> tuple[Source, ...]:
    return tuple(source for source in sources if source.file is None)


def _count(rule: HduCount, headers: Headers) -> tuple[int, int]:
    wanted = headers.value(rule.keyword, rule.hdu)
    try:
        number = int(wanted)
    except (TypeError, ValueError):
        raise FileFault(f"{rule.keyword}, which says how many HDUs {rule.extension} there must be, is absent") from None
    takes = matcher((rule.extension.encode(),))
    return sum(takes(name.encode()) == "taken" for name in headers.names()), number


def _unpacked(below: bytes, stream: BinaryIO) -> BinaryIO:
    stream.seek(0)
    if format_of(below) != "fits.gz":
        return stream
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))


class Headers:
    """The headers of one FITS file, read one after another as far as somebody asks.

    Parameters
    ----------
    stream : binary file
        Can seek.
    usual : sequence of str
        Numbers or names of the HDUs in which keywords are looked up where nothing else is said.
    """

    def __init__(self, stream: BinaryIO, usual: Sequence[str]) -> None:
        self._stream = stream
        self._usual = usual
        self._read: list[Any] = []
        self._offset = 0
        self._is_at_end = False

    def value(self, keyword: str, hdus: Sequence[str] | None = None) -> Any:
        """Return what a keyword holds in the first of some HDUs that has it; None where none does.

        Raises
        ------
        FileFault
            A header is no header.
        """
        for hdu in hdus or self._usual:
            header = self._header(hdu)
            if header is not None and (value := _card(header, keyword)) is not None:
                return value
        return None

    def names(self) -> Iterator[str]:
        """Yield the name of every HDU, "" where it has none."""
        number = 0
        while (header := self._numbered(number)) is not None:
            yield _name(header)
            number += 1

    def _header(self, hdu: str) -> Any:
        if hdu.isdigit():
            return self._numbered(int(hdu))
        for number, name in enumerate(self.names()):
            if name.upper() == hdu.upper():
                return self._read[number]
        return None

    def _numbered(self, number: int) -> Any:
        while len(self._read) <= min(number, MOST_HDUS) and not self._is_at_end:
            self._read_next()
        return self._read[number] if number < len(self._read) else None

    def _read_next(self) -> None:
        from astropy.io import fits  # takes longer to import than most commands to run

        try:
            self._stream.seek(self._offset)
            header = fits.Header.fromfile(self._stream)
            self._offset = self._stream.tell() + header.data_size_padded
        except EOFError:
            if not self._read:
                raise FileFault("it ends before its first header does") from None
            self._is_at_end = True
            return
        except (OSError, ValueError, KeyError, TypeError, fits.VerifyError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise FileFault(f"header {len(self._read)} cannot be read: {_one_line(error)}") from error
        self._read.append(header)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _name(header: Any) -> str:
    name = _card(header, "EXTNAME")
    return name.strip() if isinstance(name, str) else ""


def _card(header: Any, keyword: str) -> Any:
    """Return what a card holds; None where there is none, it is empty, or nobody can read it."""
    from astropy.io import fits

    try:
        value = header.get(keyword)
    except (fits.VerifyError, ValueError, TypeError, KeyError):
        return None
    return None if isinstance(value, fits.card.Undefined) else value


def _document(stream: BinaryIO, size_bytes: int) -> Any:
    if size_bytes > LARGEST_JSON_BYTES:
        raise FileFault(f"{size_bytes} bytes are more than a JSON file of ours may have")
    try:
        return json.loads(stream.read(LARGEST_JSON_BYTES + 1))
    except (ValueError, RecursionError) as error:
        raise FileFault(f"no JSON: {_one_line(error)}") from error


def _in_document(document: Any) -> Any:
    """Return a lookup of paths such as ``expinfo.seeing``; what is no plain value counts as absent."""

    def value(path: str, hdus: Sequence[str] | None) -> Any:
        here = document
        for part in path.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        return None if isinstance(here, (dict, list)) else here

    return value
