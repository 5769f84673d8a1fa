"""FITS headers as cards: read, changed one at a time, written; formats; sums that stay true."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from converters.cards import Header, NotAHeader, Value, build_card, field_of, parse_card, read_header
from converters.formats import DictionaryFault, Format, apply, parse_dictionary, read_dictionary
from converters.rewriting import HashingWriter, RunEnded, rewrite
from converters.sums import refresh
from observatory.formats.fits import examine
from tests.cubes import cube_header, put
from tests.shared import REPOSITORY, shared

DICTIONARY = REPOSITORY / "converters" / "vampires" / "headers.tsv"
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
VALUES = st.one_of(
    st.booleans(), st.integers(-(10**18), 10**18), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)


def raw(text: str) -> bytes:
    """Return a card of 80 bytes."""
    return text.ljust(80).encode()


def test_what_is_sent_on_to_the_disk_as_it_is_written_is_all_there_and_hashed_as_it_lies(tmp_path: Path) -> None:
    """In pieces that are no part of the stretches sent on, past several of them."""
    piece = bytes(range(251)) * 4099
    with (tmp_path / "made").open("xb", buffering=0) as opened:
        sink = HashingWriter(opened)
        for _ in range(20):
            sink.write(piece)
    assert (tmp_path / "made").read_bytes() == piece * 20
    assert sink.hexdigest() == hashlib.sha256(piece * 20).hexdigest()


@given(VALUES)
def test_a_value_is_read_as_it_was_set_and_as_astropy_reads_it(value: bool | int | float | str) -> None:
    """Of its own type, with all its digits; blanks at a text's end do not count."""
    header = Header([])
    header.set("KEY", value, "what it is")
    expected = value.rstrip() if isinstance(value, str) else value
    assert header.get("KEY") == expected
    assert type(header.get("KEY")) is type(value)
    if isinstance(value, str) and re.search("' */", value):
        return  # astropy takes a doubled quote before a slash for the end of the text
    seen = fits.Card.fromstring(header.raw()[0])
    seen.verify("exception")
    assert seen.value == expected or (isinstance(value, float) and float(seen.value) == value)


@pytest.mark.parametrize(
    ("text", "value", "comment"),
    [
        ("SIMPLE  =                    T / file does conform", True, "file does conform"),
        ("CRPIX1  =                  40. / [pixel]", 40.0, "[pixel]"),
        ("CD1_1   =             3.89E-06", 3.89e-06, ""),
        ("OLD     =              1.5D-03", 1.5e-03, ""),
        ("OBSERVER= 'O''Brien / Guyon   ' / who", "O'Brien / Guyon", "who"),
        ("EXP-ID  = '' / none yet", "", "none yet"),
        ("SHORT   = 5", 5, ""),
        ("UNDEF   =                      / nothing", None, "nothing"),
        ("COMPLEX = (1.0, 2.0) / not read", None, "not read"),
        ("BROKEN  = 'no end", "no end", ""),
    ],
)
def test_cards_are_read_as_the_standard_says(text: str, value: Value, comment: str) -> None:
    """Fixed or free form, quotes doubled, a slash within a text."""
    card = parse_card(raw(text))
    assert card is not None
    assert (card.value, card.comment) == (value, comment)


@pytest.mark.parametrize(
    "text", ["COMMENT = is a remark?", "HISTORY done", "", "CONTINUE  'more'", "HIERARCH ESO DET = 5", "lower   = 5"]
)
def test_cards_without_a_value_are_left_alone(text: str) -> None:
    """Remarks, long texts, and what only some readers know; COMMENT with a sign of equality is read by none."""
    card = parse_card(raw(text))
    assert card is None or card.keyword == "COMMENT"


def test_a_real_header_is_written_back_byte_by_byte_but_for_what_was_set() -> None:
    """415 cards of a real cube; a new card comes last, a changed one stays in its place with its comment."""
    (path,) = shared("samples/milk").glob("*.header")
    lines = [line.ljust(80) for line in path.read_bytes().splitlines()]
    header = Header([line for line in lines if not line.startswith(b"END")])
    before = header.raw()
    header.set("EXPTIME", 0.5)
    header.set("U_SYNC", True, "paired")
    changed = [place for place, card in enumerate(header.raw()[:-1]) if card != before[place]]
    assert [before[place][:8] for place in changed] == [b"EXPTIME "]
    assert b"/ [s] Total integration time" in header.raw()[changed[0]]
    assert header.raw()[-1].startswith(b"U_SYNC  =                    T / paired")
    again = read_header(io.BytesIO(header.to_bytes()))
    assert again.raw() == header.raw()


