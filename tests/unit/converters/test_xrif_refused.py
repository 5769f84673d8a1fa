"""What is inconsistent is refused with a reason, before it costs anything."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import lz4.block
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters import xrif
from converters.xrif.coding import BITPACK, LZ4, NONE, PIXEL, PREVIOUS, RENIBBLE
from observatory.errors import FileDamaged, FileUnreadable, FormatUnknown

FRAMES = 3
PIXELS = np.random.default_rng(1).integers(0, 1 << 16, (FRAMES, 1, 16, 8), np.uint16)
TIMING = np.array([[7 + row, 1764633612, 5, 1764633612, 6] for row in range(FRAMES)], np.uint64)
WIDTH, FRAMES_AT, TYPE, DIFFERENCE, REORDER, COMPRESS, SIZE = 12, 24, 28, 30, 32, 34, 36
PROBABLE = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where an archive is put."""
    return tmp_path / "some.xrif"


def good(difference: int = PREVIOUS, reorder: int = 100, compress: int = LZ4) -> bytes:
    """Return the content of a good archive."""
    rows = TIMING.reshape(-1, 1, 1, 5)
    return xrif.encode(PIXELS, "images", difference, reorder, compress) + xrif.encode(rows, "timing", NONE, NONE, NONE)


def changed(content: bytes, at: int, form: str, value: int) -> bytes:
    """Return the content with one number of a header changed."""
    raw = bytearray(content)
    struct.pack_into("<" + form, raw, at, value)
    return bytes(raw)


def refusal(path: Path, content: bytes) -> str:
    """Return why an archive is refused as damaged."""
    path.write_bytes(content)
    with pytest.raises(FileDamaged) as caught:
        xrif.read(path)
    return caught.value.why


@pytest.mark.parametrize("coding", [(NONE, NONE, NONE), (PREVIOUS, 100, LZ4)])
def test_a_file_cut_anywhere_is_refused(path: Path, coding: tuple[int, int, int]) -> None:
    """The instrument's writer goes on after a short write: such files have good names."""
    content = good(*coding)
    for length in [*range(0, 120, 7), *range(120, len(content), 97), len(content) - 1]:
        assert refusal(path, content[:length])


def test_bytes_behind_the_timing_are_refused(path: Path) -> None:
    """Nothing comes after it."""
    assert refusal(path, good() + b"x") == "1 bytes after the timing block"


def test_a_payload_that_does_not_decompress_to_its_pixels_is_refused(path: Path) -> None:
    """Too few bytes, too many, or none of LZ4's."""
    for length in (PIXELS.nbytes - 2, PIXELS.nbytes + 2):
        payload = lz4.block.compress(bytes(length), store_size=False)
        head = changed(good()[:48], SIZE, "I", len(payload))
        assert " LZ4" in (why := refusal(path, head + payload + good()[-168:])) or "decompresses to" in why
    content = bytearray(good())
    content[48:52] = b"\xff\xff\xff\xff"
    assert "no block of LZ4" in refusal(path, bytes(content))


