"""Stream archives decode bit for bit, in every coding of the format."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from converters import xrif
from converters.stamps import format_instant, format_stamp, parse_name
from converters.xrif import differences, packing
from converters.xrif.coding import BITPACK, DTYPES, FIRST, LZ4, NONE, PIXEL, PREVIOUS, RENIBBLE
from observatory.errors import FileDamaged, UsageError
from observatory.formats.xrif import image_header
from tests.shared import shared

SAMPLES = (
    "camtest_20251202000012500000000",
    "f32_none_none_none",
    "i16_previous_bytepack_lz4",
    "u16_none_none_lz4",
    "u16_none_none_none",
    "u16_previous_bytepack_none",
    "u32_previous_none_lz4",
)
PROBABLE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def timing_of(frames: int) -> NDArray[np.uint64]:
    """Make the timing of so many frames, 2 ms apart."""
    rows = np.zeros((frames, 5), np.uint64)
    rows[:, 0] = np.arange(1000, 1000 + frames)
    rows[:, 1] = rows[:, 3] = 1764633612
    rows[:, 2] = rows[:, 4] = 2_000_000 * np.arange(frames)
    return rows


def difference_codings(dtype: np.dtype[Any]) -> list[int]:
    """Return the difference codings that the format defines for a type."""
    if dtype.kind not in "iu":
        return [NONE]
    return [NONE, PIXEL] if dtype.itemsize == 1 else [NONE, PREVIOUS, FIRST, PIXEL]


def reorder_codings(dtype: np.dtype[Any]) -> list[int]:
    """Return the reorder codings that the format defines for a type; bitpack is tried for itself."""
    return [NONE, 100, RENIBBLE] if dtype.kind in "iu" and dtype.itemsize == 2 else [NONE]


@pytest.mark.parametrize("name", SAMPLES)
def test_archives_of_the_reference_encoder_decode_exactly(name: str) -> None:
    """Pixels, type, shape and timing."""
    expected = np.load(shared("samples/xrif/expected.npz"))
    archive = xrif.read(shared(f"samples/xrif/{name}.xrif"))
    assert archive.images.dtype == expected[name].dtype
    assert np.array_equal(archive.images, expected[name])
    assert np.array_equal(archive.timing, expected["timing"])
    assert archive.timing.dtype == np.uint64


def test_the_codes_of_types_are_those_of_the_format() -> None:
    """Eight integers, two floats, two complex, and half precision last."""
    names = [
        "uint8",
        "int8",
        "uint16",
        "int16",
        "uint32",
        "int32",
        "uint64",
        "int64",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "float16",
    ]
    assert {code: np.dtype(name).name for code, name in DTYPES.items()} == dict(enumerate(names, 1))


def test_a_method_of_zero_is_the_usual_one() -> None:
    """The library takes 0 for its default, 100, and writes -1 for none, whatever its README says."""
    pixels = np.random.default_rng(2).integers(0, 1 << 16, (4, 1, 5, 7), np.uint16)
    usual = xrif.encode(pixels, "images", PREVIOUS, 100, LZ4)
    zeros = usual[:30] + bytes(6) + usual[36:]
    header = image_header(io.BytesIO(zeros), len(zeros))
    assert (header.difference, header.reorder, header.compress) == (0, 0, 0)
    assert np.array_equal(xrif.decode(header, zeros[48:]), pixels)


def test_an_archive_of_the_instrument_decodes_and_its_name_is_its_first_instant() -> None:
    """The one real stream archive: float32 and uncompressed, its numbers finite, its times 4 ms apart."""
    path = shared("samples/xrif/dm00disp_20250419062518322827132.xrif")
    archive = xrif.read(path)
    facts = xrif.timing_facts(archive.timing)
    assert archive.images.shape == (787, 1, 11, 11)
    assert archive.images.dtype == np.float32
    assert np.isfinite(archive.images).all()
    assert archive.name is not None
    assert (archive.name.device, archive.name.stamp_ns) == (b"dm00disp", facts.first_ns)
    assert format_stamp(facts.first_ns) == "20250419062518322827132"
    assert format_instant(facts.first_ns) == "2025-04-19T06:25:18.322827132"
    assert (facts.frames, facts.dropped_frames, facts.odd_steps) == (787, 0, 0)


def test_an_archive_with_foreign_timing_is_refused_but_its_images_are_not_lost() -> None:
    """Twelve rows of timing for one frame: when it was taken nobody can say; what was taken one can."""
    name = "u16_single_frame_prev_bytepack_lz4"
    path = shared(f"samples/xrif/{name}.xrif")
    with pytest.raises(FileDamaged, match="12 rows of timing for 1 frames"):
        xrif.read(path)
    assert np.array_equal(xrif.read_images(path), np.load(shared("samples/xrif/expected.npz"))[name])


@st.composite
def coded_archives(draw: st.DrawFn) -> tuple[NDArray[Any], int, int, int]:
    """Draw pixels of any type and bits, and a coding that is defined for them."""
    dtype = np.dtype(draw(st.sampled_from(sorted(DTYPES.values()))))
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 5), st.integers(1, 9)))
    size = int(np.prod(shape)) * dtype.itemsize
    raw = draw(arrays.arrays(np.uint8, size, elements=st.integers(0, 255)))
    pixels = raw.view(dtype).reshape(shape)
    difference = draw(st.sampled_from(difference_codings(dtype)))
    reorder = draw(st.sampled_from(reorder_codings(dtype)))
    return pixels, difference, reorder, draw(st.sampled_from([NONE, LZ4]))


@given(coded_archives())
@PROBABLE
def test_what_is_written_in_any_coding_is_read_again(tmp_path: Path, coded: tuple[NDArray[Any], int, int, int]) -> None:
    """Every type, every coding, any bits, odd counts, depth: the same bytes come back."""
    pixels, difference, reorder, compress = coded
    path = tmp_path / "some.xrif"
    xrif.write(path, pixels, timing_of(len(pixels)), difference, reorder, compress)
    archive = xrif.read(path)
    assert archive.images.tobytes() == pixels.tobytes()
    assert (archive.images.shape, archive.images.dtype) == (pixels.shape, pixels.dtype)
    assert archive.images.flags.writeable
    assert np.array_equal(archive.timing, timing_of(len(pixels)))


@pytest.mark.parametrize("difference", [NONE, PREVIOUS, FIRST, PIXEL])
@pytest.mark.parametrize("compress", [NONE, LZ4])
@pytest.mark.parametrize("dtype", ["<u2", "<i2"])
def test_bitpack_comes_back_where_its_header_has_room_for_its_planes(
    tmp_path: Path, difference: int, compress: int, dtype: str
) -> None:
    """Every 16-bit value, -32768 too, in planes whose distance follows from the header."""
    pixels = np.random.default_rng(7).integers(0, 1 << 16, (5, 1, 16, 8), np.uint16).view(dtype)
    pixels[1, 0, :2, :4] = np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x00FF, 0xFF00], np.uint16).reshape(2, 4)
    path = tmp_path / "some.xrif"
    xrif.write(path, pixels, timing_of(5), difference, BITPACK, compress)
    assert np.array_equal(xrif.read(path).images, pixels)


def test_bitpack_without_room_for_its_planes_is_neither_written_nor_believed() -> None:
    """The reference encoder takes the distance of its planes from its memory: then the header does not suffice."""
    with pytest.raises(UsageError, match="cannot hold the bits"):
        xrif.encode(np.zeros((2, 1, 3, 3), np.uint16), "images", PIXEL, BITPACK, NONE)


@pytest.mark.parametrize(
    ("dtype", "difference", "reorder", "compress"),
    [
        ("<f4", PREVIOUS, NONE, NONE),
        ("<f2", NONE, 100, LZ4),
        ("u1", PREVIOUS, NONE, LZ4),
        ("i1", FIRST, NONE, NONE),
        ("<u4", PREVIOUS, 100, LZ4),
        ("<i8", NONE, RENIBBLE, NONE),
        ("<u2", 101, 100, 100),
        ("<u2", 100, 310, 100),
        ("<u2", 100, 100, 120),
    ],
)
def test_a_coding_that_the_format_does_not_define_is_not_invented(
    dtype: str, difference: int, reorder: int, compress: int
) -> None:
    """No difference of floats, nor of bytes over time; packing for 16 bits alone; no code of a later library."""
    with pytest.raises(UsageError, match="no archive can be written"):
        xrif.encode(np.zeros((2, 1, 3, 3), dtype), "images", difference, reorder, compress)


def test_bytepack_is_what_the_format_says() -> None:
    """Low bytes, then high bytes, 0x00 and 0xFF exchanged where the low byte is 128 or more: by hand."""
    words = np.array([0x0102, 0x0001, 0xFFFF, 0x00FF, 0xFF80, 0x0180, 0xFF7F], np.uint16)
    packed = packing.bytepack(words, 2)
    assert packed.tobytes() == bytes.fromhex("0201 01ffff80807f 0000ff0001ff")
    assert np.array_equal(packing.unbytepack(packed, 2, 7), words)


def test_renibble_is_what_the_format_says() -> None:
    """Twice the magnitude plus the sign: its low bytes, then two planes of nibbles of its high byte, by hand."""
    values = np.array([1, -1, 0x1234, -32768, 0], np.int16)
    packed = packing.renibble(values.view(np.uint16), 0, 12)
    assert packed.tobytes() == bytes.fromhex("0203680100 004000 002000 00")
    assert np.array_equal(packing.unrenibble(packed, 0, 5).view(np.int16), values)


def test_bitpack_is_what_the_format_says() -> None:
    """Plane b holds bit b of each pixel, sixteen pixels a word, by hand."""
    values = np.zeros(16, np.int16)
    values[0], values[9], values[15] = 1, -1, -32768
    packed = packing.bitpack(values.view(np.uint16), 0, 32)
    assert packed.tobytes() == bytes.fromhex("0082 0102") + bytes(28)
    assert np.array_equal(packing.unbitpack(packed, 0, 16).view(np.int16), values)


@pytest.mark.parametrize("dtype", ["<u2", "<i4", "<u8"])
def test_sums_wrap_at_the_width_of_the_pixel(dtype: str) -> None:
    """Differences are taken in wrapping arithmetic; so are the sums that undo them."""
    rows = np.frombuffer(np.random.default_rng(3).bytes(6 * 5 * np.dtype(dtype).itemsize), dtype).reshape(6, 5)
    for undo, do in (
        (differences.sum_along_frames, differences.subtract_previous),
        (differences.add_first, differences.subtract_first),
        (differences.sum_along_pixels, differences.subtract_neighbour),
    ):
        there_and_back = rows.copy()
        do(there_and_back)
        undo(there_and_back)
        assert np.array_equal(there_and_back, rows)


@pytest.mark.parametrize("difference", [NONE, PREVIOUS, FIRST, PIXEL])
@pytest.mark.parametrize("reorder", [NONE, 100, RENIBBLE, BITPACK])
def test_large_frames_decode_exactly_in_twice_their_size(difference: int, reorder: int) -> None:
    """Work goes block by block, whose borders fall within frames here; memory is as stated, and a few blocks."""
    pixels = np.random.default_rng(5).integers(0, 1 << 16, (6, 1, 500, 501), np.uint16)
    content = xrif.encode(pixels, "images", difference, reorder, LZ4)
    header = image_header(io.BytesIO(content), len(content))
    tracemalloc.start()
    try:
        decoded = xrif.decode(header, memoryview(content)[48:])
        most_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(decoded, pixels)
    padding = pixels.nbytes // 6 if reorder in (RENIBBLE, BITPACK) else 0
    assert most_bytes < 2 * pixels.nbytes + padding + (1 << 19)


def test_the_timing_is_read_without_the_images(tmp_path: Path) -> None:
    """Even where the payload of the images is spoilt: when frames were taken does not depend on it."""
    path = tmp_path / "some.xrif"
    xrif.write(path, np.zeros((3, 1, 8, 8), np.uint16), timing_of(3))
    content = bytearray(path.read_bytes())
    content[48:60] = b"\xff" * 12
    path.write_bytes(content)
    assert np.array_equal(xrif.read_timing(path), timing_of(3))
    with pytest.raises(FileDamaged, match="no block of LZ4"):
        xrif.read(path)


def test_the_timing_tells_of_dropped_frames_and_of_odd_steps() -> None:
    """Numbers passed over are counted; so are a clock set back, and a number that stands still or leaps."""
    timing = timing_of(6)
    timing[3:, 0] += 4
    timing[5, 2] = 0
    facts = xrif.timing_facts(timing)
    assert (facts.dropped_frames, facts.odd_steps) == (4, 1)
    assert facts.last_ns - facts.first_ns == 8_000_000
    wild = timing_of(4)
    wild[:, 0] = [0, (1 << 63) - 1, 5, 1 << 62]
    assert (xrif.timing_facts(wild).dropped_frames, xrif.timing_facts(wild).odd_steps) == (0, 3)


@pytest.mark.parametrize(
    ("name", "device", "stamp"),
    [
        (b"camsci1_20251202000012500000000.xrif", b"camsci1", "20251202000012500000000"),
        (b"aol1_modevalWFS_20251202000012500000001.bintel", b"aol1_modevalWFS", "20251202000012500000001"),
        (b"\xff_\xfe_19700101000000000000000.ndjson.gz", b"\xff_\xfe", "19700101000000000000000"),
    ],
)
def test_names_are_read_from_their_last_underscore(name: bytes, device: bytes, stamp: str) -> None:
    """Devices may hold underscores, and bytes of any kind."""
    parsed = parse_name(name)
    assert parsed is not None
    assert (parsed.device, format_stamp(parsed.stamp_ns)) == (device, stamp)


@pytest.mark.parametrize(
    "name",
    [
        b"camsci1_2025120200001250000000.xrif",
        b"camsci1_202512020000125000000000.xrif",
        b"camsci1_20251302000012500000000.xrif",
        b"20251202000012500000000.xrif",
        b"_20251202000012500000000.xrif",
        b"camsci1_20251202000012500000000",
        "camsci1_2025120200001250000000٣.xrif".encode(),
        b"camsci1_20251202000012500000000.xrif\n",
    ],
)
def test_a_name_without_23_digits_of_an_instant_is_no_stamped_name(name: bytes) -> None:
    """One digit fewer or more, a 13th month, no device, no ending."""
    assert parse_name(name) is None
