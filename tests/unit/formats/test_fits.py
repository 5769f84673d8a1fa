"""A FITS file is whole, or it is said what is wrong with it; astropy is the oracle, its own test files the ground."""

from __future__ import annotations

import functools
import io
import os
import random
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from observatory.formats import fits

ASTROPY_DATA = Path(astropy_fits.__file__).parent / "tests" / "data"
ASTROPY_FILES = sorted(path for path in ASTROPY_DATA.rglob("*.fits") if path.is_file())


def examine(content: bytes, sums: bool = False) -> tuple[str, str]:
    """Judge bytes as a file."""
    return fits.examine(io.BytesIO(content), len(content), sums)


def card(text: str) -> bytes:
    """Write one card."""
    return text.encode("latin-1").ljust(80)


def header(*cards: str, end: bool = True) -> bytes:
    """Write a header of these cards, padded to blocks."""
    text = b"".join(map(card, cards)) + (card("END") if end else b"")
    return text + b" " * (-len(text) % fits.BLOCK_BYTES)


def primary(*cards: str) -> bytes:
    """Write a header that begins a file."""
    return header("SIMPLE  =                    T", "BITPIX  =                    8", *cards)


EMPTY = primary("NAXIS   =                    0")


def written(*units: object, checksum: bool = False) -> bytes:
    """Let astropy write a file; a real one, as it cannot write random groups into memory."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "made.fits"
        astropy_fits.HDUList(list(units)).writeto(path, checksum=checksum)
        return path.read_bytes()


def random_groups() -> astropy_fits.GroupsHDU:
    """Make an HDU of the old radio astronomers' kind."""
    data = astropy_fits.GroupData(
        np.arange(60, dtype=np.float32).reshape(5, 1, 1, 3, 4),
        bitpix=-32,
        parnames=["UU", "VV"],
        pardata=[np.arange(5, dtype=np.float32)] * 2,
    )
    return astropy_fits.GroupsHDU(data)


def table() -> astropy_fits.BinTableHDU:
    """Make a table that fills no block exactly."""
    return astropy_fits.BinTableHDU.from_columns(
        [astropy_fits.Column("a", "J", array=np.arange(1000)), astropy_fits.Column("b", "5A", array=["sha"] * 1000)]
    )


def variable_length_table() -> astropy_fits.BinTableHDU:
    """Make a table with a heap."""
    rows = np.array([np.arange(1), np.arange(700), np.arange(3)], dtype=object)
    return astropy_fits.BinTableHDU.from_columns([astropy_fits.Column("v", "PJ()", array=rows)])


def compressed() -> astropy_fits.CompImageHDU:
    """Make an image as fpack would."""
    return astropy_fits.CompImageHDU(np.arange(6400, dtype=np.int16).reshape(80, 80))


def image() -> astropy_fits.ImageHDU:
    """Make an image of some blocks."""
    return astropy_fits.ImageHDU(np.arange(5000, dtype=np.int32))


def pixel() -> astropy_fits.ImageHDU:
    """Make an image that is nearly all padding."""
    return astropy_fits.ImageHDU(np.ones(1))


def ascii_table() -> astropy_fits.TableHDU:
    """Make a table of text."""
    return astropy_fits.TableHDU.from_columns(
        [astropy_fits.Column("a", "I10", array=np.arange(500)), astropy_fits.Column("b", "A5", array=["sha"] * 500)]
    )


def pixels() -> astropy_fits.PrimaryHDU:
    """Make an image that stands first, of scaled unsigned pixels."""
    return astropy_fits.PrimaryHDU(np.arange(3000, dtype=np.uint16))


KINDS: dict[str, tuple[Callable[[], object], ...]] = {
    "primary image": (pixels,),
    "several extensions": (astropy_fits.PrimaryHDU, image, table, pixel),
    "heap": (astropy_fits.PrimaryHDU, variable_length_table),
    "compressed": (astropy_fits.PrimaryHDU, compressed),
    "ascii table": (astropy_fits.PrimaryHDU, ascii_table),
    "random groups": (random_groups,),
    "no data": (astropy_fits.PrimaryHDU,),
}


@functools.cache
def made(kind: str) -> bytes:
    """Write one file of a kind, with checksums in every HDU."""
    return written(*(make() for make in KINDS[kind]), checksum=True)