def test_a_header_that_promises_more_than_lz4_can_hold_allocates_nothing(path: Path) -> None:
    """Two billion frames in a few hundred bytes: refused by arithmetic, whatever memory there is."""
    content = changed(good(), FRAMES_AT, "I", 2_000_000)
    tracemalloc.start()
    try:
        path.write_bytes(content)
        with pytest.raises(FileDamaged, match=r"more than \d+ bytes of LZ4 can hold"):
            xrif.read_images(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_archive_beyond_the_limit_is_refused_and_says_the_limit(path: Path) -> None:
    """It may be whole: that it was not read is no word against it."""
    path.write_bytes(good())
    with pytest.raises(FormatUnknown, match="promises 768 bytes, the limit is 700"):
        xrif.read(path, limit_bytes=700)
    assert np.array_equal(xrif.read(path, limit_bytes=768).images, PIXELS)


@pytest.mark.parametrize("reorder", [RENIBBLE, BITPACK])
def test_the_padding_of_a_packed_form_counts_against_the_limit(path: Path, reorder: int) -> None:
    """What is allocated on the way counts, not only what comes out."""
    path.write_bytes(good(PREVIOUS, reorder))
    with pytest.raises(FormatUnknown, match="promises 1024 bytes, the limit is 800"):
        xrif.read(path, limit_bytes=800)


def test_other_timing_is_refused(path: Path) -> None:
    """Rows for other frames; a second block of pixels; an instant with a billion nanoseconds."""
    content = good()
    timing = len(content) - 48 - TIMING.nbytes
    assert "rows of timing" in refusal(
        path, content[:timing] + xrif.encode(TIMING[:2].reshape(-1, 1, 1, 5), "timing", NONE, NONE, NONE)
    )
    assert "no timing" in refusal(path, content[:timing] + content[:timing])
    assert (
        refusal(path, changed(content, timing + 48 + 40 + 16, "Q", 10**9))
        == "row 1 of the timing holds an instant that is none"
    )
    assert "an instant" in refusal(path, changed(content, timing + 48 + 8, "Q", 1 << 60))


def test_timing_in_a_coding_is_decoded_by_its_rules(path: Path) -> None:
    """The instrument never codes it; where somebody did, its bytes are not taken for numbers."""
    images, rows = xrif.encode(PIXELS), TIMING.reshape(-1, 1, 1, 5)
    path.write_bytes(images + xrif.encode(rows, "timing", PREVIOUS, NONE, LZ4))
    assert np.array_equal(xrif.read(path).timing, TIMING)
    assert np.array_equal(xrif.read_timing(path), TIMING)
    plain = xrif.encode(rows, "timing", NONE, NONE, NONE)
    why = refusal(path, images + changed(changed(plain[:-1], COMPRESS, "h", LZ4), SIZE, "I", TIMING.nbytes - 1))
    assert "the timing block" in why


@pytest.mark.parametrize(
    ("at", "form", "value", "why"),
    [
        (4, "I", 1, "protocol version 1"),
        (TYPE, "H", 99, "type code 99"),
        (DIFFERENCE, "h", 101, "difference coding 101"),
        (REORDER, "h", 310, "reorder coding 310"),
        (COMPRESS, "h", 120, "compress coding 120"),
    ],
)
def test_what_a_later_library_may_write_is_said_to_be_unknown_not_damaged(
    path: Path, at: int, form: str, value: int, why: str
) -> None:
    """It is not read, and it is not called broken either: exit 3, not 1."""
    path.write_bytes(changed(good(), at, form, value))
    with pytest.raises(FormatUnknown, match=why) as caught:
        xrif.read(path)
    assert caught.value.exit_status == 3


def test_a_coding_for_other_pixels_is_refused(path: Path) -> None:
    """The header says bytes, and a packing of 16-bit words."""
    path.write_bytes(changed(changed(good(), TYPE, "H", 1), WIDTH, "I", 16))
    with pytest.raises(FormatUnknown, match="for 16-bit integers"):
        xrif.read(path)


def test_bitpack_without_room_for_its_planes_is_refused(path: Path) -> None:
    """Nine pixels and a stride of one word: the planes would lie in one another."""
    header = struct.pack("<4s6IH3hIH6x", b"xrif", 0, 48, 3, 3, 1, 2, 3, PIXEL, BITPACK, NONE, 54, 0)
    rows = xrif.encode(TIMING[:2].reshape(-1, 1, 1, 5), "timing", NONE, NONE, NONE)
    assert "cannot hold the bits of 18 pixels" in refusal(path, header + bytes(54) + rows)


def test_a_file_that_is_not_there_or_is_a_folder_is_unreadable(tmp_path: Path) -> None:
    """Not being able to look is no damage; a pipe is not waited for."""
    os.mkfifo(tmp_path / "pipe.xrif")
    for there in (tmp_path / "none.xrif", tmp_path, tmp_path / "pipe.xrif"):
        with pytest.raises(FileUnreadable) as caught:
            xrif.read(there)
        assert caught.value.exit_status == 3


def test_a_reason_names_the_file_even_where_its_name_is_no_text(tmp_path: Path) -> None:
    """Names are bytes; the sentence can be printed anywhere."""
    path = tmp_path / b"a\xff\n.xrif".decode("utf-8", "surrogateescape")
    path.write_bytes(b"no archive")
    with pytest.raises(FileDamaged, match=r"a\\xff\\x0a\.xrif is damaged: .*; nothing of it was used"):
        xrif.read(path)


CODINGS = [(NONE, NONE, NONE), (PREVIOUS, 100, LZ4), (PIXEL, RENIBBLE, LZ4), (PREVIOUS, BITPACK, NONE)]


@given(
    coding=st.sampled_from(CODINGS),
    places=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 40),
)
@PROBABLE
def test_any_bytes_are_read_or_refused(
    path: Path, coding: tuple[int, int, int], places: list[tuple[int, int]], cut: int
) -> None:
    """Whatever is changed or cut off: pixels of the header's shape, or one of the two refusals, and nothing else."""
    content = bytearray(good(*coding))
    for place, value in places:
        content[place % len(content)] = value
    path.write_bytes(content[: len(content) - cut])
    try:
        archive = xrif.read(path, limit_bytes=1 << 22)
    except (FileDamaged, FormatUnknown) as error:
        assert error.why
        return
    header = archive.header
    assert archive.images.shape == (header.frames, header.depth, header.height, header.width)
    assert archive.timing.shape == (header.frames, 5)
