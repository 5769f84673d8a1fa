"""Headers read by place: one that was met before never makes another file say what a fresh reading would not say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.datasets.headers import KeywordReader, NotWhole
from catalogue.datasets.layouts import Layouts
from tests.pfs import cards, ccd, config, ramp

KEYWORDS = ("W_VISIT", "W_ARM", "DATE-OBS", "LONG", "NAXIS1", "EXTNAME")
LONG = cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "LONG": "a&", "OBJECT": "x"})
FILES = (ccd(12), ccd(13, arm="b"), ramp(12, reads=2), config(12), config(), LONG)


def said_by(reader: KeywordReader, path: Path) -> Mapping[str, object] | str:
    """Return what a reader says of a file: its keywords, or why it is not whole."""
    try:
        return reader.read(os.fsencode(path))
    except NotWhole as error:
        return str(error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that every example uses."""
    return tmp_path_factory.mktemp("layouts")


def card(draw: st.DrawFn) -> bytes:
    """Draw a card that may tell a length, continue another, end the header, or say nothing."""
    words = (
        "NAXIS   =                    0", "NAXIS1  =                   16", "NAXIS1  =  16 / other", "BITPIX  = 16",
        "PCOUNT  =                 2880", "GROUPS  =                    T", "PCOUNT  ", "END", "COMMENT x", "",
        "CONTINUE  'more&'", "CONTINUE  'last'", "LONG    = 'b&'", "HIERARCH W_VISIT = 7", "W_ARM   = ?",
        "W_VISIT =  5", "XTENSION= 'IMAGE   '", "SIMPLE  =                    F", "EXTNAME = 'x'", "DATE-OBS= '2024'",
    )  # fmt: skip
    text = draw(st.one_of(st.sampled_from(words), st.text(st.characters(max_codepoint=255), max_size=80)))
    return text.encode("latin-1").ljust(80)[:80]


@st.composite
def changed_files(draw: st.DrawFn) -> bytes:
    """Draw a file of which some cards and bytes are others, or the end is."""
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content) // 80 - 1)) * 80
        content[at : at + 80] = card(draw)
    cut = draw(st.sampled_from((0, 0, 0, 1, 80, 2880)))
    return bytes(content[: len(content) - cut]) + draw(st.sampled_from((b"", b"", b"\0" * 2880, FILES[0])))


@given(st.lists(changed_files(), min_size=1, max_size=8))
def test_a_header_met_before_is_read_as_a_fresh_reading_reads_it(folder: Path, contents: list[bytes]) -> None:
    """Whatever files came before: the same keywords with the same types, or the same reason."""
    reader = KeywordReader(KEYWORDS)
    for number, content in enumerate([*FILES, *contents]):
        path = folder / f"{number}.fits"
        path.write_bytes(content)
        said, fresh = said_by(reader, path), said_by(KeywordReader(KEYWORDS), path)
        assert said == fresh
        if isinstance(said, Mapping) and isinstance(fresh, Mapping):
            assert {key: type(value) for key, value in said.items()} == {
                key: type(value) for key, value in fresh.items()
            }


@pytest.mark.parametrize("content", FILES[:4])
def test_a_second_file_of_one_layout_is_read_by_place(tmp_path: Path, content: bytes) -> None:
    """The short way is taken, for every HDU of a ramp too; cut off, the file is no longer known."""
    path = tmp_path / "x.fits"
    path.write_bytes(content)
    reader = KeywordReader(KEYWORDS)
    layouts: Layouts = reader._layouts
    said = said_by(reader, path)
    for cut in (0, 1, 100, len(content)):
        path.write_bytes(content[: len(content) - cut])
        with path.open("rb") as stream:
            assert layouts.read(stream.fileno(), len(content) - cut) == (None if cut else said)


def test_names_written_outside_their_place_are_looked_up(tmp_path: Path) -> None:
    """HIERARCH cards all have one name in its place: the second file's must not be taken for the first's."""
    reader = KeywordReader(["W_VISIT", "W_ARM"])
    for name in ("W_VISIT", "W_ARM"):
        path = tmp_path / "x.fits"
        shape = cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0})
        path.write_bytes(shape.replace(b"END".ljust(80), f"HIERARCH {name} = 7".ljust(80).encode() + b"END", 1)[:2880])
        assert reader.read(os.fsencode(path)) == {name: 7}
