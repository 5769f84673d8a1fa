"""Whether a MagAO-X stream archive (xrif) is whole: two blocks, images and their timing, and nothing after them.

Reads the two headers and no data; decoding is converters/xrif's. The text of this module is sent to other
hosts and run there by whatever python3 they have, 3.6 or later: only the standard library, no import of ours, and
no annotation that 3.6 could not evaluate.

The format is that of jaredmales/milkzmq and xrif, commit 2d01962, which the instrument pins. A block is a header of
48 bytes or more, little-endian, and a payload of as many bytes as the header says; so the length of the file
can be told from its headers alone.
"""

import struct
from typing import BinaryIO, NamedTuple

_HEADER = struct.Struct("<4s6IH3hIH6s")
_MAGIC = b"xrif"
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 8, 8: 8, 9: 4, 10: 8, 11: 8, 12: 16, 13: 2}
"""Bytes of a pixel per type code: u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 complex64 complex128 f16."""
_NONE = -1
_UNPACKED_LENGTH_KNOWN = (_NONE, 100)
"""Reorder methods (none, bytepack) that leave the number of bytes as it is."""
_METHODS = {
    "difference": (_NONE, 0, 100, 200, 300),
    "reorder": (_NONE, 0, 100, 200, 300),
    "compress": (_NONE, 0, 100),
}
"""Codes that the pinned library writes; 0 is its default, 100."""
_UINT64 = 7
_TIMING_WIDTH = 5


class Fault(Exception):
    """A file is not whole, or cannot be judged."""

    def __init__(self, state: str, reason: str) -> None:
        Exception.__init__(self, reason)
        self.state = state
        self.reason = reason


class Block(NamedTuple):
    """The header of one block; lengths in bytes."""

    what: str
    header_size: int
    width: int
    height: int
    depth: int
    frames: int
    type_code: int
    difference: int
    reorder: int
    compress: int
    payload_size: int


def examine(stream: BinaryIO, size: int) -> "tuple[str, str]":
    """Judge one xrif file by its two headers and its length.

    Parameters
    ----------
    stream : binary file
        Can seek; is read from its very start and never written.
    size : int
        The file's length in bytes.

    Returns
    -------
    state : str
        ``whole``; ``short`` (the headers promise more bytes than there are); ``damaged`` (bytes after the
        second block, headers that contradict each other or their payload); ``unjudged`` (a protocol version, type
        or coding that we do not know; the length is right).
    reason : str
        A sentence without a full stop for every state but ``whole``.

    Raises
    ------
    OSError
        The stream could not be read. Nothing else, whatever the bytes are.
    """
    try:
        headers(stream, size)
    except Fault as fault:
        return fault.state, fault.reason
    return "whole", ""


def headers(stream: BinaryIO, size: int) -> "tuple[Block, Block]":
    """Return the headers of both blocks, images and timing, of a whole file; parameters as for `examine`.

    Raises
    ------
    Fault
        With the state and reason that `examine` would return.
    OSError
        The stream could not be read.
    """
    images = _read_block(stream, 0, size, "images")
    timing_offset = images.header_size + images.payload_size
    timing = _read_block(stream, timing_offset, size, "timing")
    end = timing_offset + timing.header_size + timing.payload_size
    if end < size:
        raise Fault("damaged", f"{size - end} bytes after the timing block")
    _check_payload(images)
    _check_timing(images, timing)
    _check_codings(images)
    return images, timing


def image_header(stream: BinaryIO, size: int) -> Block:
    """Return the header of the images alone, whatever follows their payload; as `headers` for the rest."""
    images = _read_block(stream, 0, size, "images")
    _check_payload(images)
    _check_codings(images)
    return images


def _read_block(stream: BinaryIO, offset: int, size: int, what: str) -> Block:
    """Read one header; raise Fault unless it is one and its payload ends within the file."""
    stream.seek(offset)
    header = _read(stream, min(_HEADER.size, size - offset))
    if header[:4] != _MAGIC[: len(header)]:
        raise Fault("damaged", f"the header of the {what} block does not begin with xrif")
    if len(header) < _HEADER.size:
        raise Fault("short", f"the file ends after {size} bytes, before or within the header of the {what} block")
    fields = _HEADER.unpack(header)
    version, header_size = fields[1:3]
    if version != 0:
        raise Fault("unjudged", f"protocol version {version} of the {what} block is unknown")
    if header_size < _HEADER.size:
        raise Fault("damaged", f"the header of the {what} block says that it has {header_size} bytes")
    block = Block(what, header_size, *fields[3:12])
    end = offset + header_size + block.payload_size
    if end > size:
        raise Fault("short", f"the {what} block promises a file of at least {end} bytes, it has {size}")
    return block


def _check_payload(block: Block) -> None:
    """Raise Fault where the payload cannot hold the pixels that the header counts."""
    pixels = block.width * block.height * block.depth * block.frames
    if not pixels:
        raise Fault("damaged", f"the {block.what} block counts no pixel")
    if not block.payload_size:
        raise Fault("damaged", f"the payload of the {block.what} block is empty")
    pixel_bytes = _BYTES_OF_TYPE.get(block.type_code)
    if pixel_bytes is None or block.compress != _NONE or block.reorder not in _UNPACKED_LENGTH_KNOWN:
        return
    if block.payload_size != pixels * pixel_bytes:
        raise Fault(
            "damaged",
            f"the payload of the {block.what} block has {block.payload_size} bytes, not {pixels * pixel_bytes}",
        )


def _check_timing(images: Block, timing: Block) -> None:
    """Raise Fault where the second block is no timing, or that of other images."""
    shape = (timing.width, timing.height, timing.depth, timing.type_code)
    if shape != (_TIMING_WIDTH, 1, 1, _UINT64):
        raise Fault("damaged", "the second block is no timing: five 64-bit counters for each frame")
    if timing.frames != images.frames:
        raise Fault("damaged", f"{timing.frames} rows of timing for {images.frames} frames")
    _check_payload(timing)


def _check_codings(images: Block) -> None:
    """Raise Fault where the images are kept in a way that the instrument's own library does not know."""
    if images.type_code not in _BYTES_OF_TYPE:
        raise Fault("unjudged", f"type code {images.type_code} unknown")
    codes = {"difference": images.difference, "reorder": images.reorder, "compress": images.compress}
    for method, code in sorted(codes.items()):
        if code not in _METHODS[method]:
            raise Fault("unjudged", f"{method} coding {code} unknown")


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes; fewer only where the file ends."""
    parts = []
    while size > 0:
        part = stream.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