@pytest.mark.parametrize("path", ASTROPY_FILES, ids=lambda path: path.name)
def test_astropys_own_files_end_where_astropy_says(path: Path) -> None:
    """Every HDU that astropy finds ends where this finds it to end: whole where that is the end of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with astropy_fits.open(path) as units:
            units.info(output=False)
            last = units[-1].fileinfo()
    content = path.read_bytes()
    assert last["datLoc"] + last["datSpan"] == len(content)
    assert examine(content) == ("whole", "")


EMPTY_DATASUM = "memtest.fits"
"""Its first DATASUM is an empty text, at which astropy (8.0) gives up when it is asked for sums."""


@pytest.mark.parametrize(
    "path", [path for path in ASTROPY_FILES if path.name != EMPTY_DATASUM], ids=lambda path: path.name
)
def test_sums_hold_where_astropy_says_that_they_hold(path: Path) -> None:
    """Astropy warns of a sum exactly where this finds damage."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with astropy_fits.open(path, checksum=True) as units:
            units.info(output=False)
    has_warned = any("verification failed" in str(warning.message) for warning in caught)
    assert (examine(path.read_bytes(), sums=True)[0] == "damaged") == has_warned


def test_sums_are_those_of_the_standard_where_astropy_gives_up() -> None:
    """The empty DATASUM is passed over; that of the table beside it does not hold, by plain addition too."""
    content = (ASTROPY_DATA / EMPTY_DATASUM).read_bytes()
    plain = int(np.frombuffer(content[28800:], ">u4").astype(np.uint64).sum()) % (2**32 - 1)
    reason = f"DATASUM of HDU 1 is '164082298', its data add up to {plain}"
    assert examine(content, sums=True) == ("damaged", reason)


