"""The telemetry around some frames, for their headers: found below all roots, read where the frames are and no further.

A night's worth of one device is looked through once in a process and then asked again and again. What the fields mean
is headers.py's; what the bytes mean converters/telemetry's.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.export.headers import Series, Value
from converters.export.jobs import HeaderPlan
from converters.telemetry import CODE_BY_EVENT, Records, StampedFile, decode, merge_files, parse, stamped_files
from converters.telemetry.flatbuffer import Field, Malformed
from converters.telemetry.lines import Lines, is_lines
from converters.telemetry.schemas import schema_of

_EXTENSIONS = ("bintel", "ndjson", "ndjson.gz")
_INDICES_KEPT = 64
"""Files whose records are known by place: some 3 MB for one of 10 MB."""

_Message = tuple[int, Mapping[str, Any]]


class Around:
    """The telemetry of all devices between two instants, as the files are now; asked within one process.

    Parameters
    ----------
    roots : sequence of Path
    begin_ns, end_ns : int
        Unix nanoseconds, UTC, both included.
    """

    def __init__(self, roots: Sequence[Path], begin_ns: int, end_ns: int) -> None:
        self._roots = tuple(roots)
        self._begin_ns, self._end_ns = begin_ns, end_ns
        self._messages: dict[tuple[str, str], tuple[_Message, ...]] = {}
        self._files: dict[str, tuple[StampedFile, ...]] = {}
        self._instants: dict[str, list[NDArray[np.int64]]] = {}

    def series(self, device: str, kind: str, field: str) -> Series:
        """Return the series of one field; ``roi.xcen`` is a field of a table within. Unreadable files hold nothing."""
        messages = self._said(device, kind)
        declared = _declared(kind, field)
        is_single = declared is not None and declared.form in ("f", "[f]")
        return Series(
            np.array([at_ns for at_ns, _ in messages], np.int64),
            [_value(fields, field, is_single) for _, fields in messages],
        )

    def state(self, devices: Sequence[str], begin_ns: int, end_ns: int) -> str:
        """Return how many records of each device there are between two instants within this time, a device a line."""
        return "\n".join(f"{device} {self._count(device, begin_ns, end_ns)}" for device in sorted(set(devices)))

    def reaches(self, devices: Sequence[str], begin_ns: int, instant_ns: int) -> bool:
        """Say whether the telemetry of every device that spoke since a beginning goes on to an instant."""
        for device in set(devices):
            last_ns = max((int(times[-1]) for times in self._times(device) if times.size), default=0)
            if begin_ns <= last_ns < instant_ns:
                return False
        return True

    def _count(self, device: str, begin_ns: int, end_ns: int) -> int:
        counts = (np.searchsorted(times, [begin_ns, end_ns + 1]) for times in self._times(device))
        return sum(int(high - low) for low, high in counts)

    def _times(self, device: str) -> list[NDArray[np.int64]]:
        """Return when a device said anything, ascending, for each of its files."""
        if device not in self._instants:
            self._instants[device] = [_times_of(file) for file in self._of(device)]
        return self._instants[device]

    def _of(self, device: str) -> tuple[StampedFile, ...]:
        """Return the files that can hold something, each name once: of two copies the longer."""
        if device not in self._files:
            found = stamped_files(self._roots, device, _EXTENSIONS, begin_ns=self._begin_ns, end_ns=self._end_ns)
            longest: dict[str, StampedFile] = {}
            for file in sorted(found.files, key=lambda file: _size_and_time(file.path)[0]):
                longest[file.path.name] = file
            self._files[device] = tuple(longest.values())
        return self._files[device]

    def _said(self, device: str, kind: str) -> tuple[_Message, ...]:
        """Return what a device said, by time; a record that is there twice counts once."""
        if (device, kind) not in self._messages:
            found: dict[int, Mapping[str, Any]] = {}
            for file in self._of(device):
                for at_ns, fields in _within(file, device, kind, self._begin_ns, self._end_ns):
                    found.setdefault(at_ns, fields)
            self._messages[device, kind] = tuple(sorted(found.items(), key=lambda item: item[0]))
        return self._messages[device, kind]


def telemetry_state(header: HeaderPlan, first_ns: int, last_ns: int, around: Around | None = None) -> str:
    """Return what telemetry there is around the frames of an archive, of every device that is asked (see `is_more`).

    `around` is what has been read already; its time encloses the gap on both sides of the frames.
    """
    begin_ns, end_ns = first_ns - header.gap_ns, last_ns + header.gap_ns
    return (around or Around(header.roots, begin_ns, end_ns)).state(header.devices, begin_ns, end_ns)


def is_more(state: str, then: str) -> bool:
    """Say whether telemetry has come to what there was then, and none of it is gone.

    Of a disk that is not mounted, or of telemetry that was freed, headers would only get poorer.
    """
    now, before = _counts(state), _counts(then)
    return now != before and all(now.get(device, 0) >= count for device, count in before.items())


def _counts(state: str) -> dict[str, int]:
    """Return the records of each device; an older nightferry noted a digest instead, which tells of none."""
    lines = (line.rpartition(" ") for line in state.splitlines())
    return {device: int(count) for device, blank, count in lines if blank}


def _times_of(file: StampedFile) -> NDArray[np.int64]:
    try:
        return _sorted_times(file.path, *_size_and_time(file.path), file.stamp_ns)
    except OSError:
        return np.empty(0, np.int64)


@functools.lru_cache(maxsize=2 * _INDICES_KEPT)
def _sorted_times(path: Path, size: int, mtime_ns: int, stamp_ns: int) -> NDArray[np.int64]:
    if is_lines(path):
        return np.sort(np.array([line.time_ns for line in Lines(path)], np.int64))
    return np.sort(_index(path, size, mtime_ns, stamp_ns).times_ns)


def _within(file: StampedFile, device: str, kind: str, begin_ns: int, end_ns: int) -> Iterator[_Message]:
    index = _index_of(file)
    if index is None:
        yield from (one for one in _of_lines(file, device, kind) if begin_ns <= one[0] <= end_ns)
        return
    is_near = (index.times_ns >= begin_ns) & (index.times_ns <= end_ns)
    chosen = np.flatnonzero(is_near & (index.codes == CODE_BY_EVENT[kind]))
    if not chosen.size:
        return
    first = int(index.body_offsets[chosen].min())
    last = int((index.body_offsets[chosen] + index.body_lengths[chosen]).max())
    part = _read_part(file.path, first, last - first)
    for number in chosen.tolist():
        begin = int(index.body_offsets[number]) - first
        try:
            fields = decode(CODE_BY_EVENT[kind], part[begin : begin + int(index.body_lengths[number])])
        except Malformed:
            continue
        if fields is not None:
            yield int(index.times_ns[number]), fields


def _of_lines(file: StampedFile, device: str, kind: str) -> Iterator[_Message]:
    if is_lines(file.path):
        yield from merge_files((file,), device, kind)


def _index_of(file: StampedFile) -> Records | None:
    """Return where the records of a file are, without what they say; None where it holds none that can be read."""
    if is_lines(file.path):
        return None
    try:
        return _index(file.path, *_size_and_time(file.path), file.stamp_ns)
    except OSError:
        return None


@functools.lru_cache(maxsize=_INDICES_KEPT)
def _index(path: Path, size: int, mtime_ns: int, stamp_ns: int) -> Records:
    """Look through a file; asked again when it has grown."""
    return replace(parse(path.read_bytes(), stamp_ns), content=b"")


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _read_part(path: Path, begin: int, length: int) -> bytes:
    try:
        with path.open("rb") as opened:
            return os.pread(opened.fileno(), length, begin)
    except OSError:
        return b""


def _value(fields: Mapping[str, Any], field: str, is_single: bool) -> Value | None:
    """Return a field's value as a card can hold it: vectors become text, single precision its shortest number."""
    value: Any = fields
    for part in field.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, (tuple, list)):
        return ",".join(str(_plain(one, is_single)) for one in value)
    return _plain(value, is_single)


def _plain(value: Any, is_single: bool) -> Value | None:
    if is_single and isinstance(value, float):
        return float(str(np.float32(value)))
    return value if isinstance(value, (str, bool, int, float)) else None


def is_field(kind: str, field: str) -> bool:
    """Say whether a kind of record has a field; ``roi.xcen`` is one of a table within."""
    return _declared(kind, field) is not None


@functools.lru_cache(maxsize=256)
def _declared(kind: str, field: str) -> Field | None:
    """Return how a field is kept; None where records of this kind have none of the name."""
    schema, found = schema_of(kind), None
    for part in field.split("."):
        found = next((one for one in schema if one.name == part), None)
        if found is None:
            return None
        schema = found.fields
    return found
