"""Whether a FITS file is whole: its blocks, the bytes that every header promises, its checksums.

Reads headers, and no data but for the sums; what the words in a header mean for an exposure is not asked here.
The text of this module is sent to other hosts and run there by whatever python3 they have, 3.6 or later: only the
standard library, no import of ours, and no annotation that 3.6 could not evaluate.

The rules are those of the FITS Standard 4.0 (IAU, 2018): sections 3 and 4.4.1 for blocks and sizes, 6.1 for
random groups, 4.4.2.7 and appendix J for the sums. Structures (SIMPLE, XTENSION) come in any number; what
follows the last one is a fault, as no reader would see it.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLOCK_BYTES = 2880
CARD_BYTES = 80
MOST_HEADER_BLOCKS = 20000
"""A header of more blocks (57.6 MB, 720,000 cards) is no header: its END was lost."""
MOST_FILE_BYTES = 2**63 - 1
"""No file system holds more, so no header can mean it."""

_ONES = 0xFFFFFFFF
_PIECE_BYTES = 8192
_CHUNK_BYTES = 30 * BLOCK_BYTES
"""Read at once."""

_FIRST = b"SIMPLE  ="
_NEXT = b"XTENSION="
_BITPIX = (8, 16, 32, 64, -32, -64)
_CARDS = re.compile(rb"(?:(?!END     )[ -~]{8}.{72})*", re.DOTALL)
"""Cards whose names are text, up to the one that ends the header."""
_READ = re.compile(
    rb"(SIMPLE  |BITPIX  |NAXIS(?:   |[0-9]  |[0-9]{2} |[0-9]{3})|PCOUNT  |GCOUNT  |GROUPS  |CHECKSUM|DATASUM |ZIMAGE  "
    rb"|TFORM(?:[0-9]  |[0-9]{2} |[0-9]{3}))=(.{71})|.{80}",
    re.DOTALL,
)
"""A card that is needed here, its name and all behind the equals sign, or any other, from which nothing is taken."""
_SUMS = (b"CHECKSUM", b"DATASUM ")
_NEVER_COMPUTED = re.compile(rb" *' *' *(?:/.*)?\Z", re.DOTALL)
"""The empty text by which a sum says so (standard, 4.4.2.7). Anything else is damage: a single bit turns the quote
before a sum into the slash before a comment, or its first letter into a second quote.
"""
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
_VARIABLE_LENGTH = re.compile(r" *[0-9]*[PQ]")


class Fault(Exception):
    """A file is not whole; ends the walk over it."""

    def __init__(self, state: str, reason: str) -> None:
        Exception.__init__(self, reason)
        self.state = state
        self.reason = reason


class Unit(NamedTuple):
    """One HDU: where it lies and what its header says; `header_sum` is the sum over the header's blocks, 0 where
    it was not asked for."""

    number: int
    values: "dict[bytes, str]"
    header_sum: int
    data_offset: int
    end_offset: int


def examine(stream: BinaryIO, size: int, sums: bool = False) -> "tuple[str, str]":
    """Judge one FITS file.

    Parameters
    ----------
    stream : binary file
        Can seek; is read from its very start and never written.
    size : int
        The file's length in bytes.
    sums : bool
        Compute DATASUM and CHECKSUM anew for every HDU that has such cards, which reads its data.

    Returns
    -------
    state : str
        ``whole``; ``short`` (headers promise more bytes than there are: cut off, or still growing); ``damaged``;
        ``unjudged`` (SIMPLE is F: the file itself says that it keeps other rules).
    reason : str
        A sentence without a full stop for every state but ``whole``. A sum that does not hold in a compressed
        image or in a table with arrays of variable length is called suspect: widely used writers are known to
        get it wrong there (astropy issues 4587 and 14396).

    Raises
    ------
    OSError
        The stream could not be read. Nothing else, whatever the bytes are.
    """
    try:
        for _ in walk(stream, size):
            pass
        if sums:
            for unit in walk(stream, size, sums=True):
                _check_sums(stream, unit)
    except Fault as fault:
        return fault.state, fault.reason
    return "whole", ""


def walk(stream: BinaryIO, size: int, sums: bool = False) -> "Iterator[Unit]":
    """Yield every HDU whose header and data lie within the file; raise Fault at what does not.

    The headers are added up only where `sums` are asked for: that takes longer than all else that is done with them.
    """
    offset, number = 0, 0
    while offset < size or number == 0:
        unit = _read_unit(stream, offset, size, number, sums)
        if unit.end_offset > size:
            raise Fault("short", f"HDU {number} promises a file of {unit.end_offset} bytes, it has {size}")
        yield unit
        offset, number = unit.end_offset, number + 1


def _read_unit(stream: BinaryIO, offset: int, size: int, number: int, sums: bool) -> Unit:
    stream.seek(offset)
    values: dict[bytes, str] = {}
    header_sum = 0
    for index in range(MOST_HEADER_BLOCKS):
        block = _read(stream, min(BLOCK_BYTES, size - offset - index * BLOCK_BYTES))
        if index == 0:
            _check_beginning(block, number, size - offset)
        if len(block) < BLOCK_BYTES:
            raise Fault("short", f"the file ends after {size} bytes, within the header of HDU {number}")
        header_sum += ones_sum(block) if sums else 0
        if _take_cards(block, values, number):
            data_offset = offset + (index + 1) * BLOCK_BYTES
            data_blocks = -(-_data_bytes(values, number) // BLOCK_BYTES)
            return Unit(number, values, header_sum, data_offset, data_offset + data_blocks * BLOCK_BYTES)
    raise Fault("damaged", f"the header of HDU {number} has no END within {MOST_HEADER_BLOCKS} blocks")


def _check_beginning(block: bytes, number: int, left_bytes: int) -> None:
    expected = _NEXT if number else _FIRST
    if block.startswith(expected):
        return
    if not left_bytes:
        raise Fault("short", "the file is empty")
    if expected.startswith(block):
        raise Fault("short", f"the file ends within the first card of HDU {number}")
    if number:
        raise Fault("damaged", f"{left_bytes} bytes after the last HDU are no extension")
    raise Fault("damaged", "the file does not begin with SIMPLE")


def _take_cards(block: bytes, values: "dict[bytes, str]", number: int) -> bool:
    """Take what is needed from the cards of one block, the first of each name; say whether END was among them."""
    found = _CARDS.match(block)
    end = found.end() if found else 0  # it always matches, if nothing
    for name, field in _READ.findall(block, 0, end):
        if name and not (name in _SUMS and _NEVER_COMPUTED.match(field)):
            values.setdefault(name.rstrip(), _value(field))
    if end < BLOCK_BYTES and not block.startswith(b"END     ", end):
        raise Fault("damaged", f"the header of HDU {number} holds a card that is no text, and no END before it")
    return end < BLOCK_BYTES


def _value(field: bytes) -> str:
    """Return what stands between the equals sign and the comment; a text without its quotes and trailing blanks."""
    text = field.decode("ascii", "replace").strip()
    if not text.startswith("'"):
        return text.partition("/")[0].rstrip()
    return text[1:].replace("''", "\0").partition("'")[0].replace("\0", "'").rstrip()


def _data_bytes(values: "dict[bytes, str]", number: int) -> int:
    """Return the length of an HDU's data without padding, in bytes."""
    simple = values.get(b"SIMPLE", "")
    if number == 0 and simple != "T":
        if simple == "F":
            raise Fault("unjudged", "SIMPLE is F: the file says itself that it is not standard FITS")
        raise Fault("damaged", f"SIMPLE is {simple!r}, neither T nor F")
    bitpix = _whole_number(values, "BITPIX", number)
    if bitpix not in _BITPIX:
        raise Fault("damaged", f"BITPIX of HDU {number} is {bitpix}")
    axes = _axes(values, number)
    if number == 0 and values.get(b"GROUPS") == "T" and axes and axes[0] == 0:
        axes = axes[1:]  # random groups: NAXIS1 = 0 is a mark and no length
    parameters = _length(values, "PCOUNT", number, 0)
    groups = _length(values, "GCOUNT", number, 1)
    if not axes:
        return 0
    total = abs(bitpix) // 8 * groups * (parameters + _product(axes))
    if total > MOST_FILE_BYTES:
        raise Fault("damaged", f"HDU {number} promises more bytes than any file can hold")
    return total


