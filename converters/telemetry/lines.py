"""Telemetry and logs as lines of JSON, as `logdump -J` prints them and as Python devices write them (.ndjson.gz).

A line is an object with ``ts`` (UTC, nine decimals), ``ec`` (the event), ``msg`` (its fields), perhaps ``device``
and ``prio``. Which files there are is places.py's.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.stamps import NS_PER_S
from converters.telemetry.records import DamagedSpan
from converters.telemetry.schemas import CODE_BY_EVENT, schema_of

_LONGEST_LINE = 1 << 20
"""A longer line is damage: what holds no line end must not fill the memory."""
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?")
_EPOCH = dt.datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One record.

    Attributes
    ----------
    time_ns : int
        Unix nanoseconds, UTC.
    event : str
    priority : str
        Four letters; empty where the line has none.
    device : str or None
    fields : dict
        As `schemas.decode` gives them: what an older writer left out has its default.
    """

    time_ns: int
    event: str
    priority: str
    device: str | None
    fields: dict[str, Any]


@dataclass(slots=True)
class Lines:
    """Reads the lines of a file; once it has been read, `damage` says what could not be used.

    Raises OSError while it is read.
    """

    path: Path
    damage: list[DamagedSpan] = field(default_factory=list)
    tail_bytes: int = 0

    def __iter__(self) -> Iterator[Line]:
        """Yield a record per good line; a bad one is noted and passed over."""
        for offset, raw in self._raw_lines():
            if not raw.strip():
                continue
            try:
                yield parse_line(raw)
            except ValueError as error:
                self.damage.append(DamagedSpan(offset, len(raw), str(error)))

    def _raw_lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield each line with its place in the (unpacked) file; a last one without its end is a tail."""
        offset = 0
        try:
            with gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb") as opened:
                while raw := opened.readline(_LONGEST_LINE):
                    if raw.endswith(b"\n"):
                        yield offset, raw
                    elif len(raw) == _LONGEST_LINE:
                        self.damage.append(DamagedSpan(offset, len(raw), "a line without an end"))
                    else:
                        yield from self._last(offset, raw)
                    offset += len(raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.damage.append(DamagedSpan(offset, 0, f"it cannot be unpacked further: {error}"))

    def _last(self, offset: int, raw: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield a last line that only lacks its end; else the file is still growing."""
        try:
            parse_line(raw)
        except ValueError:
            self.tail_bytes = len(raw)
        else:
            yield offset, raw


def parse_line(raw: bytes | str) -> Line:
    """Read one line.

    Raises
    ------
    ValueError
        It is no such record; the message says why.
    """
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("the line is no JSON") from error
    if not isinstance(said, dict):
        raise ValueError("the line is no object")
    event, fields = said.get("ec"), said.get("msg")
    if not isinstance(event, str) or not isinstance(fields, dict):
        raise ValueError("the line lacks ec or msg")
    device = said.get("device")
    return Line(
        time_ns=_instant_ns(said.get("ts")),
        event=event,
        priority=str(said.get("prio", "")).strip(),
        device=device if isinstance(device, str) else None,
        fields=completed(event, fields),
    )


def completed(event: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's fields with the defaults of those that are absent, in the order of its schema."""
    if event not in CODE_BY_EVENT:
        return dict(fields)
    known = {one.name: fields.get(one.name, one.default) for one in schema_of(event)}
    return known | {name: value for name, value in fields.items() if name not in known}


def of_device(lines: Iterable[Line], device: str) -> Iterator[Line]:
    """Yield the lines that do not name another device."""
    return (line for line in lines if line.device in (None, device))


def _instant_ns(text: object) -> int:
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("ts is no instant")
    second = dt.datetime.fromisoformat(found[1])
    nanoseconds = int((found[2] or "0").ljust(9, "0"))
    return (second - _EPOCH) // dt.timedelta(seconds=1) * NS_PER_S + nanoseconds


def is_lines(path: Path) -> bool:
    """Say whether a file holds lines of JSON, by its name."""
    return os.fsencode(path.name).endswith((b".ndjson", b".ndjson.gz"))