LONG = "Guyon & others, " * 9
SHORT, AFTER = raw("BEFORE  = 'short'"), raw("AFTER   =                    1")


def long_header() -> Header:
    """Return a header of a text over three cards between two others, as astropy writes it."""
    written = fits.Card("OBSERVER", LONG, "who").image.encode()
    assert len(written) > 160
    return Header([SHORT, *(written[at : at + 80] for at in range(0, len(written), 80)), AFTER])


def seen_by_astropy(header: Header) -> dict[str, object]:
    """Return what astropy reads of a header's cards."""
    return dict(fits.Header.fromstring(header.to_bytes().decode()))


def test_a_text_that_is_continued_is_read_whole_and_goes_as_a_whole() -> None:
    """Cards left behind would continue another text: `short` was `shortothers,` to whoever read it."""
    header = long_header()
    assert header.get("OBSERVER") == LONG.rstrip()
    header.insert_after("OBSERVER", raw("NEXT    = 2"))
    assert seen_by_astropy(header) == {"BEFORE": "short", "OBSERVER": LONG.rstrip(), "NEXT": 2, "AFTER": 1}
    header.set("OBSERVER", "me")
    header.set("AFTER", 3)
    assert seen_by_astropy(header) == {"BEFORE": "short", "OBSERVER": "me", "NEXT": 2, "AFTER": 3}
    header = long_header()
    header.drop("OBSERVER")
    header.set("AFTER", 3)
    assert header.raw() == (SHORT, raw("AFTER   =                    3"))


def test_what_does_not_fit_on_a_card_is_refused() -> None:
    """Long texts, letters that are not ASCII, numbers that are none."""
    for value in ("x" * 69, "naïve", "two\nlines", float("nan"), float("inf")):
        with pytest.raises(ValueError):
            field_of(value)
    with pytest.raises(ValueError, match="does not fit"):
        build_card("KEY", "1" * 75)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "within its header"),
        (b"PK\x03\x04" + bytes(2900), "does not begin"),
        (raw("SIMPLE  =                    T") * 36, "within its header"),
    ],
)
def test_what_is_no_header_says_so(content: bytes, words: str) -> None:
    """An empty file, another kind of file, and a header without an end."""
    with pytest.raises(NotAHeader, match=words):
        read_header(io.BytesIO(content))


def test_the_size_of_the_data_is_what_the_axes_say() -> None:
    """Groups and heaps included; without axes there are none; a broken axis is no size."""
    assert Header([raw("BITPIX  = 16"), raw("NAXIS   = 2"), raw("NAXIS1  = 3"), raw("NAXIS2  = 5")]).data_bytes == 30
    assert Header([raw("BITPIX  = 8"), raw("NAXIS   = 0")]).data_bytes == 0
    table = ("BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 3", "NAXIS2  = 5", "PCOUNT  = 7", "GCOUNT  = 1")
    assert Header([raw(text) for text in table]).data_bytes == 22
    with pytest.raises(NotAHeader, match="NAXIS1 is missing"):
        _ = Header([raw("BITPIX  = 8"), raw("NAXIS   = 1")]).data_bytes


