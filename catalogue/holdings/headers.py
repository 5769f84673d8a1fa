"""One file read for the catalogue: its headers, or its values where it is a JSON file; never its pixels.

Whether the file is whole its format says (observatory/formats); what values mean values.py's.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO, cast

from catalogue.cards import plain_value
from catalogue.holdings.section import CatalogueSection, HduCount, Source
from catalogue.holdings.values import Unreadable, Value, columns_from
from observatory.formats.fits import Fault, walk
from observatory.formats.whole import BARE, format_of, is_bare, is_packed
from observatory.names import matcher
from observatory.nights import NightClock

_BLOCK_BYTES = 1 << 20
CARD_CHARACTERS = 80
LARGEST_JSON_BYTES = 32 << 20
_MOST_VALUES = 4096
"""Cards whose values are remembered: those of an exposure's files repeat themselves."""
_NAME = 8
_END = "END     "


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
            columns, faults = columns_from(own, _in_document(_document(stream, size_bytes)), self.clock)
            return Reading(columns, faults=tuple(faults))
        headers = Headers(*unpacked(below, stream, size_bytes), self.section.hdu)
        if is_packed(below) and headers.is_bare:
            raise FileFault(BARE)
        asked = {name: [one for one in sources if one.file is None] for name, sources in self.sources.items()}
        columns, faults = columns_from(asked, headers.value, self.clock)
        return Reading(columns, tuple(self._counts(below, headers)), tuple(faults))

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


def _count(rule: HduCount, headers: Headers) -> tuple[int, int]:
    try:
        number = int(headers.value(rule.keyword, rule.hdu))
    except (TypeError, ValueError):
        raise FileFault(f"{rule.keyword}, which says how many HDUs {rule.extension} there must be, is absent") from None
    takes = matcher((rule.extension.encode(),))
    return sum(takes(name.encode()) == "taken" for name in headers.names()), number


def unpacked(below: bytes, stream: BinaryIO, size_bytes: int) -> tuple[BinaryIO, int]:
    """Return a stream of FITS and its length; a gzipped one is unpacked to its end, which proves that it has one.

    Raises
    ------
    FileFault
        It is cut off or damaged.
    """
    if format_of(below) != "fits.gz":
        return stream, size_bytes
    inside = cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
    size = 0
    try:
        while block := inside.read(_BLOCK_BYTES):
            size += len(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFault(f"its gzip stream is damaged: {_one_line(error)}") from error
    return inside, size


class Headers:
    """The headers of one FITS file: where each lies is known beforehand, its cards are looked at when asked for.

    Parameters
    ----------
    stream : binary file
        Can seek.
    size_bytes : int
        How much there is to read.
    usual : sequence of str
        Numbers or names of the HDUs in which keywords are looked up where nothing else is said.

    Attributes
    ----------
    places : tuple of (header, data, end)
        Of each HDU the offsets in bytes at which its header and its data begin, and at which it ends.
    is_bare : bool
        There is one HDU alone, without data.

    Raises
    ------
    FileFault
        The file is not whole.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, usual: Sequence[str] = ("0",)) -> None:
        self._stream = stream
        self._usual = usual
        try:
            units = list(walk(stream, size_bytes))
        except Fault as fault:
            raise FileFault(fault.reason) from fault
        self.is_bare = is_bare(units[0], size_bytes)
        ends = [(unit.data_offset, unit.end_offset) for unit in units]
        starts = [0, *(end for _, end in ends)]
        self.places = tuple((start, *end) for start, end in zip(starts, ends, strict=False))
        self._cards: dict[int, dict[str, str]] = {}

    def value(self, keyword: str, hdus: Sequence[str] | None = None) -> Any:
        """Return what a keyword holds in the first of some HDUs that has it; None where none does.

        Raises
        ------
        Unreadable
            The card is there, and no card.
        """
        for hdu in hdus or self._usual:
            number = self._number(hdu)
            if number is not None and (value := self.card(number, keyword)) is not None:
                return value
        return None

    def __len__(self) -> int:
        """Return the number of HDUs."""
        return len(self.places)

    def written(self, number: int) -> bytes:
        """Return one HDU's header as it stands in the file."""
        start, data, _ = self.places[number]
        self._stream.seek(start)
        return self._stream.read(data - start)

    def names(self) -> Iterator[str]:
        """Yield the name of every HDU, "" where it has none."""
        for number in range(len(self.places)):
            name = self.card(number, "EXTNAME")
            yield name.strip() if isinstance(name, str) else ""

    def _number(self, hdu: str) -> int | None:
        if hdu.isdigit():
            return int(hdu) if int(hdu) < len(self.places) else None
        return next((number for number, name in enumerate(self.names()) if name.upper() == hdu.upper()), None)

    def card(self, number: int, keyword: str) -> Any:
        """Return what a keyword holds in one HDU; None where it is not there or empty.

        Raises
        ------
        Unreadable
            The card is there, and no card.
        """
        cards = self._cards.get(number)
        if cards is None:
            cards = self._cards[number] = _images(self.written(number).decode("ascii", "replace"))
        image = cards.get(keyword.upper().removeprefix("HIERARCH ").ljust(_NAME))
        return None if image is None else card_value(image)


@lru_cache(maxsize=_MOST_VALUES)
def card_value(image: str) -> Any:
    """Return the value of a card of eighty characters, or of several that continue it; None where it is empty.

    The files of a night share most of their cards, and reading one costs more than finding it.

    Raises
    ------
    Unreadable
        It is no card.
    """
    plain = plain_value(image)
    if plain is not None:
        return plain
    if image[8:10] != "= " and not image.startswith("HIERARCH"):
        return None  # a card of words: without the mark of a value in its place it holds no value
    from astropy.io import fits  # takes longer to import than most commands to run

    try:
        value = fits.Card.fromstring(image).value
    except (fits.VerifyError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(f"a card that is none: {image[:CARD_CHARACTERS].rstrip()}") from error
    return None if isinstance(value, fits.card.Undefined) else value


def _images(header: str) -> dict[str, str]:
    """Return the card of each keyword (filled up to eight letters), the first of several, with what continues it.

    A card is 80 characters: the keyword up to the ninth, or after HIERARCH up to the equals sign (FITS standard 4.0
    section 4.1; CONTINUE and HIERARCH as in its appendix and ESO's convention).
    """
    if "CONTINUE" not in header and "HIERARCH" not in header:
        names = [header[start : start + _NAME] for start in range(0, len(header), CARD_CHARACTERS)]
        count = names.index(_END) if _END in names else len(names)
        return {names[at]: header[at * CARD_CHARACTERS : (at + 1) * CARD_CHARACTERS] for at in reversed(range(count))}
    found: dict[str, str] = {}
    last = ""
    for start in range(0, len(header), CARD_CHARACTERS):
        image = header[start : start + CARD_CHARACTERS]
        name = image[:_NAME]
        if name == _END:
            break
        if name == "CONTINUE" and last:
            found[last] += image
            continue
        if name == "HIERARCH":
            name = image[9:].partition("=")[0].strip().upper().ljust(_NAME)
        last = "" if name in found else name
        found.setdefault(name, image)
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


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
