"""A dictionary of how header values are written: keyword and printf format; and cards rewritten by it, type kept.

A dictionary is a table of tab-separated columns with a head: ``Keyword`` (or ``FITS header``), ``Type``, and whatever
else. What a value means is not asked. Which files, and when, fix_headers.py says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.cards import Card, Header, build_card

BOOLEAN = "BOOLEAN"
_FORMAT = re.compile(r"%(-?)([0-9]*)(?:\.([0-9]+))?([sdfEeGg])\Z")
_KEYWORD_COLUMNS = ("Keyword", "FITS header")
_TYPE_COLUMN = "Type"
_STRUCTURE = re.compile(
    r"(SIMPLE|XTENSION|BITPIX|NAXIS[0-9]*|EXTEND|PCOUNT|GCOUNT|GROUPS|TFIELDS|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM|END)\Z"
)
_PLAIN_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}\Z")


class DictionaryFault(Exception):
    """A dictionary cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Format:
    """How values of one keyword are written: ``%20.8f``, ``%-16.16s``, ``%16d`` or ``BOOLEAN``."""

    text: str
    kind: str
    width: int
    precision: int | None

    @classmethod
    def parse(cls, text: str) -> Format:
        """Read a format.

        Raises
        ------
        ValueError
            It is none of those that header values are written in.
        """
        if text == BOOLEAN:
            return cls(text, BOOLEAN, 20, None)
        found = _FORMAT.match(text)
        if found is None:
            raise ValueError(f"{text!r} is no format such as %20.8f, %-16s, %16d or {BOOLEAN}")
        precision = None if found[3] is None else int(found[3])
        return cls(text, found[4], int(found[2] or 0), precision)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A card that was left as it is, and why."""

    keyword: str
    field: str
    format: str
    reason: str

    def __str__(self) -> str:
        """Give it as a sentence's part."""
        return f"{self.keyword} = {self.field} in {self.format}: {self.reason}"


class _Refused(Exception):
    """A value cannot be written in its format."""


def read_dictionary(path: Path) -> dict[str, Format]:
    """Read a dictionary's file; a keyword without a format, or that stands there twice alike, is no fault.

    Rows before the one with the columns' names are prose.

    Raises
    ------
    DictionaryFault
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DictionaryFault(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return parse_dictionary(text, str(path))


def parse_dictionary(text: str, name: str) -> dict[str, Format]:
    """Read a dictionary's text.

    Raises
    ------
    DictionaryFault
    """
    rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    head = next((number for number, row in enumerate(rows) if _TYPE_COLUMN in row and _column(row) is not None), None)
    if head is None:
        raise DictionaryFault(f"{name}: no row names the columns {_KEYWORD_COLUMNS[0]} and {_TYPE_COLUMN}")
    return dict(_entries(rows, head, name))


def _column(row: Sequence[str]) -> int | None:
    return next((row.index(column) for column in _KEYWORD_COLUMNS if column in row), None)


def _entries(rows: Sequence[Sequence[str]], head: int, name: str) -> Iterator[tuple[str, Format]]:
    keyword_column, type_column = _column(rows[head]) or 0, rows[head].index(_TYPE_COLUMN)
    seen: dict[str, str] = {}
    for number, row in enumerate(rows[head + 1 :], start=head + 2):
        if len(row) <= max(keyword_column, type_column):
            continue
        keyword, text = row[keyword_column].strip(), row[type_column].strip()
        if not _PLAIN_KEYWORD.match(keyword) or not text:
            continue
        if seen.setdefault(keyword, text) != text:
            raise DictionaryFault(f"{name}:{number}: {keyword} is {text} here and {seen[keyword]} before")
        try:
            yield keyword, Format.parse(text)
        except ValueError as error:
            raise DictionaryFault(f"{name}:{number}: {keyword}: {error}") from error


def apply(header: Header, formats: Mapping[str, Format]) -> tuple[int, list[Refusal]]:
    """Write every card of a header in its format, as far as that changes nothing but how it is written.

    Returns
    -------
    changed : int
        Cards that were written anew.
    refusals : list of Refusal
        Cards that would have changed their type or lost their value; they stay as they are.
    """
    changed, refusals = 0, []
    for place, card in list(header.cards()):
        wanted = formats.get(card.keyword)
        if wanted is None or _STRUCTURE.match(card.keyword):
            continue
        try:
            field = rewritten(card, wanted)
            raw = build_card(card.keyword, field, card.comment)
        except (_Refused, ValueError) as error:
            refusals.append(Refusal(card.keyword, card.field, wanted.text, str(error)))
            continue
        if field != card.field:
            header.put(place, raw)
            changed += 1
    return changed, refusals


def rewritten(card: Card, wanted: Format) -> str:
    """Return a card's value field in a format; an undefined value stays undefined."""
    if card.value is None:
        return card.field
    if isinstance(card.value, bool):
        return _same_kind(card, wanted, BOOLEAN, "a logical", card.field)
    if isinstance(card.value, str):
        return _same_kind(card, wanted, "s", "a text", _text_field(card.value, wanted) if wanted.kind == "s" else "")
    if isinstance(card.value, int):
        return _same_kind(card, wanted, "d", "an integer", str(card.value))
    return _same_kind(card, wanted, "fEeGg", "a real number", _real_field(card.value, wanted))


def _same_kind(card: Card, wanted: Format, kinds: str, name: str, field: str) -> str:
    if wanted.kind not in (kinds if kinds != BOOLEAN else (BOOLEAN,)):
        raise _Refused(f"it is {name}")
    return field


def _text_field(value: str, wanted: Format) -> str:
    if wanted.precision is not None and len(value) > wanted.precision:
        raise _Refused(f"the text has {len(value)} letters")
    doubled = value.replace("'", "''").ljust(max(8, wanted.width))
    return f"'{doubled}'"


def _real_field(value: float, wanted: Format) -> str:
    if wanted.kind not in "fEeGg":
        return ""
    field = (wanted.text % value).strip().upper()
    if "." not in field:  # %20.0f: without a point it would be an integer
        mantissa, exponent, rest = field.partition("E")
        field = f"{mantissa}.{exponent}{rest}"
    written = float(field)
    if value and not written:
        raise _Refused("nothing would be left of the value")
    if abs(written - value) > _half_unit(field) * (1 + 1e-9):
        raise _Refused("it would be rounded by more than half a unit of the last digit")
    return field


def _half_unit(field: str) -> float:
    """Return half of what the last digit of a number stands for."""
    mantissa, _, exponent = field.partition("E")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)