def _axes(values: "dict[bytes, str]", number: int) -> "list[int]":
    count = _whole_number(values, "NAXIS", number)
    if not 0 <= count <= 999:
        raise Fault("damaged", f"NAXIS of HDU {number} is {count}")
    return [_length(values, f"NAXIS{axis}", number) for axis in range(1, count + 1)]


def _product(axes: "list[int]") -> int:
    """Multiply, but stop where the product says nothing more than that it is absurd."""
    if 0 in axes:
        return 0
    product = 1
    for axis in axes:
        product = min(product * axis, MOST_FILE_BYTES + 1)
    return product


def _length(values: "dict[bytes, str]", name: str, number: int, default: "int | None" = None) -> int:
    if default is not None and name.encode() not in values:
        return default
    length = _whole_number(values, name, number)
    if length < 0:
        raise Fault("damaged", f"{name} of HDU {number} is {length}")
    return length


def _whole_number(values: "dict[bytes, str]", name: str, number: int) -> int:
    text = values.get(name.encode())
    if text is None:
        raise Fault("damaged", f"the header of HDU {number} has no {name}")
    if not _WHOLE_NUMBER.match(text):
        raise Fault("damaged", f"{name} of HDU {number} is {text!r}, no whole number")
    return int(text)


def _check_sums(stream: BinaryIO, unit: Unit) -> None:
    """Raise Fault where the data or the whole HDU do not add up to what its cards say.

    cfitsio sets a small sum to the right of a field of ten letters, with blanks before it; so does fpack for every
    primary header without data.
    """
    promised, checksum = unit.values.get(b"DATASUM"), unit.values.get(b"CHECKSUM")
    if promised is None and checksum is None:
        return
    data_sum = _sum_of_data(stream, unit)
    if promised is not None and not _is_sum(promised.strip(), data_sum):
        raise Fault("damaged", f"DATASUM of {_describe(unit)} is {promised.strip()!r}, its data add up to {data_sum}")
    if checksum is not None and (unit.header_sum + data_sum) % _ONES:
        raise Fault("damaged", f"CHECKSUM of {_describe(unit)} does not hold: a header or data byte changed")


