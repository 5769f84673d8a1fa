"""Keywords of FITS headers: read as they were written, from files that are whole and from none that is not."""

from __future__ import annotations

import gzip
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import example, given
from hypothesis import strategies as st

from catalogue.datasets.headers import KeywordReader, NotWhole
from tests.pfs import cards, ccd, config, ramp
from tests.shared import shared

PRINTED = st.characters(min_codepoint=32, max_codepoint=126)
TEXTS = st.text(st.one_of(PRINTED, st.sampled_from("'/& ")), max_size=150)
VALUES = st.one_of(
    st.integers(-(2**70), 2**70), st.booleans(), TEXTS, st.floats(allow_nan=False, allow_infinity=False, width=64)
)
KEYWORDS = ("W_VISIT", "DATE-OBS", "A", "ENDING", "NAXIS9", "W_ENFCAZ", "ESO TEL NAME")
REMARK = " / it's a comment / with = and more"


def read_keywords(path: Path, keywords: Sequence[str]) -> Mapping[str, object]:
    """Read some keywords of one file."""
    return KeywordReader(keywords).read(os.fsencode(path))


def written(keyword: str, value: object) -> str:
    """Return the cards of a value: of a text by the standard's words (4.2.1), of anything else as astropy writes it.

    Astropy ends a text at an apostrophe that a slash follows, and cuts a long one between an apostrophe and its twin.
    """
    if not isinstance(value, str):
        return str(fits.Card(keyword, value, REMARK[3:]))
    head = f"{keyword:8}= " if len(keyword) <= 8 else f"HIERARCH {keyword} = "
    room = 80 - len(head) - len("''&")
    parts = [""]
    for one in value.replace("'", "\0"):
        if len(parts[-1].replace("\0", "''")) + 2 > (room if len(parts) == 1 else 67):
            parts.append("")
        parts[-1] += one
    texts = [part.replace("\0", "''") + "&" for part in parts[:-1]] + [parts[-1].replace("\0", "''")]
    cards = [f"{begin}'{text:8}'" for begin, text in zip([head] + ["CONTINUE  "] * len(texts), texts, strict=False)]
    return "".join((card + REMARK if len(card + REMARK) <= 80 else card).ljust(80) for card in cards)


