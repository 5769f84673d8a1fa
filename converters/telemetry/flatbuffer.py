"""Reads the tables of flatbuffers, as much of them as telemetry needs, and nothing outside the bytes given.

Which field is what schemas.py says. The format is that of google/flatbuffers: at 0 the distance to the root
table; a table begins with the distance back to its vtable; that holds its own size, the table's, and for each
field the distance from the table's begin (0, or a vtable too short: the field has its default). Strings,
vectors and tables are reached by a distance forward from the field. All is little-endian, and may be unaligned.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")


class Malformed(Exception):
    """What is read as a flatbuffer is none."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table; its slot is its place in the table's schema.

    Attributes
    ----------
    name : str
        As the schema has it.
    form : str
        A number's type as in `struct`; ``s`` a string, ``[x]`` a vector of numbers, ``{}`` a table.
    read : callable
        Takes the buffer and where the field lies, and returns its value.
    default : object
        What an absent field stands for; None where that is "nothing was said".
    fields : tuple of Field
        Those of a table.
    """

    name: str
    form: str
    read: Callable[[bytes, int], Any]
    default: Any = None
    fields: tuple[Field, ...] = ()


Schema = tuple[Field, ...]


def read_root(content: bytes, schema: Schema) -> dict[str, Any]:
    """Return the fields of the root table, by name, in the order of the schema.

    Fields beyond the schema (of a newer writer) are passed over, those that an older writer did not know have
    their defaults.

    Raises
    ------
    Malformed
        Some distance leads outside, whatever the bytes are; nothing else is raised.
    """
    try:
        return _read_table(content, _U32.unpack_from(content, 0)[0], schema)
    except (struct.error, OverflowError) as error:
        raise Malformed("a distance leads outside the record") from error


def scalar(form: str) -> Callable[[bytes, int], Any]:
    """Return a reader of one number; `form` as in `struct`, without byte order."""
    unpack = struct.Struct("<" + form).unpack_from
    return lambda content, at: unpack(content, _within(content, at))[0]


def string(content: bytes, at: int) -> str:
    """Read a string; bytes that are not UTF-8 are kept as surrogates, as file names are."""
    return _counted(content, at, 1).decode("utf-8", "surrogateescape")


def vector(form: str) -> Callable[[bytes, int], Any]:
    """Return a reader of a vector of numbers, as a tuple."""
    size = struct.calcsize("<" + form)

    def read(content: bytes, at: int) -> tuple[Any, ...]:
        raw = _counted(content, at, size)
        return struct.unpack(f"<{len(raw) // size}{form}", raw)

    return read


def table(schema: Schema) -> Callable[[bytes, int], Any]:
    """Return a reader of a table within a table."""
    return lambda content, at: _read_table(content, at + _U32.unpack_from(content, _within(content, at))[0], schema)


def _read_table(content: bytes, begin: int, schema: Schema) -> dict[str, Any]:
    vtable = _within(content, begin - _I32.unpack_from(content, _within(content, begin))[0])
    vtable_size = _U16.unpack_from(content, vtable)[0]
    if vtable + vtable_size > len(content):
        raise Malformed("the list of a table's fields leads outside the record")
    values: dict[str, Any] = {}
    for slot, field in enumerate(schema):
        entry = 4 + 2 * slot
        distance = _U16.unpack_from(content, vtable + entry)[0] if entry + 2 <= vtable_size else 0
        values[field.name] = field.read(content, begin + distance) if distance else field.default
    return values


def _counted(content: bytes, at: int, item_bytes: int) -> bytes:
    """Return the bytes of the string or vector that a field at a place leads to."""
    begin = at + _U32.unpack_from(content, _within(content, at))[0]
    count = _U32.unpack_from(content, _within(content, begin))[0]
    end = begin + 4 + count * item_bytes
    if end > len(content):
        raise Malformed("a string or vector ends outside the record")
    return content[begin + 4 : end]


def _within(content: bytes, at: int) -> int:
    """Return a place that lies within; `struct` itself would count a negative one from the end."""
    if not 0 <= at < len(content):
        raise Malformed("a distance leads outside the record")
    return at
