"""FITS files that are written: what astropy and our own judge read is what was given, and the sums hold."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from converters.fits_writer import Card, Column, NoFits, Value, image_hdu, pixels, plain_text, table_hdu
from observatory.formats.fits import examine

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


def written(image: np.ndarray, *cards: Card, history: tuple[str, ...] = ()) -> bytes:
    """Return a file that our own judge calls whole, sums included."""
    content = image_hdu(pixels(image), cards, history)
    assert examine(io.BytesIO(content), len(content), True) == ("whole", "")
    return content


@pytest.mark.parametrize("name", TYPES)
def test_pixels_of_every_type_come_back_as_the_same_numbers(name: str) -> None:
    """Unsigned and signed, from one byte to eight: the same type and the same bits (facts, 3.5: uint8, i64, f64)."""
    kind = np.dtype(name)
    limits = [0.5, -1e30] if kind.kind == "f" else [np.iinfo(kind).min, np.iinfo(kind).max]
    image = np.array([[*limits, 1, 2], [3, 4, 5, 6]], kind)
    with fits.open(io.BytesIO(written(image)), checksum=True) as opened:
        opened.verify("exception")
        assert opened[0].data.dtype.newbyteorder("=") == kind
        assert (opened[0].data == image).all()


def test_half_precision_becomes_single_without_loss() -> None:
    """FITS has no 16-bit floats; every one of them is a 32-bit float too."""
    image = np.array([[1.5, -0.1, 65504.0]], np.float16)
    with fits.open(io.BytesIO(written(image))) as opened:
        assert (opened[0].data == image.astype(np.float32)).all()


def test_complex_pixels_are_refused_with_their_type() -> None:
    """They are not written as something else."""
    with pytest.raises(NoFits, match="complex64"):
        pixels(np.zeros((2, 2), np.complex64))


def test_cards_are_those_that_were_given_and_what_fits_cannot_hold_is_absent() -> None:
    """HIERARCH, long and foreign text; NaN and what does not fit are left out, not bent."""
    cards = (
        Card("EXPTIME", 0.25, "seconds"),
        Card("HIERARCH camsci1 FPS", 10, "a comment that is much too long for the room that a HIERARCH card has left"),
        Card("OBJECT", "it's " * 30),
        Card("OBSERVER", "Zoë\nX-Injected: 1"),
        Card("HIERARCH TARGET NAME", "x" * 100),
        Card("PARANG", math.nan),
        Card("HUGE", 10**30),
        Card("FLAG", True),
    )
    content = written(np.zeros((2, 2), np.uint16), *cards, history=("h" * 100,))
    with fits.open(io.BytesIO(content), checksum=True) as opened:
        opened.verify("exception")
        header = opened[0].header
        assert (header["EXPTIME"], header["CAMSCI1 FPS"], header["FLAG"]) == (0.25, 10, True)
        assert header["OBJECT"] == ("it's " * 30).rstrip()
        assert header["OBSERVER"] == "Zo\\xeb\\nX-Injected: 1"
        assert not {"TARGET NAME", "PARANG", "HUGE"} & set(header)
        assert "".join(header["HISTORY"]) == "h" * 100


def test_a_table_keeps_each_kind_and_what_is_absent() -> None:
    """Whole numbers stay whole; absent ones can be told from every number."""
    columns = [
        Column("FRAMENO", [1, None, 3]),
        Column("EXPTIME", [0.5, None, 1], "s"),
        Column("TITLE", ["a", None, "ccc"]),
        Column("ON", [True, False, True]),
        Column("MAYBE", [True, None, False]),
        Column("NOTHING", [None, None, None]),
    ]
    content = image_hdu(pixels(np.zeros((3, 2, 2), np.uint8)), ()) + table_hdu("FRAMES", columns)
    assert examine(io.BytesIO(content), len(content), True) == ("whole", "")
    with fits.open(io.BytesIO(content), checksum=True) as opened:
        opened.verify("exception")
        table, header = opened["FRAMES"].data, opened["FRAMES"].header
        assert table.names == ["FRAMENO", "EXPTIME", "TITLE", "ON", "MAYBE"]
        assert table["FRAMENO"].tolist() == [1, header["TNULL1"], 3]
        assert table["EXPTIME"][0] == 0.5
        assert math.isnan(table["EXPTIME"][1])
        assert table["TITLE"].tolist() == ["a", "", "ccc"]
        assert table["ON"].tolist() == [True, False, True]
        assert table["MAYBE"].tolist() == [1, header["TNULL5"], 0]


@pytest.mark.parametrize(
    "numbers",
    [
        [2**64 - 1, 0, 1],
        [-(2**63), 2**63 - 1],
        [2**63, None, 0, 1, 2**64 - 1],
        [-(2**63), None, 2**63 - 1],
    ],
)
def test_whole_numbers_of_64_bits_come_back_with_a_sign_or_without(numbers: list[int | None]) -> None:
    """A counter that stands at its end or has not begun: what is absent can be told from every number there."""
    content = image_hdu(pixels(np.zeros((1, 1), np.uint8)), ()) + table_hdu("FRAMES", [Column("FRAMENO", numbers)])
    with fits.open(io.BytesIO(content), checksum=True, uint=True) as opened:
        opened.verify("exception")
        header = opened["FRAMES"].header
        absent = header["TNULL1"] + header.get("TZERO1", 0) if None in numbers else None
        assert absent not in numbers or absent is None
        found = [int(number) for number in opened["FRAMES"].data["FRAMENO"]]
        assert [None if number == absent else number for number in found] == numbers


def test_whole_numbers_that_no_64_bits_hold_become_numbers() -> None:
    """Both ends at once, or one beyond them: as near as a number comes."""
    columns = [Column("ENDS", [-1, 2**64 - 1, None]), Column("BEYOND", [2**64, 1, 2])]
    content = image_hdu(pixels(np.zeros((1, 1), np.uint8)), ()) + table_hdu("FRAMES", columns)
    with fits.open(io.BytesIO(content)) as opened:
        table = opened["FRAMES"].data
        assert table["ENDS"][:2].tolist() == [-1.0, 2.0**64]
        assert math.isnan(table["ENDS"][2])
        assert table["BEYOND"].tolist() == [2.0**64, 1.0, 2.0]


values = st.one_of(st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False), st.text(max_size=90))


@given(st.lists(values, max_size=8), st.integers(0, 3000))
def test_every_file_is_whole_and_its_sums_hold_whatever_the_cards(held: list[Value], width: int) -> None:
    """No value breaks the header, and the sum is right for every length and content."""
    image = np.arange(width + 1, dtype=np.uint16).reshape(1, -1)
    cards = [Card(f"KEY{number}", value) for number, value in enumerate(held)]
    content = written(image, *cards)
    header = fits.Header.fromstring(content[: content.index(b"END" + b" " * 77)])
    for card in cards:
        if isinstance(card.value, str):
            assert header[card.keyword] == plain_text(card.value).rstrip(" ")
        elif card.keyword in header:
            assert header[card.keyword] == card.value