@given(st.lists(st.tuples(st.from_regex(r"\A[A-Z][A-Z0-9_-]{0,7}\Z"), VALUES), max_size=20), st.binary(max_size=60))
def test_sums_hold_after_any_change_of_the_header(
    changes: list[tuple[str, bool | int | float | str]], data: bytes
) -> None:
    """By our own judge, which adds up every byte."""
    unit = fits.PrimaryHDU(np.frombuffer(data or b"\0", dtype=np.uint8))
    stream = io.BytesIO()
    unit.writeto(stream, checksum=True)
    stream.seek(0)
    header = read_header(stream)
    kept = {"SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "EXTEND", "CHECKSUM", "DATASUM", "END", "GROUPS", "PCOUNT", "GCOUNT"}
    for keyword, value in changes:
        if keyword not in kept:
            header.set(keyword, value)
    refresh(header)
    content = header.to_bytes() + stream.read()
    assert examine(io.BytesIO(content), len(content), sums=True) == ("whole", "")


def test_a_sum_that_cannot_be_known_is_not_said() -> None:
    """CHECKSUM without DATASUM; and a header without either is left alone."""
    header = Header([raw("SIMPLE  = T"), raw("CHECKSUM= 'abc'")])
    refresh(header)
    assert "CHECKSUM" not in header
    refresh(header)
    assert header.raw() == (raw("SIMPLE  = T"),)


def formats(**texts: str) -> dict[str, Format]:
    """Return a dictionary."""
    return {keyword.replace("_", "-"): Format.parse(text) for keyword, text in texts.items()}


@pytest.mark.parametrize(
    ("card", "text", "field"),
    [
        ("EXPTIME =               0.0002", "%20.8f", "0.00020000"),
        ("MJD     =     60985.4305730262", "%20.8f", "60985.43057303"),
        ("CRPIX1  =                  40.", "%20.0f", "40."),
        ("CD1     =             3.89E-06", "%20.3E", "3.890E-06"),
        ("BIG     =               1.E+25", "%20.0E", "1.E+25"),
        ("NUMBER  =                 0007", "%16d", "7"),
        ("FLAG    = T", "BOOLEAN", "T"),
        ("FRAMEID = ''", "%-12s", "'            '"),
        ("OBJECT  = 'O''Brien'", "%-16.16s", "'O''Brien        '"),
        ("NUMERIC = '007'", "%-8s", "'007     '"),
        ("UNDEF   =  / nothing", "%20.8f", ""),
    ],
)
def test_a_value_is_written_in_its_format(card: str, text: str, field: str) -> None:
    """A text that looks like a number stays a text; what has no value gets none."""
    header = Header([raw(card)])
    keyword = card[:8].strip()
    before = header.get(keyword)
    _, refusals = apply(header, {keyword: Format.parse(text)})
    after = header.card(keyword)
    assert refusals == []
    assert after is not None
    assert after.field == field
    assert type(after.value) is type(before)
    assert apply(header, {keyword: Format.parse(text)})[0] == 0


@pytest.mark.parametrize(
    ("card", "text", "words"),
    [
        ("SMALL   =                1E-09", "%20.8f", "nothing would be left"),
        ("COUNT   =                    5", "%20.8f", "it is an integer"),
        ("REAL    =                  5.5", "%16d", "it is a real number"),
        ("NUMERIC = '007'", "%16d", "it is a text"),
        ("FLAG    = T", "%-8s", "it is a logical"),
        ("TEXT    = 'T'", "BOOLEAN", "it is a text"),
        ("OBJECT  = 'a name that is too long'", "%-16.16s", "the text has 23 letters"),
    ],
)
def test_what_would_change_type_or_value_is_refused_and_stays(card: str, text: str, words: str) -> None:
    """Byte for byte."""
    header = Header([raw(card)])
    changed, (refusal,) = apply(header, {card[:8].strip(): Format.parse(text)})
    assert changed == 0
    assert words in str(refusal)
    assert header.raw() == (raw(card),)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.integers(0, 12), st.sampled_from("fEg"))
def test_a_real_number_is_never_changed_by_more_than_half_a_unit(value: float, decimals: int, kind: str) -> None:
    """Of the last digit that is written; or it is left as it is."""
    header = Header([])
    header.set("VALUE", value)
    before = header.raw()
    wanted = Format.parse(f"%20.{decimals}{kind}")
    _, refusals = apply(header, {"VALUE": wanted})  # 300 digits do not fit on a card: refused as well
    if refusals:
        assert header.raw() == before
        return
    written = header.get("VALUE")
    assert isinstance(written, float)
    assert written == float(f"%.{decimals}{kind}" % value)
    assert (written == 0) == (value == 0)


def test_structure_is_never_touched() -> None:
    """Whatever a dictionary says of it."""
    header = Header([raw("NAXIS1  = 5"), raw("BZERO   =                32768"), raw("CHECKSUM= 'abc'")])
    before = header.raw()
    assert apply(header, formats(NAXIS1="%20d", BZERO="%20.8f", CHECKSUM="%-30s")) == (0, [])
    assert header.raw() == before


