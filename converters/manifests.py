"""Manifests: lists of files by which an archive fetches frames, in both dialects that Subaru's tools write.

``scxkw``: FRAMEID, absolute path and size in bytes between ``|``, no head, lines end in CR LF. ``gen2``: the same
below a head ``#FRAMEID|path|size_bytes``, and where wanted further columns ``sha256sum`` and ``md5sum``. Which files
are listed, and who is told, manifest.py says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Dialect = Literal["scxkw", "gen2"]
_HEAD = ("#FRAMEID", "path", "size_bytes")
_SUMS = ("sha256sum", "md5sum")


class ManifestFault(Exception):
    """A manifest cannot be read; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One file of a manifest.

    Attributes
    ----------
    frame_id : str
    path : str
        Absolute, on the host from which the archive fetches; bytes that are no UTF-8 as surrogates.
    size_bytes : int
    sha256, md5 : str or None
    """

    frame_id: str
    path: str
    size_bytes: int
    sha256: str | None = None
    md5: str | None = None


def frame_id_of(name: str) -> str:
    """Return a file's frame id: its name before ``.fits``, in capitals."""
    return name.partition(".fits")[0].upper()


def encode(rows: Sequence[Row], dialect: Dialect) -> bytes:
    """Return a manifest's bytes. A column of sums is written where every row has that sum."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter="|")
    sums = [
        name
        for name, key in zip(_SUMS, ("sha256", "md5"), strict=True)
        if rows and all(getattr(row, key) for row in rows)
    ]
    if dialect == "gen2":
        writer.writerow((*_HEAD, *sums))
    for row in rows:
        values = {"sha256sum": row.sha256, "md5sum": row.md5}
        extra = [values[name] for name in sums] if dialect == "gen2" else []
        writer.writerow((row.frame_id, row.path, row.size_bytes, *extra))
    return stream.getvalue().encode("utf-8", "surrogateescape")


def decode(raw: bytes) -> tuple[list[Row], Dialect]:
    """Read a manifest of either dialect, also one in which several were put together (heads in its midst).

    Raises
    ------
    ManifestFault
    """
    rows: list[Row] = []
    dialect: Dialect = "scxkw"
    columns: Sequence[str] = _HEAD
    text = raw.decode("utf-8", "surrogateescape")
    for number, fields in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter="|"), start=1):
        if not fields:
            continue
        if fields[0].startswith("#"):
            dialect, columns = "gen2", fields
            continue
        rows.append(_row(fields, columns, number))
    return rows, dialect


def _row(fields: Sequence[str], columns: Sequence[str], number: int) -> Row:
    values = dict(zip(columns, fields, strict=False))
    if len(fields) != len(columns) or not fields[2].isdigit():
        raise ManifestFault(f"line {number} is no row of {len(columns)} columns with a size in the third")
    return Row(fields[0], fields[1], int(fields[2]), values.get("sha256sum"), values.get("md5sum"))


def merge(parts: Iterable[Sequence[Row]]) -> list[Row]:
    """Return several manifests as one: by frame id, what is there twice alike only once."""
    return sorted({row for rows in parts for row in rows}, key=lambda row: (row.frame_id, row.path))


def row_of(path: bytes, place: Path, sums: Sequence[str], sha256: str | None = None) -> Row:
    """Look at a file and return its row; `path` is where the archive will find it.

    Raises
    ------
    OSError
    """
    wanted = [name for name in sums if not (name == "sha256" and sha256)]
    size, found = _sums_of(place, wanted)
    name = os.fsdecode(path.rpartition(b"/")[2])
    told = sha256 if "sha256" in sums and sha256 else found.get("sha256")
    return Row(frame_id_of(name), os.fsdecode(path), size, told, found.get("md5"))


def _sums_of(place: Path, names: Sequence[str]) -> tuple[int, dict[str, str]]:
    """Return a file's size and some hashes, in one reading; md5 is what the archive asks for, no safeguard."""
    if not names:
        return place.stat().st_size, {}
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    size = 0
    with place.open("rb") as stream:
        while chunk := stream.read(4 * 1024 * 1024):
            size += len(chunk)
            for digest in digests.values():
                digest.update(chunk)
    return size, {name: digest.hexdigest() for name, digest in digests.items()}


def verify(rows: Sequence[Row], place_of: Callable[[Row], Path]) -> Iterator[tuple[Row, str]]:
    """Yield the rows that are not true of the files, each with what is wrong; files are read where sums are given.

    `place_of` says where a row's file lies on this machine.

    Raises
    ------
    OSError
        A file could not be read, which is not the same as a file that is not there.
    """
    seen: set[str] = set()
    for row in rows:
        if row.frame_id in seen:
            yield row, "its frame id is there twice"
        seen.add(row.frame_id)
        wrong = _wrong(row, place_of(row))
        if wrong is not None:
            yield row, wrong


def _wrong(row: Row, place: Path) -> str | None:
    if frame_id_of(place.name) != row.frame_id:
        return "its name is another"
    wanted = {name: value for name, value in (("sha256", row.sha256), ("md5", row.md5)) if value}
    try:
        size, found = _sums_of(place, list(wanted))
    except FileNotFoundError:
        return "it is not there"
    if size != row.size_bytes:
        return f"it has {size} bytes, not {row.size_bytes}"
    other = [name for name, value in wanted.items() if found[name] != value]
    return f"its {other[0]} is another" if other else None
