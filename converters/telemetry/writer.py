"""Writes records as the instrument does: for tests, demonstrations and benchmarks.

Never used on data of an instrument.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from converters.stamps import NS_PER_S
from converters.telemetry.flatbuffer import Field, Schema
from converters.telemetry.headers import SHORT_LENGTHS
from converters.telemetry.schemas import CODE_BY_EVENT, schema_of

TELEMETRY = 64
"""The priority of telemetry."""


def record(time_ns: int, event: str, fields: Mapping[str, Any], priority: int = TELEMETRY) -> bytes:
    """Return one record, header and body.

    Parameters
    ----------
    time_ns : int
        Unix nanoseconds, UTC.
    event : str
        As in ``schemas.CODE_BY_EVENT``.
    fields : mapping
        By name; what is left out, None or a default is not stored, as the instrument does.
    """
    return raw_record(time_ns, CODE_BY_EVENT[event], body(event, fields), priority)


def raw_record(time_ns: int, code: int, content: bytes, priority: int = TELEMETRY) -> bytes:
    """Return one record with any code and body."""
    seconds, nanoseconds = divmod(time_ns, NS_PER_S)
    size = len(content)
    if size < SHORT_LENGTHS:
        length = bytes([size])
    elif size < 1 << 16:
        length = struct.pack("<BH", 254, size)
    else:
        length = struct.pack("<BQ", 255, size)
    return struct.pack("<bHII", priority, code, seconds, nanoseconds) + length + content


def body(event: str, fields: Mapping[str, Any]) -> bytes:
    """Return the flatbuffer of an event's fields; empty for events without any."""
    schema = schema_of(event)
    return struct.pack("<I", 4) + _table(schema, fields) if schema else b""


def _table(schema: Schema, fields: Mapping[str, Any]) -> bytes:
    """Return a table, its vtable behind the numbers and before what is reached by a distance."""
    stored = [(slot, field) for slot, field in enumerate(schema) if fields.get(field.name) not in (None, field.default)]
    places: dict[int, int] = {}
    size = 4
    for slot, field in stored:
        places[slot] = size
        size += _inline_bytes(field)
    slots = max(places, default=-1) + 1
    vtable = struct.pack("<2H", 4 + 2 * slots, size) + struct.pack(
        f"<{slots}H", *(places.get(slot, 0) for slot in range(slots))
    )
    numbers, behind = _contents(
        [(field, places[slot], fields[field.name]) for slot, field in stored], size + len(vtable)
    )
    return struct.pack("<i", -size) + numbers + vtable + behind


def _contents(stored: Sequence[tuple[Field, int, Any]], behind_at: int) -> tuple[bytes, bytes]:
    """Return the fields as they stand in a table, and what their distances lead to."""
    numbers, behind = b"", b""
    for field, place, value in stored:
        if field.form in "?bBhHiIqQfd":
            numbers += struct.pack("<" + field.form, value)
        else:
            numbers += struct.pack("<I", behind_at + len(behind) - place)
            behind += _reached(field, value)
    return numbers, behind


def _inline_bytes(field: Field) -> int:
    return struct.calcsize("<" + field.form) if field.form in "?bBhHiIqQfd" else 4


def _reached(field: Field, value: Any) -> bytes:
    if field.form == "s":
        raw = str(value).encode("utf-8", "surrogateescape")
        return struct.pack("<I", len(raw)) + raw + b"\0"
    if field.form == "{}":
        return _table(field.fields, value)
    return struct.pack(f"<I{len(value)}{field.form[1]}", len(value), *value)