def _is_sum(promised: str, data_sum: int) -> bool:
    return promised.isdigit() and int(promised) % _ONES == data_sum


def _describe(unit: Unit) -> str:
    """Name an HDU, and how far a failing sum is to be believed there."""
    if unit.values.get(b"ZIMAGE") == "T":
        return f"HDU {unit.number} (suspect: a compressed image, whose sums some writers get wrong)"
    if any(_VARIABLE_LENGTH.match(text) for name, text in unit.values.items() if name.startswith(b"TFORM")):
        return f"HDU {unit.number} (suspect: arrays of variable length, whose sums some writers get wrong)"
    return f"HDU {unit.number}"


def _sum_of_data(stream: BinaryIO, unit: Unit) -> int:
    stream.seek(unit.data_offset)
    left = unit.end_offset - unit.data_offset
    total = 0
    while left:
        wanted = min(left, _CHUNK_BYTES)
        chunk = _read(stream, wanted)
        if len(chunk) < wanted:
            raise Fault("short", f"the file became shorter while HDU {unit.number} was read")
        total += ones_sum(chunk)
        left -= wanted
    return total % _ONES


def ones_sum(words: bytes) -> int:
    """Add up big-endian 32-bit words in ones' complement; 0 stands for both of its zeros.

    Any number of whole words is one huge number, and 2**32 is 1 in this arithmetic: pieces that stay in the
    processor's cache are added first, then the upper half of the result to its lower half, again and again.
    Twice as fast as with the halves alone (measured 2026-11-21), and no numpy is needed.
    """
    pieces = memoryview(words)
    total = sum(int.from_bytes(pieces[at : at + _PIECE_BYTES], "big") for at in range(0, len(words), _PIECE_BYTES))
    bits = total.bit_length()
    while bits > 64:
        bits = (bits // 2 + 31) // 32 * 32
        total = (total >> bits) + (total & ((1 << bits) - 1))
    return total % _ONES


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes; fewer only where the file ends."""
    parts = []
    while size > 0:
        part = stream.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