@given(st.dictionaries(st.sampled_from(KEYWORDS), VALUES, max_size=6))
@example({"W_VISIT": "'/"})
@example({"ESO TEL NAME": "'/"})
@example({"W_VISIT": "o'/" * 40 + "&"})
def test_keywords_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, facts: dict[str, object]
) -> None:
    """Plain forms, quotes in texts, long texts over several cards, numbers of any size, absent ones."""
    first = cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}).rstrip()[:-3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        of_facts = {keyword: written(keyword, value) for keyword, value in facts.items()}
        path = tmp_path_factory.mktemp("header") / "x.fits"
        header = first + "".join(of_facts.values()).encode() + b"END"
        path.write_bytes(header.ljust(-(-len(header) // 2880) * 2880))
        said = fits.getheader(path)
        read = read_keywords(path, [*facts, "ABSENT"])
    expected = {
        keyword: value.rstrip() if isinstance(value, str) else said[keyword] for keyword, value in facts.items()
    }
    assert read == expected
    assert {key: type(value) for key, value in read.items()} == {key: type(value) for key, value in expected.items()}


@pytest.mark.parametrize(
    ("cards_of_text", "value"),
    [
        (["OBJECT  = 'ends with &'", "COMMENT   'no part of it'"], "ends with &"),
        (["OBJECT  = 'ends'", "CONTINUE  'no part of it'"], "ends"),
        (["OBJECT  = 'a  &  ' / first", "CONTINUE  'b&' / second", "CONTINUE  '' / last"], "a  b"),
        (["OBJECT  = 'a&'", "CONTINUE  'o''/b'"], "ao'/b"),
        (["OBJECT    'no mark of a value'"], None),
        (["HIERARCH ESO OBJ NAME='o''/b' / close"], None),
    ],
)
def test_a_text_goes_on_where_the_standard_says_so(tmp_path: Path, cards_of_text: list[str], value: str | None) -> None:
    """An ampersand and the next card together continue it, one alone does not."""
    cards_ = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"]
    path = tmp_path / "x.fits"
    path.write_text("".join(card.ljust(80) for card in [*cards_, *cards_of_text, "END"]).ljust(2880))
    said = read_keywords(path, ["OBJECT", "ESO OBJ NAME"])
    assert said == ({} if value is None else {"OBJECT": value}) or said == {"ESO OBJ NAME": "o'/b"}


@pytest.mark.parametrize("byte", [0xB0, 0xE9, 0x00, 0x09, 0xFF])
def test_what_is_no_ascii_in_a_remark_harms_no_value(tmp_path: Path, byte: int) -> None:
    """A degree sign, say: the standard forbids it, and instruments write it."""
    path = tmp_path / "x.fits"
    odd = bytes([byte])
    lines = [b"SIMPLE  =                    T", b"BITPIX  =                    8", b"NAXIS   =                    0",
             b"TEMP    = -12.5 / " + odd + b"C", b"OBJECT  = 'M31' / " + odd, b"OBSERVER= 'Ren" + odd + b"e'",
             b"END"]  # fmt: skip
    path.write_bytes(b"".join(line.ljust(80) for line in lines).ljust(2880))
    assert read_keywords(path, ["TEMP", "OBJECT"]) == {"TEMP": -12.5, "OBJECT": "M31"}


@pytest.mark.parametrize("card", [b"OBJECT  = 'Ren\xe9'", b"OBJECT  = 'goes on &'".ljust(80) + b"CONTINUE = 'badly'"])
def test_a_text_that_cannot_be_read_is_said_with_its_card(tmp_path: Path, card: bytes) -> None:
    """A person has to find it."""
    path = tmp_path / "x.fits"
    lines = cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}).rstrip()[:-3], card.ljust(-(-len(card) // 80) * 80), b"END"
    path.write_bytes(b"".join(lines).ljust(2880))
    with pytest.raises(NotWhole, match="a card that is none: OBJECT  = '"):
        read_keywords(path, ["OBJECT"])


def test_a_compressed_file_that_ends_behind_its_first_header_is_not_whole(tmp_path: Path) -> None:
    """It keeps every rule of FITS; a header alone that bears no such name does so by right, and was met before."""
    reader = KeywordReader(["W_VISIT"])
    for name in ("a.fits", "b.fits.fz", "c.FITS.FZ"):
        (tmp_path / name).write_bytes(config(12))
    assert reader.read(os.fsencode(tmp_path / "a.fits")) == {"W_VISIT": 12}
    for name in ("b.fits.fz", "c.FITS.FZ"):
        with pytest.raises(NotWhole, match="nothing follows its empty primary HDU"):
            reader.read(os.fsencode(tmp_path / name))
    (tmp_path / "b.fits.fz").write_bytes(config(12) + ramp(12)[2880:])
    assert reader.read(os.fsencode(tmp_path / "b.fits.fz")) == {"W_VISIT": 12}


def test_a_gzipped_file_tells_its_keywords_and_is_whole_to_its_end(tmp_path: Path) -> None:
    """Cut off it was taken as it was, and its header was not asked."""
    path = tmp_path / "x.fits.gz"
    content = gzip.compress(ccd(12))
    path.write_bytes(content)
    assert read_keywords(path, ["W_VISIT", "ABSENT"]) == {"W_VISIT": 12}
    for damaged in (content[:-9], content[:40], b"", ccd(12), gzip.compress(ccd(12)[:-2880]), content + b"more"):
        path.write_bytes(damaged)
        with pytest.raises(NotWhole):
            read_keywords(path, ["W_VISIT"])


def test_the_second_header_counts_where_the_first_holds_no_data(tmp_path: Path) -> None:
    """As in compressed files; where the first holds data the second is not asked."""
    empty = cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "EXTEND": True, "W_VISIT": 1})
    second = cards({"XTENSION": "IMAGE", "BITPIX": 8, "NAXIS": 0, "PCOUNT": 0, "GCOUNT": 1, "W_VISIT": 2, "W_ARM": 3})
    path = tmp_path / "x.fits"
    path.write_bytes(empty + second)
    assert read_keywords(path, ["W_VISIT", "W_ARM"]) == {"W_VISIT": 2, "W_ARM": 3}
    path.write_bytes(ccd(12) + second)
    assert read_keywords(path, ["W_VISIT", "W_ARM"]) == {"W_VISIT": 12, "W_ARM": 2}


def test_what_one_file_says_is_never_taken_for_what_another_does(tmp_path: Path) -> None:
    """Cards are remembered from file to file, more of them than are kept; each file still says its own."""
    reader = KeywordReader(["W_VISIT", "W_ARM", "OBJECT"])
    for visit in range(2200):
        path = tmp_path / f"{visit % 3}.fits"
        path.write_bytes(cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "W_VISIT": visit, "OBJECT": f"o'{visit}"}))
        assert reader.read(os.fsencode(path)) == {"W_VISIT": visit, "OBJECT": f"o'{visit}"}


def test_a_file_that_is_not_whole_tells_nothing(tmp_path: Path) -> None:
    """Cut off in data or header, or no FITS file at all: the reason is a sentence."""
    path = tmp_path / "x.fits"
    for content in (ramp(12)[:-1], ccd(12)[:1000], b"", b"SIMPLE  = " + b"x" * 5000):
        path.write_bytes(content)
        with pytest.raises(NotWhole):
            read_keywords(path, ["W_VISIT"])
    other = tmp_path / "x.txt"
    other.write_bytes(b"no header is looked for in it")
    assert read_keywords(other, ["W_VISIT"]) == {}


@pytest.mark.parametrize("name", ["pfs/pfsArm-000001-b1.fits", "pfs/pfsConfig-0x52327a27.fits"])
def test_real_files_are_read_like_astropy_does(name: str) -> None:
    """The samples: every keyword of the first header."""
    path = shared(f"samples/{name}")
    header = fits.getheader(path)
    read = read_keywords(path, list(header))
    assert {key: value for key, value in read.items() if key in ("SIMPLE", "EXTEND")} == {
        "SIMPLE": True,
        "EXTEND": True,
    }
    assert not any(isinstance(value, float) and math.isnan(value) for value in read.values())
