"""A stream archive is whole when its two headers account for every byte."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.formats import xrif
from tests.shared import shared

WHOLE = (
    "camtest_20251202000012500000000",
    "dm00disp_20250419062518322827132",
    "f32_none_none_none",
    "i16_previous_bytepack_lz4",
    "u16_none_none_lz4",
    "u16_none_none_none",
    "u16_previous_bytepack_none",
    "u32_previous_none_lz4",
)


def block(
    width: int = 4,
    height: int = 3,
    depth: int = 1,
    frames: int = 2,
    type_code: int = 3,
    methods: tuple[int, int, int] = (-1, -1, -1),
    payload: bytes | None = None,
    version: int = 0,
    header_size: int = 48,
) -> bytes:
    """Write one block; its payload fits its shape unless it is given."""
    if payload is None:
        payload = bytes(width * height * depth * frames * xrif._BYTES_OF_TYPE.get(type_code, 1))
    fields = (b"xrif", version, header_size, width, height, depth, frames, type_code, *methods, len(payload), 0, b"")
    return struct.pack("<4s6IH3hIH6s", *fields) + bytes(max(0, header_size - 48)) + payload


def timing(frames: int = 2, header_size: int = 48) -> bytes:
    """Write the second block."""
    return block(width=5, height=1, type_code=7, frames=frames, header_size=header_size)


def examine(content: bytes) -> tuple[str, str]:
    """Judge bytes as a file."""
    return xrif.examine(io.BytesIO(content), len(content))


GOOD = block() + timing()


@pytest.mark.parametrize("name", WHOLE)
def test_the_samples_are_whole(name: str) -> None:
    """A real archive of the instrument, and one of each coding from the reference encoder."""
    assert examine(shared(f"samples/xrif/{name}.xrif").read_bytes()) == ("whole", "")


def test_the_sample_with_twelve_rows_of_timing_for_one_frame_is_damaged() -> None:
    """Its length is right; its two halves do not belong together."""
    content = shared("samples/xrif/u16_single_frame_prev_bytepack_lz4.xrif").read_bytes()
    assert examine(content) == ("damaged", "12 rows of timing for 1 frames")


def test_a_file_cut_at_any_byte_is_short() -> None:
    """In a header, in a payload, or between the blocks."""
    assert examine(GOOD) == ("whole", "")
    for length in range(len(GOOD)):
        assert examine(GOOD[:length])[0] == "short", length


def test_bytes_after_the_timing_are_damage() -> None:
    """Nothing comes after the second block, not even a third."""
    assert examine(GOOD + b"\0") == ("damaged", "1 bytes after the timing block")
    assert examine(GOOD + GOOD)[0] == "damaged"


def test_the_size_of_a_header_is_honoured() -> None:
    """A longer header of a later library still says where its payload begins."""
    assert examine(block(header_size=64) + timing(header_size=56)) == ("whole", "")
    assert examine(block(header_size=40) + timing())[0] == "damaged"


@pytest.mark.parametrize("methods", [(101, 100, 100), (100, 310, 100), (100, 100, 102), (-1, -1, 130), (-2, -1, -1)])
def test_a_coding_that_the_instrument_does_not_use_is_not_judged(methods: tuple[int, int, int]) -> None:
    """It is neither called whole nor damaged, and it is named."""
    state, reason = examine(block(methods=methods, payload=bytes(48)) + timing())
    assert state == "unjudged"
    assert reason.endswith("unknown")


def test_an_unknown_type_or_version_is_not_judged() -> None:
    """A later protocol may count otherwise."""
    assert examine(block(type_code=99) + timing()) == ("unjudged", "type code 99 unknown")
    assert examine(block(version=1) + timing())[0] == "unjudged"


def test_an_unknown_coding_does_not_hide_a_wrong_length() -> None:
    """What the headers promise is known whatever the pixels mean."""
    assert examine((block(methods=(101, 310, 120), payload=bytes(9)) + timing())[:-1])[0] == "short"


@pytest.mark.parametrize(
    "content",
    [
        b"SIMPLE  = T" + bytes(200),
        bytes(96),
        block() + bytes(128),
        block() + block(),
        block() + timing(frames=3),
        block(payload=bytes(47)) + timing(),
        block(payload=bytes(49)) + timing(),
        block(payload=b"", methods=(100, 100, 100)) + timing(),
        block(frames=0) + timing(frames=0),
        block(width=0) + timing(),
    ],
)
def test_headers_that_contradict_themselves_are_damage(content: bytes) -> None:
    """No magic, no timing, other frames, a payload that cannot hold its pixels."""
    state, reason = examine(content)
    assert state == "damaged"
    assert reason


@given(st.binary(max_size=200), st.integers(0, 250))
def test_any_bytes_are_answered(content: bytes, place: int) -> None:
    """No content raises, alone or written over a good file."""
    states = ("whole", "short", "damaged", "unjudged")
    assert examine(content)[0] in states
    assert examine(GOOD[:place] + content + GOOD[place + len(content) :])[0] in states
