"""What is fed to the two parsers, and what must hold whatever the bytes are: an answer or a refusal, within bounds.

How bytes are made and counted is run.py's. Each target takes bytes and raises where a promise is broken.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from converters.telemetry import decode, parse, parse_line
from converters.telemetry.flatbuffer import Malformed
from converters.telemetry.lines import completed
from converters.telemetry.schemas import CODE_BY_EVENT
from converters.telemetry.series import changed_bodies
from converters.telemetry.writer import body, record
from converters.xrif import coding
from converters.xrif.archive import read_stream
from converters.xrif.faults import Damaged, Unknown
from converters.xrif.writer import encode
from observatory.errors import UsageError
from observatory.formats.xrif import Block, Fault, examine

LIMIT_BYTES = 1 << 20
"""No target may make a parser allocate more than a few times this."""
_STATES = ("whole", "short", "damaged", "unjudged")
_CODES = tuple(CODE_BY_EVENT.values())
_BEGIN_NS = 1_764_633_612_500_000_000


@dataclass(frozen=True)
class Target:
    """One thing to be fuzzed, and bytes to begin with."""

    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def xrif_file(content: bytes) -> None:
    """A whole file: what is decoded has the header's shape, and only whole files are decoded."""
    state, reason = examine(io.BytesIO(content), len(content))
    assert state in _STATES
    assert bool(reason) == (state != "whole")
    try:
        header, images, timing = read_stream(io.BytesIO(content), len(content), LIMIT_BYTES)
    except (Fault, Damaged, Unknown) as refusal:
        assert str(refusal)
        return
    assert state == "whole"
    assert images.shape == (header.frames, header.depth, header.height, header.width)
    assert timing.shape == (header.frames, 5)
    assert images.nbytes <= LIMIT_BYTES


def xrif_block(content: bytes) -> None:
    """A header of small numbers and any payload: what comes out goes in again and comes out the same."""
    if len(content) < 8:
        return
    width, height, depth, frames, kind, difference, reorder, compress = content[:8]
    methods = [(-1, 100, 200, 300, 0)[code % 5] for code in (difference, reorder)]
    press = (-1, 100)[compress % 2]
    sizes = (1 + width % 16, 1 + height % 16, 1 + depth % 3, 1 + frames % 8)
    payload = content[8:]
    block = Block("images", 48, *sizes, 1 + kind % 13, *methods, press, len(payload))
    try:
        images = coding.decode(block, payload, LIMIT_BYTES)
    except (Damaged, Unknown) as refusal:
        assert str(refusal)
        return
    again = encode(images, "images", *methods, press)
    assert coding.decode(block._replace(payload_size=len(again) - 48), again[48:]).tobytes() == images.tobytes()


def telemetry_file(content: bytes) -> None:
    """A file of records: every byte is a record's, damage's, or the tail's, and bodies are read or refused."""
    records = parse(content, _BEGIN_NS)
    begins, lengths = records.body_offsets, records.body_lengths
    assert (begins >= 12).all()
    assert (lengths >= 0).all()
    assert (begins + lengths <= len(content)).all()
    assert (np.diff(begins) > 0).all()
    taken = int(lengths.sum()) + 12 * len(records)
    lost = sum(span.length for span in records.damage)
    assert taken + lost + records.tail_bytes <= len(content)
    assert len(content) - taken - lost - records.tail_bytes <= 8 * len(records)
    changed = set(changed_bodies(records, np.arange(len(records))).tolist())
    for number, code in enumerate(records.codes.tolist()):
        assert number in changed or records.body(number) == records.body(number - 1)
        _body(code, records.body(number))


def telemetry_body(content: bytes) -> None:
    """A body of any event."""
    if content:
        _body(_CODES[content[0] % len(_CODES)], content[1:])


def telemetry_line(content: bytes) -> None:
    """A line of JSON."""
    try:
        line = parse_line(content)
    except ValueError as refusal:
        assert str(refusal)
        return
    assert completed(line.event, line.fields) == line.fields


def _body(code: int, content: bytes) -> None:
    try:
        fields = decode(code, content)
    except Malformed:
        return
    assert fields is None or all(isinstance(name, str) for name in fields)


def _archives() -> list[bytes]:
    timing = np.ones((3, 1, 1, 5), np.uint64)
    behind = encode(timing, "timing", -1, -1, -1)
    found = []
    for dtype in ("<u2", "u1", "<i8", "<f4"):
        pixels = np.arange(3 * 16 * 4, dtype=dtype).reshape(3, 1, 16, 4)
        for difference in (-1, 100, 200, 300):
            for reorder in (-1, 100, 200, 300):
                for compress in (-1, 100):
                    try:
                        found.append(encode(pixels, "images", difference, reorder, compress) + behind)
                    except UsageError:  # not every type has every coding
                        continue
    return found


def _blocks() -> list[bytes]:
    return [bytes([3, 15, 0, 2, 2]) + struct.pack("<hh", 0, 0)[:3] + archive[48:-168] for archive in _archives()]


def _files() -> list[bytes]:
    said = {"email": "a@example.org", "obsName": "beta Pic", "observing": True, "tgt_name": "HR 1"}
    observers = [record(_BEGIN_NS + n * 10**10, "telem_observer", said) for n in range(20)]
    kinds = [record(_BEGIN_NS + n, event, {}) for n, event in enumerate(CODE_BY_EVENT)]
    return [
        b"".join(observers),
        b"".join(kinds),
        observers[0],
        b"".join(observers)[:-9],
        b"".join(observers[:3] + kinds),
    ]


def _bodies() -> list[bytes]:
    camera = {"mode": "fast", "roi": {"w": 64}, "exptime": 0.5, "tempCtrl": {"temp": -40.0, "statusStr": "on"}}
    speckles = {"separations": (1.0, 2.0), "crosses": (True, False)}
    said = {"telem_stdcam": camera, "telem_dmspeck": speckles, "telem_observer": {"email": "a", "observing": True}}
    return [bytes([_CODES.index(CODE_BY_EVENT[event])]) + body(event, fields) for event, fields in said.items()]


def _lines() -> list[bytes]:
    return [
        b'{"ts": "2024-01-25T05:19:27.194553509", "prio": "TELM", "ec": "telem_observer", "msg": {"email": "a"}}',
        b'{"device": "x", "ts": "2024-01-25T05:19:27", "ec": "text_log", "msg": {"message": "a"}}\n',
    ]


TARGETS: Mapping[str, Target] = {
    "xrif_file": Target(xrif_file, _archives),
    "xrif_block": Target(xrif_block, _blocks),
    "telemetry_file": Target(telemetry_file, _files),
    "telemetry_body": Target(telemetry_body, _bodies),
    "telemetry_line": Target(telemetry_line, _lines),
}
