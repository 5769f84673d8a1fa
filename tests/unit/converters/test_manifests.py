"""Manifests in both dialects: written, read, merged, verified; and the letter that goes with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from converters.base import Attachment, Letter
from converters.manifest import ManifestStep
from converters.manifests import ManifestFault, Row, decode, encode, frame_id_of, merge, row_of, verify

ONE = Row("VMPA00425199", "/mnt/fuuu/20251106/vgen2/VMPA00425199.fits.fz", 57_000_000)
TWO = Row("VMPA00425200", "/mnt/fuuu/20251106/vgen2/VMPA00425200.fits.fz", 56_999_999)


def test_the_dialect_of_scxkw_has_no_head_and_ends_lines_as_its_archive_expects() -> None:
    """Frame id, path and size between bars, CR LF."""
    assert encode([ONE], "scxkw") == b"VMPA00425199|/mnt/fuuu/20251106/vgen2/VMPA00425199.fits.fz|57000000\r\n"


def test_the_dialect_of_gen2_has_a_head_and_the_sums_that_all_rows_have() -> None:
    """As mkbulk writes it."""
    rows = [Row(row.frame_id, row.path, row.size_bytes, "a" * 64, "b" * 32) for row in (ONE, TWO)]
    head, first, *_ = encode(rows, "gen2").decode().splitlines()
    assert head == "#FRAMEID|path|size_bytes|sha256sum|md5sum"
    assert first.split("|")[3:] == ["a" * 64, "b" * 32]
    assert encode([rows[0], TWO], "gen2").startswith(b"#FRAMEID|path|size_bytes\r\n")


@given(
    st.lists(
        st.builds(
            Row,
            st.from_regex(r"\A[A-Z]{4}[0-9]{8}\Z"),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
            st.integers(0, 2**60),
        ),
        min_size=1,
    ),
    st.sampled_from(["scxkw", "gen2"]),
)
def test_whatever_a_path_holds_a_manifest_is_read_as_it_was_written(rows: list[Row], dialect: str) -> None:
    """Bars, quotes and line ends included."""
    assert decode(encode(rows, dialect)) == (rows, dialect)  # type: ignore[arg-type]


def test_manifests_put_together_by_hand_are_read_and_doubles_fall_away() -> None:
    """`cat` repeats heads; one frame listed twice alike is one frame."""
    both = encode([TWO], "gen2") + encode([ONE], "gen2") + encode([TWO], "gen2")
    rows, dialect = decode(both)
    assert (merge([rows]), dialect) == ([ONE, TWO], "gen2")


@pytest.mark.parametrize("raw", [b"VMPA1|/x\r\n", b"VMPA1|/x|many\r\n", b"VMPA1|/x|5|surplus\r\n"])
def test_a_row_that_makes_no_sense_is_refused_with_its_line(raw: bytes) -> None:
    """Not skipped."""
    with pytest.raises(ManifestFault, match="line 2 is no row"):
        decode(encode([ONE], "scxkw") + raw)


def made(folder: Path) -> tuple[Row, Path]:
    """Make a file and its row with both sums."""
    place = folder / "VMPA00425199.fits.fz"
    place.write_bytes(b"packed")
    return row_of(b"/archive/" + place.name.encode(), place, ("sha256", "md5")), place


def test_a_row_holds_what_is_true_of_the_file(tmp_path: Path) -> None:
    """Under the path at which the archive finds it."""
    row, place = made(tmp_path)
    assert (row.frame_id, row.path, row.size_bytes) == ("VMPA00425199", "/archive/VMPA00425199.fits.fz", 6)
    assert row.sha256 == hashlib.sha256(b"packed").hexdigest()
    assert row.md5 == hashlib.md5(b"packed", usedforsecurity=False).hexdigest()
    assert row_of(b"/a/b.fits", place, ()).sha256 is None
    assert frame_id_of("vmpa1.fits.fz") == "VMPA1"


def test_verifying_finds_what_is_gone_shorter_changed_renamed_or_doubled(tmp_path: Path) -> None:
    """And says nothing of what is as it should be."""
    row, place = made(tmp_path)
    assert list(verify([row], lambda _: place)) == []
    assert [wrong for _, wrong in verify([row, row], lambda _: place)] == ["its frame id is there twice"]
    place.write_bytes(b"packEd")
    assert [wrong for _, wrong in verify([row], lambda _: place)] == ["its sha256 is another"]
    place.write_bytes(b"pack")
    assert [wrong for _, wrong in verify([row], lambda _: place)] == ["it has 4 bytes, not 6"]
    place.unlink()
    assert [wrong for _, wrong in verify([row], lambda _: place)] == ["it is not there"]
    assert [wrong for _, wrong in verify([row], lambda _: tmp_path / "x.fits")] == ["its name is another"]


MAIL = {"to": ["archive@example.org"], "address": "192.0.2.6", "subject": "VMP manifest {nights}"}


def step(**keys: object) -> ManifestStep:
    """Return the step with a letter."""
    return ManifestStep.model_validate({"step": "manifest", "mail": MAIL} | keys)


def letter(night: str, *rows: Row) -> Letter:
    """Return one night's letter."""
    attached = Attachment(f"manifest_VMP_{night}.csv", encode(rows, "scxkw"))
    return Letter(("archive@example.org",), f"VMP manifest {night}", "words", (attached,))


def test_the_nights_of_a_run_are_one_letter_with_one_manifest() -> None:
    """It names the nights, counts the frames, and states the address of the machine."""
    merged = step().merged([letter("20251106", TWO), letter("20251105", ONE)])
    (one,) = merged
    assert one.subject == "VMP manifest 20251105, 20251106"
    assert "2 frames of 20251105, 20251106, 113999999 bytes" in one.text
    assert "192.0.2.6" in one.text
    (attached,) = one.attachments
    assert (attached.name, decode(attached.content)[0]) == ("manifest_VMP_20251105-20251106.csv", [ONE, TWO])


def test_a_single_night_stays_as_it_is() -> None:
    """Its own letter."""
    only = [letter("20251106", ONE)]
    assert step().merged(only) == only


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        ({"to": ["nobody"]}, "a mail address"),
        ({"subject": "of {night}"}, r"\{night\} is none of"),
        ({"text": "{manifest.name.__class__}"}, "is none of"),
    ],
)
def test_words_of_a_letter_are_checked_when_they_are_read(mail: dict[str, object], words: str) -> None:
    """Nothing is found out when it is to be sent."""
    with pytest.raises(ValidationError, match=words):
        step(mail=MAIL | mail)