def test_the_dictionary_that_comes_along_suits_a_real_header() -> None:
    """No card of it is refused, some are changed, and a second time none is."""
    (path,) = shared("samples/milk").glob("*.header")
    header = Header([line.ljust(80) for line in path.read_bytes().splitlines() if not line.startswith(b"END")])
    changed, refusals = apply(header, read_dictionary(DICTIONARY))
    assert (changed > 15, refusals) == (True, [])
    assert apply(header, read_dictionary(DICTIONARY)) == (0, [])


def test_a_dictionary_with_prose_and_other_columns_is_read() -> None:
    """As the observatory keeps it: a row of prose, then the columns' names, `FITS header` among them."""
    text = (
        "some prose\tmore\nGen2 Variable\tFITS header\tMgmt\tType\nX\tEXPTIME\t\t%20.8f\nY\t\t\t%d\nZ\tNOFORMAT\t\t\n"
    )
    assert {key: one.text for key, one in parse_dictionary(text, "d").items()} == {"EXPTIME": "%20.8f"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no head at all\n", "no row names the columns"),
        ("Keyword\tType\nA\t%20q\n", r"d:2: A: '%20q' is no format"),
        ("Keyword\tType\nA\t%d\nA\t%20.8f\n", "d:3: A is %20.8f here and %d before"),
    ],
)
def test_a_dictionary_that_makes_no_sense_says_where(text: str, words: str) -> None:
    """Line and keyword."""
    with pytest.raises(DictionaryFault, match=words):
        parse_dictionary(text, "d")


def test_a_dictionary_that_is_absent_says_so(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(DictionaryFault, match=r"absent\.tsv cannot be read: No such file"):
        read_dictionary(tmp_path / "absent.tsv")


def test_a_file_written_anew_differs_in_its_header_alone(tmp_path: Path) -> None:
    """Further units included; the hash is that of the new file."""
    import hashlib

    units = fits.HDUList([fits.PrimaryHDU(np.arange(5000)), fits.ImageHDU(np.arange(9.0))])
    units.writeto(tmp_path / "a.fits", checksum=True)
    sha256 = rewrite(tmp_path / "a.fits", tmp_path / "b.fits", lambda header: header.set("NEW", 5), lambda: False)
    content = (tmp_path / "b.fits").read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256
    assert content[2880:] == (tmp_path / "a.fits").read_bytes()[2880:]
    assert examine(io.BytesIO(content), len(content), sums=True) == ("whole", "")


@pytest.mark.parametrize(("reserved", "is_damaged"), [(0, False), (80, False), (0, True), (80, True)])
def test_a_sum_that_tells_of_damage_is_not_made_true_by_another_change(
    tmp_path: Path, reserved: int, is_damaged: bool
) -> None:
    """A letter of a header flipped on the disk; blank cards in reserve, which are not written back, flip nothing."""
    unit = fits.PrimaryHDU(np.arange(50))
    unit.header["OBJECT"] = "ABAUR"
    for _ in range(reserved):
        unit.header.append(("", "", ""), end=True)
    unit.writeto(tmp_path / "a.fits", checksum=True)
    content = (tmp_path / "a.fits").read_bytes()
    assert (len(content) > 3 * 2880) == bool(reserved)
    if is_damaged:
        (tmp_path / "a.fits").write_bytes(content.replace(b"'ABAUR", b"'ACAUR"))
    rewrite(tmp_path / "a.fits", tmp_path / "b.fits", lambda header: header.set("NEW", 5), lambda: False)
    content = (tmp_path / "b.fits").read_bytes()
    state, reason = examine(io.BytesIO(content), len(content), sums=True)
    assert (state, "CHECKSUM" in reason) == (("damaged", True) if is_damaged else ("whole", False))


def test_writing_ends_with_the_run(tmp_path: Path) -> None:
    """A night of terabytes must be ended within a moment."""
    put(tmp_path / "a.fits", cube_header((1, 2, 2), 1, False, 0, {}).to_bytes() + bytes(2880))
    with pytest.raises(RunEnded):
        rewrite(tmp_path / "a.fits", tmp_path / "b.fits", lambda header: None, lambda: True)
