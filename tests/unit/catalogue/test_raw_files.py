"""Raw files read: what is damaged is refused in the words of the house, and gives no image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue.datasets.raw import RawFile
from observatory.errors import FileUnreadable
from tests.pfs import ccd, ramp

ASKED: tuple[Callable[[RawFile], object], ...] = (
    lambda raw: raw.hdus,
    lambda raw: raw.get_image(),
    lambda raw: raw.header(),
    lambda raw: raw.is_complete,
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ramp(12)[:-2880], "promises a file of"),
        (ccd(12)[:-1], "promises a file of"),
        (ccd(12) + b"\0" * 2880, "are no extension"),
        (
            ccd(12).replace(b"BITPIX  =                   16", b"BITPIX  =                   17"),
            "BITPIX of HDU 0 is 17",
        ),
    ],
)
def test_a_damaged_file_gives_nothing(tmp_path: Path, content: bytes, reason: str) -> None:
    """Of one that is cut off a reader may make an image all the same."""
    (tmp_path / "x.fits").write_bytes(content)
    for asked in ASKED:
        with pytest.raises(FileUnreadable, match=reason):
            asked(RawFile(tmp_path / "x.fits"))


def test_a_card_that_is_none_is_said_in_our_words(tmp_path: Path) -> None:
    """Its library has an error of its own for it; the pixels have nothing to do with it."""
    card = b"W_ENFCAZ=                  0.0"
    (tmp_path / "x.fits").write_bytes(ccd(12).replace(card, b"W_ENFCAZ=                  0.O"))
    raw = RawFile(tmp_path / "x.fits")
    assert raw.get_image().shape == (6, 8)
    with pytest.raises(FileUnreadable, match="W_ENFCAZ"):
        raw.header()


def test_a_ramp_is_complete_where_every_read_that_was_asked_for_is_there(tmp_path: Path) -> None:
    """Where the header does not say how many there are nobody knows; a read that is there twice is no other."""
    whole = ramp(12)
    contents = {
        "whole": whole,
        "unsaid": whole.replace(b"W_H4NRED=", b"W_H4NRES="),
        "double": whole.replace(b"'IMAGE_3 '", b"'IMAGE_2 '"),
        "short": ramp(12, reads=2, W_H4NRED=3),
    }
    for name, content in contents.items():
        assert (content == whole) == (name == "whole"), "each is altered as it says"
        (tmp_path / f"{name}.fits").write_bytes(content)
    assert [name for name in contents if RawFile(tmp_path / f"{name}.fits").is_complete] == ["whole"]