def test_astropy_brings_files_to_judge_by() -> None:
    """The two tests above are worth nothing without their ground."""
    assert len(ASTROPY_FILES) > 30


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_whole_as_written(kind: str) -> None:
    """Images, tables, heaps, compressed images and random groups, sums included."""
    assert examine(made(kind)) == ("whole", "")
    assert examine(made(kind), sums=True) == ("whole", "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_at_any_block_is_short_or_ends_with_an_hdu(kind: str) -> None:
    """Only a cut exactly between two HDUs leaves a file that nothing in it can tell from a whole one."""
    content = made(kind)
    with astropy_fits.open(io.BytesIO(content)) as units:
        ends = {unit.fileinfo()["datLoc"] + unit.fileinfo()["datSpan"] for unit in units}
    for length in range(0, len(content), fits.BLOCK_BYTES):
        state, reason = examine(content[:length])
        assert state == ("whole" if length in ends else "short"), (length, reason)


@given(st.sampled_from(sorted(KINDS)), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_short(kind: str, share: float) -> None:
    """Whether in a header, in data or in padding."""
    content = made(kind)
    length = int(share * len(content))
    assume(length % fits.BLOCK_BYTES)
    assert examine(content[:length], sums=True)[0] == "short"


def test_a_short_file_says_what_it_promises_and_what_it_has() -> None:
    """The numbers are in the reason."""
    content = made("primary image")
    assert examine(content[:5000])[1] == f"HDU 0 promises a file of {len(content)} bytes, it has 5000"
    assert examine(b"") == ("short", "the file is empty")


@settings(max_examples=300)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_a_flipped_bit_never_leaves_a_checksummed_file_whole(kind: str, data: st.DataObject) -> None:
    """Header, data or padding: CHECKSUM covers each byte of its HDU, and every HDU here has one."""
    content = bytearray(made(kind))
    places = st.integers(0, len(content) - 1).filter(lambda place: not is_name_of_checksum(content, place))
    content[data.draw(places)] ^= 1 << data.draw(st.integers(0, 7))
    state, reason = examine(bytes(content), sums=True)
    assert state in ("short", "damaged", "unjudged")
    assert reason


def is_name_of_checksum(content: bytearray, place: int) -> bool:
    """Say whether a byte belongs to the name of a CHECKSUM card: with another name no sum is promised any more."""
    return place % 80 < 9 and content[place - place % 80 :].startswith(b"CHECKSUM=")


def test_without_sums_no_data_are_read() -> None:
    """A flip in data is not seen, and that is said by asking without sums."""
    content = bytearray(made("primary image"))
    content[-2880] ^= 1
    assert examine(bytes(content)) == ("whole", "")
    state, reason = examine(bytes(content), sums=True)
    assert state == "damaged"
    assert "DATASUM of HDU 0" in reason


def test_a_changed_header_is_found_by_checksum_alone() -> None:
    """The data still add up; the HDU does not."""
    content = made("several extensions").replace(b"TTYPE1  = 'a ", b"TTYPE1  = 'c ")
    assert content != made("several extensions")
    state, reason = examine(content, sums=True)
    assert (state, "CHECKSUM of HDU 2" in reason) == ("damaged", True)


@pytest.mark.parametrize("kind", ["heap", "compressed"])
def test_where_writers_are_known_to_fail_a_wrong_sum_is_suspect(kind: str) -> None:
    """The report must not call a good compressed image corrupt without a word of doubt."""
    content = bytearray(made(kind))
    content[-2880] ^= 1
    state, reason = examine(bytes(content), sums=True)
    assert state == "damaged"
    assert "suspect" in reason


def test_a_sum_that_was_never_computed_is_no_fault() -> None:
    """An empty text in CHECKSUM or DATASUM says so."""
    content = primary("NAXIS   =                    0", "CHECKSUM= '                ' / not yet", "DATASUM = ''")
    assert examine(content, sums=True) == ("whole", "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [b"CHECKSUM", b"DATASUM "])
def test_a_sum_that_lost_its_quote_is_damage(kind: str, name: bytes) -> None:
    """One bit turns the quote before a sum into the slash before a comment: nothing was promised to be empty there."""
    content = made(kind)
    assert name + b"= '" in content
    assert examine(content.replace(name + b"= '", name + b"= /"), sums=True)[0] == "damaged"


@pytest.mark.parametrize("name", ["CHECKSUM", "DATASUM "])
def test_a_sum_without_any_text_is_damage_also_where_it_stands_alone(name: str) -> None:
    """Astropy warns of it, too; only an empty text says that nothing was computed."""
    assert examine(primary("NAXIS   =                    0", f"{name}= /0"), sums=True)[0] == "damaged"


@pytest.mark.parametrize("name", ["CHECKSUM", "DATASUM "])
def test_a_sum_whose_first_letter_became_a_quote_is_damage(name: str) -> None:
    """A `7` is one bit away from a quote, and what stands then before the next quote is empty."""
    assert examine(primary("NAXIS   =                    0", f"{name}= ''      '"), sums=True)[0] == "damaged"


def test_a_sum_to_the_right_of_its_field_is_a_number() -> None:
    """As cfitsio writes it, and with it fpack into the empty first header of every file that it packs."""
    assert examine(primary("NAXIS   =                    0", "DATASUM = '         0'"), sums=True)[0] == "whole"
    assert examine(primary("NAXIS   =                    0", "DATASUM = '         7'"), sums=True)[0] == "damaged"


def test_zeros_in_the_place_of_data_are_found_by_their_sum() -> None:
    """A disk that lost a file's tail gives zeros back."""
    content = made("primary image")
    assert examine(content[:-2880] + bytes(2880), sums=True)[0] == "damaged"


@pytest.mark.parametrize("junk", [b"\0", b"x", bytes(2880), b" " * 5760, EMPTY, b"XTENSIOX"])
def test_bytes_after_the_last_hdu_are_damage(junk: bytes) -> None:
    """Zeros, blanks and a second SIMPLE: no reader would see them, so they were not meant."""
    state, reason = examine(made("several extensions") + junk)
    assert state == "damaged"
    assert reason.startswith(f"{len(junk)} bytes after the last HDU")


@pytest.mark.parametrize(
    "content",
    [
        b"hello world, this is no FITS file at all",
        bytes(2880),
        b"\x1f\x8b" + bytes(5000),
        header("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0"),
        primary("NAXIS   =                   -1"),
        primary("NAXIS   =                 1000"),
        primary("NAXIS   =                    1"),
        primary("NAXIS   =                    1", "NAXIS1  =                   -5"),
        primary("NAXIS   =                    1", "NAXIS1  =                  5.0"),
        primary("NAXIS   =                    1", "NAXIS1  = 'five'"),
        primary("NAXIS   =                    1", "NAXIS1  = " + "9" * 70),
        primary("NAXIS   =                    1", "NAXIS1  = 8", "PCOUNT  = -3"),
        primary("NAXIS   = 999", *(f"NAXIS{axis:<3}= {'9' * 69}" for axis in range(1, 1000))),
        primary("NAXIS   = / nothing"),
        header("SIMPLE  = T", "BITPIX  = 12", "NAXIS   = 0"),
        header("SIMPLE  = T", "NAXIS   = 0"),
        header("SIMPLE  = perhaps", "BITPIX  = 8", "NAXIS   = 0"),
        header("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", end=False) + bytes(2880),
    ],
)
def test_nonsense_is_damage_and_never_an_exception(content: bytes) -> None:
    """Absurd, negative, absent or unreadable sizes each have their sentence."""
    state, reason = examine(content, sums=True)
    assert state == "damaged"
    assert reason


def test_a_file_that_keeps_other_rules_is_not_judged() -> None:
    """SIMPLE = F is the file's own word."""
    assert examine(header("SIMPLE  = F", "BITPIX  = 8", "NAXIS   = 0"))[0] == "unjudged"


def test_a_hundred_axes_of_length_one_are_no_trouble() -> None:
    """The standard allows 999; one of length zero makes all of them nothing."""
    ones = [f"NAXIS{axis:<3}= 1" for axis in range(1, 1000)]
    assert examine(primary("NAXIS   = 999", *ones) + bytes(2880)) == ("whole", "")
    huge = [f"NAXIS{axis:<3}= {'9' * 60}" for axis in range(1, 999)]
    assert examine(primary("NAXIS   = 999", *huge, "NAXIS999= 0")) == ("whole", "")


def test_a_header_that_never_ends_is_given_up() -> None:
    """Blank cards without END are read up to a limit and not into the memory."""
    tracemalloc.start()
    blocks = fits.MOST_HEADER_BLOCKS + 10
    content = Repeated(EMPTY[:80] + b" " * 2800, blocks)
    state, reason = fits.examine(cast(BinaryIO, content), blocks * fits.BLOCK_BYTES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (state, "no END" in reason) == ("damaged", True)
    assert peak < 1_000_000


class Repeated(io.RawIOBase):
    """A file of one block and then blanks, which nobody has to hold in memory."""

    def __init__(self, first: bytes, blocks: int) -> None:
        super().__init__()
        self.first, self.size, self.place = first, blocks * fits.BLOCK_BYTES, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place counted from the start."""
        self.place = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """Give back fewer bytes than asked, as a pipe may."""
        size = min(size, self.size - self.place, 1000)
        part = (self.first[self.place : self.place + size]).ljust(size)
        self.place += size
        return part


def test_many_small_hdus_are_walked_one_by_one() -> None:
    """A thousand extensions are a thousand steps."""
    extension = header("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", "PCOUNT  = 0", "GCOUNT  = 1")
    content = EMPTY + extension * 1000
    assert examine(content) == ("whole", "")
    assert examine(content[:-1])[1].endswith("within the header of HDU 1000")


def test_a_file_that_shrinks_while_it_is_read_is_short() -> None:
    """Its length was asked before."""
    content = made("primary image")
    assert fits.examine(io.BytesIO(content[:-2880]), len(content), True)[0] == "short"


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_answered(content: bytes, sums: bool) -> None:
    """No content raises."""
    assert examine(content, sums)[0] in ("short", "damaged")


CARDS = (
    *("NAXIS   = 1", "NAXIS   = 2", "NAXIS   = '1'", "NAXIS1  = 0", "NAXIS1  = 7", "NAXIS2  = 3"),
    *("NAXIS3  = 99999999999999999999", "BITPIX  = -64", "BITPIX  = 8", "PCOUNT  = 5", "GCOUNT  = 2", "GROUPS  = T"),
    *("DATASUM = '0'", "DATASUM = 'x'", "CHECKSUM= 'x'", "CHECKSUM= 5", "TFORM1  = 'PJ'", "ZIMAGE  = T"),
    *("SIMPLE  = F", "COMMENT = END", "END", "", "\xff"),
)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(CARDS), max_size=12), st.integers(0, 4))
def test_any_header_is_answered(cards: list[str], blocks: int) -> None:
    """Cards in any disorder, repeated or contradicting each other, raise nothing."""
    content = header("SIMPLE  = T", *cards) + bytes(blocks * fits.BLOCK_BYTES)
    assert examine(content, sums=True)[0] in ("whole", "short", "damaged", "unjudged")


@given(st.integers(0, 500), st.integers(0, 2**32 - 1), st.randoms())
def test_the_folded_sum_is_the_sum(words: int, last: int, source: random.Random) -> None:
    """Folding halves gives what adding word by word gives, in ones' complement."""
    numbers = [source.getrandbits(32) for _ in range(words)] + [last]
    content = b"".join(number.to_bytes(4, "big") for number in numbers)
    assert fits.ones_sum(content) == sum(numbers) % (2**32 - 1)
