"""FITS headers as their cards: read, looked up, changed one card at a time; what is not touched stays as it is.

Sixteen hundred cards are no more than bytes here, so that a cube's header can be rewritten without a look at its
pixels. Formats of a dictionary are formats.py's; whether a file is whole, `observatory.formats.fits` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from catalogue.cards import plain_value
from observatory.formats.fits import BLOCK_BYTES, CARD_BYTES, MOST_HEADER_BLOCKS

Value = bool | int | float | str | None

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([ED][+-]?[0-9]+)?\Z")
_KEYWORD = re.compile(rb"[A-Z0-9_-]{1,8} *\Z")
_END = b"END".ljust(CARD_BYTES)
_VALUE_COLUMNS = 20
_TEXT_BYTES = CARD_BYTES - 12
"""What fits between the quotes of one card; longer texts need CONTINUE, which nothing here writes."""
_CONTINUES = b"CONTINUE"


class NotAHeader(Exception):
    """The bytes are no FITS header; the text says why."""


@dataclass(frozen=True, slots=True)
class Card:
    """One card that has a value.

    Attributes
    ----------
    keyword : str
    value : bool, int, float, str or None
        None: undefined, or of a kind that is not read here (complex numbers).
    field : str
        The value as it is written, without the blanks around it.
    comment : str
        Without the slash and the blanks around it.
    """

    keyword: str
    value: Value
    field: str
    comment: str


def parse_card(raw: bytes) -> Card | None:
    """Read one card of 80 bytes; None where it has no value (COMMENT, HISTORY, blank, CONTINUE, HIERARCH)."""
    if raw[8:10] != b"= " or not _KEYWORD.match(raw[:8]):
        return None
    keyword, rest = raw[:8].decode("ascii").rstrip(), raw[10:].decode("latin-1")
    if rest.lstrip().startswith("'"):
        return _text_card(keyword, rest.lstrip())
    field, _, comment = rest.partition("/")
    return Card(keyword, _number_or_logical(field.strip()), field.strip(), comment.strip())


def _text_card(keyword: str, rest: str) -> Card:
    end = 1
    while end < len(rest):
        if rest[end] == "'":
            if rest[end + 1 : end + 2] != "'":
                break
            end += 1
        end += 1
    inside, after = rest[1:end], rest[end + 1 :]
    return Card(keyword, inside.replace("''", "'").rstrip(), rest[: end + 1], after.partition("/")[2].strip())


def _number_or_logical(field: str) -> Value:
    if field in ("T", "F"):
        return field == "T"
    if _INTEGER.match(field):
        return int(field)
    if _FLOAT.match(field):
        return float(field.replace("D", "E"))
    return None


def build_card(keyword: str, field: str, comment: str = "") -> bytes:
    """Return a card of 80 bytes with a value field as given; the comment gives way.

    Raises
    ------
    ValueError
        The field leaves no room on the card.
    """
    placed = field.ljust(_VALUE_COLUMNS) if field.startswith("'") else field.rjust(_VALUE_COLUMNS)
    card = f"{keyword:<8}= {placed}"
    if len(card) > CARD_BYTES:
        raise ValueError(f"{keyword}: {field!r} does not fit on a card")
    if comment and len(card) < CARD_BYTES - 4:
        card = f"{card} / {comment}"
    return card[:CARD_BYTES].ljust(CARD_BYTES).encode("latin-1", "replace")


def field_of(value: bool | int | float | str) -> str:
    """Return how a value is written; floats with all their digits, always with a point or an exponent.

    Raises
    ------
    ValueError
        A text too long for one card, or that is not printable ASCII; a number that is not finite.
    """
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_field(value)
    doubled = value.replace("'", "''")
    if len(doubled) > _TEXT_BYTES or not ((value.isascii() and value.isprintable()) or value == ""):
        raise ValueError(f"{value!r} cannot be written on one card")
    return f"'{doubled:<8}'"


def _float_field(value: float) -> str:
    written = repr(value).upper()
    if "N" in written:  # NAN, INF
        raise ValueError(f"{value} cannot be written in a header")
    return written if "." in written or "E" in written else written + ".0"


class Header:
    """The cards of one header, END excluded, in their order. The first of equal keywords counts.

    Cards that continue a text go where it goes: left behind they would continue another one.
    """

    def __init__(self, cards: list[bytes]) -> None:
        self._cards = list(cards)
        self._places: dict[bytes, int] = {}
        self._index()

    def _index(self) -> None:
        self._places = {}
        for place, raw in enumerate(self._cards):
            self._places.setdefault(raw[:8].rstrip(), place)

    @classmethod
    def parse(cls, raw: bytes) -> Header:
        """Read a header's blocks, END and the blanks after it included."""
        cards = [raw[start : start + CARD_BYTES] for start in range(0, len(raw), CARD_BYTES)]
        cards = cards[: cards.index(_END)]
        while cards and not cards[-1].strip():
            cards.pop()
        return cls(cards)

    def raw(self) -> tuple[bytes, ...]:
        """Return the cards as they are."""
        return tuple(self._cards)

    def copy(self) -> Header:
        """Return another with the same cards."""
        return Header(self._cards)

    def __len__(self) -> int:
        """Return the number of cards, END excluded."""
        return len(self._cards)

    def __contains__(self, keyword: str) -> bool:
        """Say whether there is such a card."""
        return keyword.encode() in self._places

    def cards(self) -> Iterator[tuple[int, Card]]:
        """Yield every card that has a value, with its place."""
        for place, raw in enumerate(self._cards):
            card = parse_card(raw)
            if card is not None:
                yield place, card

    def card(self, keyword: str) -> Card | None:
        """Return a card by its keyword; None where there is none, or where it has no value."""
        place = self._places.get(keyword.encode())
        card = None if place is None else parse_card(self._cards[place])
        if place is None or card is None or self._behind(place) == place + 1:
            return card
        whole = plain_value(b"".join(self._cards[place : self._behind(place)]).decode("latin-1"))
        return card if whole is None else replace(card, value=whole)

    def _behind(self, place: int) -> int:
        """Return where the next card stands behind those that continue one."""
        behind = place + 1
        while behind < len(self._cards) and self._cards[behind].startswith(_CONTINUES):
            behind += 1
        return behind

    def get(self, keyword: str) -> Value:
        """Return a value by its keyword; None where there is none. Trailing blanks of a text do not count."""
        card = self.card(keyword)
        return None if card is None else card.value

    def put(self, place: int, raw: bytes) -> None:
        """Replace one card."""
        self._cards[place] = raw

    def set(self, keyword: str, value: bool | int | float | str, comment: str = "") -> None:
        """Set a value in its place, keeping the comment that is there; a new card comes last.

        Raises
        ------
        ValueError
            As `field_of` and `build_card`.
        """
        place = self._places.get(keyword.encode())
        if place is None:
            self._places[keyword.encode()] = len(self._cards)
            self._cards.append(build_card(keyword, field_of(value), comment))
            return
        before = parse_card(self._cards[place])
        kept = comment if before is None else before.comment or comment
        behind = self._behind(place)
        self._cards[place:behind] = [build_card(keyword, field_of(value), kept)]
        if behind > place + 1:
            self._index()

    def put_comment(self, keyword: str, comment: str) -> None:
        """Replace the comment of a card that is there, and leave its value as it is written."""
        place = self._places[keyword.encode()]
        card = parse_card(self._cards[place])
        if card is not None:
            self._cards[place] = build_card(keyword, card.field, comment)

    def drop(self, keyword: str) -> None:
        """Take a card out, if it is there."""
        place = self._places.get(keyword.encode())
        if place is not None:
            del self._cards[place : self._behind(place)]
            self._index()

    def insert_after(self, keyword: str, raw: bytes) -> None:
        """Put a card behind another."""
        self._cards.insert(self._behind(self._places[keyword.encode()]), raw)
        self._index()

    def to_bytes(self) -> bytes:
        """Return the header's blocks, END included."""
        raw = b"".join([*self._cards, _END])
        return raw.ljust(-(-len(raw) // BLOCK_BYTES) * BLOCK_BYTES)

    @property
    def data_bytes(self) -> int:
        """Return how many bytes of data the header promises, without the padding.

        Raises
        ------
        NotAHeader
            BITPIX or an axis is missing or no number.
        """
        axes = [self._count(f"NAXIS{axis}") for axis in range(1, self._count("NAXIS") + 1)]
        if not axes:
            return 0
        elements = 1
        for axis in axes:
            elements *= axis
        groups, extra = self.get("GCOUNT"), self.get("PCOUNT")
        rows = (groups if isinstance(groups, int) else 1) * ((extra if isinstance(extra, int) else 0) + elements)
        return abs(self._count("BITPIX")) // 8 * rows

    def _count(self, keyword: str) -> int:
        value = self.get(keyword)
        if not isinstance(value, int) or isinstance(value, bool):
            raise NotAHeader(f"{keyword} is missing or no number")
        return value


def read_header(stream: BinaryIO) -> Header:
    """Read the header that begins where a file stands; it stands at the data afterwards.

    Raises
    ------
    NotAHeader
        The file ends before the header does, or this is no header.
    OSError
    """
    blocks: list[bytes] = []
    for _ in range(MOST_HEADER_BLOCKS):
        block = stream.read(BLOCK_BYTES)
        if len(block) < BLOCK_BYTES:
            raise NotAHeader("the file ends within its header")
        if not blocks and block[:9] not in (b"SIMPLE  =", b"XTENSION="):
            raise NotAHeader("it does not begin as FITS files do")
        blocks.append(block)
        if _has_end(block):
            return Header.parse(b"".join(blocks))
    raise NotAHeader("its header has no END")


def _has_end(block: bytes) -> bool:
    return any(block[start : start + CARD_BYTES] == _END for start in range(0, BLOCK_BYTES, CARD_BYTES))


def padding(size: int) -> int:
    """Return how many bytes are missing to whole blocks."""
    return -size % BLOCK_BYTES
