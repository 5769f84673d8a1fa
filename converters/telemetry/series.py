"""What one device said of one kind of event over time: files of several roots merged, equal bodies kept once.

Cadences are much quicker than anything changes: a year of `observers` are three million records and a few thousand
different bodies. Finding files is places.py's, records records.py's and lines.py's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.telemetry.flatbuffer import Malformed
from converters.telemetry.lines import Lines, completed, is_lines, of_device
from converters.telemetry.places import TELEMETRY, StampedFile, stamped_files
from converters.telemetry.records import DamagedSpan, Records, parse
from converters.telemetry.schemas import CODE_BY_EVENT, decode
from observatory.errors import UsageError
from observatory.names import show

EXTENSIONS = ("bintel", "binlog", "ndjson", "ndjson.gz")
"""What files of records are called."""
_COMPARED_AT_ONCE = 1 << 14


@dataclass(frozen=True, slots=True)
class FileDamage:
    """A damaged span of a file."""

    path: Path
    span: DamagedSpan


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Records of one device and event, by time.

    Attributes
    ----------
    device, event : str
    times_ns : array of int64
        Unix nanoseconds, UTC, ascending. The same record in two files is there once.
    which : array of int32
        The place in `messages` of what each record says.
    messages : tuple of dict
        What was said, each once; fields by the names of schemas.py.
    files : tuple of Path
        The files that were read.
    damage : tuple of FileDamage
        Spans that hold no record that can be believed.
    malformed : int
        Records whose body is none of the event's; they are left out.
    growing : tuple of Path
        Files that end within a record: being written, or cut short.
    unreadable : tuple of str
        Files and folders that could not be read, ``path: reason``: what they hold is unknown.
    """

    device: str
    event: str
    times_ns: NDArray[np.int64]
    which: NDArray[np.int32]
    messages: tuple[dict[str, Any], ...]
    files: tuple[Path, ...] = ()
    damage: tuple[FileDamage, ...] = ()
    malformed: int = 0
    growing: tuple[Path, ...] = ()
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.times_ns)

    def message(self, number: int) -> Mapping[str, Any]:
        """Return what a record says."""
        return self.messages[int(self.which[number])]

    def edges(self) -> NDArray[np.int64]:
        """Return the records that say something else than the one before them; the first is one."""
        if not len(self.which):
            return np.empty(0, np.int64)
        return np.flatnonzero(np.concatenate([[True], self.which[1:] != self.which[:-1]]))

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield time and message of every record; slow where there are millions."""
        for time_ns, which in zip(self.times_ns.tolist(), self.which.tolist(), strict=True):
            yield time_ns, self.messages[which]


def read_series(
    roots: Sequence[Path],
    device: str,
    event: str,
    begin_ns: int | None = None,
    end_ns: int | None = None,
    kind: str = TELEMETRY,
) -> Series:
    """Read what a device said of an event, from all roots as if they were one.

    Parameters
    ----------
    roots : sequence of Path
        Data roots, each with some of ``telem``, ``logs``; `places.check_roots` proves them.
    device, event : str
        ``observers``, ``telem_observer``.
    begin_ns, end_ns : int, optional
        Unix nanoseconds, UTC. The files are chosen so that the last record before `begin_ns` is among the
        records, if there is one; none is later than `end_ns`. None is open.
    kind : str
        The folder below the roots, ``telem`` or ``logs``.

    Returns
    -------
    Series
        Files that cannot be read are named in it, none stops the others. It holds every different message: of what
        never says the same twice (a telescope's position) ask for hours, not for years.

    Raises
    ------
    UsageError
        No such event is known.
    """
    found = stamped_files(roots, device, EXTENSIONS, kind, begin_ns, end_ns)
    return merge_files(found.files, device, event, end_ns, found.unreadable)


def merge_files(
    files: Sequence[StampedFile], device: str, event: str, end_ns: int | None = None, unreadable: Sequence[str] = ()
) -> Series:
    """Read the given files as one series; parameters and what is raised as for `read_series`."""
    if event not in CODE_BY_EVENT:
        raise UsageError(f"no event {event!r} is known (known: {', '.join(sorted(CODE_BY_EVENT))})")
    gathered = _Gathered(device, event, list(unreadable))
    for file in files:
        gathered.add(file)
    return gathered.series(end_ns)


class _Gathered:
    """Takes file after file; holds times, and each body once."""

    def __init__(self, device: str, event: str, unreadable: list[str]) -> None:
        self._device, self._event, self._unreadable = device, event, unreadable
        self._times: list[NDArray[np.int64]] = []
        self._which: list[NDArray[np.int32]] = []
        self._place: dict[bytes, int] = {}
        self._messages: list[dict[str, Any]] = []
        self._files: list[Path] = []
        self._damage: list[FileDamage] = []
        self._growing: list[Path] = []
        self._malformed = 0

    def add(self, file: StampedFile) -> None:
        """Take one file."""
        try:
            if is_lines(file.path):
                damage, tail_bytes = self._add_lines(file.path)
            else:
                records = parse(file.path.read_bytes(), file.stamp_ns)
                self._add_records(records)
                damage, tail_bytes = records.damage, records.tail_bytes
        except OSError as error:
            self._unreadable.append(f"{show(os.fsencode(file.path))}: {error.strerror or error}")
            return
        self._files.append(file.path)
        self._damage += [FileDamage(file.path, span) for span in damage]
        if tail_bytes:
            self._growing.append(file.path)

    def _add_records(self, records: Records) -> None:
        chosen = np.flatnonzero(records.codes == CODE_BY_EVENT[self._event])
        firsts = changed_bodies(records, chosen)
        places = np.array([self._place_of(records.body(int(chosen[first]))) for first in firsts], np.int32)
        repeats = np.diff(np.append(firsts, len(chosen)))
        self._keep(records.times_ns[chosen], np.repeat(places, repeats))

    def _place_of(self, body: bytes) -> int:
        """Return the place of a body among the messages, -1 for one that cannot be read."""
        place = self._place.get(body)
        if place is None:
            try:
                message = decode(CODE_BY_EVENT[self._event], body)
            except Malformed:
                message = None
            place = self._place[body] = -1 if message is None else self._new(message)
        return place

    def _add_lines(self, path: Path) -> tuple[Sequence[DamagedSpan], int]:
        lines = Lines(path)
        times, which = [], []
        for line in of_device(lines, self._device):
            if line.event == self._event:
                times.append(line.time_ns)
                which.append(self._place_of_fields(line.fields))
        self._keep(np.array(times, np.int64), np.array(which, np.int32))
        return lines.damage, lines.tail_bytes

    def _place_of_fields(self, fields: dict[str, Any]) -> int:
        fields = completed(self._event, fields)
        key = b"{" + repr(sorted(fields.items())).encode("utf-8", "surrogatepass")
        if key not in self._place:
            self._place[key] = self._new(fields)
        return self._place[key]

    def _new(self, message: dict[str, Any]) -> int:
        """Keep a message; equal ones of different bytes (another writer, a line of JSON) are one."""
        key = b"=" + repr(sorted(message.items())).encode("utf-8", "surrogatepass")
        if key not in self._place:
            self._place[key] = len(self._messages)
            self._messages.append(message)
        return self._place[key]

    def _keep(self, times: NDArray[np.int64], which: NDArray[np.int32]) -> None:
        good = which >= 0
        self._malformed += len(which) - int(good.sum())
        self._times.append(times[good])
        self._which.append(which[good])

    def series(self, end_ns: int | None) -> Series:
        """Return all, by time, without what came twice."""
        times = np.concatenate([np.empty(0, np.int64), *self._times])
        which = np.concatenate([np.empty(0, np.int32), *self._which])
        order = _order(times, which, end_ns)
        return Series(
            device=self._device,
            event=self._event,
            times_ns=times[order],
            which=which[order],
            messages=tuple(self._messages),
            files=tuple(self._files),
            damage=tuple(self._damage),
            malformed=self._malformed,
            growing=tuple(self._growing),
            unreadable=tuple(self._unreadable),
        )


def changed_bodies(records: Records, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of the chosen records have another body than the chosen one before; the first has.

    Compares many at a time, in groups of one length; nothing is decoded.
    """
    if not len(chosen):
        return np.empty(0, np.int64)
    raw = np.frombuffer(records.content, np.uint8)
    offsets, lengths = records.body_offsets[chosen], records.body_lengths[chosen]
    changed = np.ones(len(chosen), np.bool_)
    alike = np.flatnonzero(lengths[1:] == lengths[:-1]) + 1
    for length in np.unique(lengths[alike]).tolist():
        here = alike[lengths[alike] == length]
        for begin in range(0, len(here), _COMPARED_AT_ONCE):
            part = here[begin : begin + _COMPARED_AT_ONCE]
            changed[part] = _differ(raw, offsets[part - 1], offsets[part], length)
    return np.flatnonzero(changed)


def _differ(
    raw: NDArray[np.uint8], before: NDArray[np.int64], after: NDArray[np.int64], length: int
) -> NDArray[np.bool_]:
    if not length:
        return np.zeros(len(after), np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(raw, length)
    differ: NDArray[np.bool_] = (windows[before] != windows[after]).any(axis=1)
    return differ


def _order(times: NDArray[np.int64], which: NDArray[np.int32], end_ns: int | None) -> NDArray[np.int64]:
    """Return the records to keep, by time; those of one time in the order in which they were read."""
    together = np.lexsort((which, times))
    again = np.zeros(len(times), np.bool_)
    same = (np.diff(times[together]) == 0) & (np.diff(which[together]) == 0)
    again[together[1:][same]] = True
    order = np.argsort(times, kind="stable")
    kept: NDArray[np.int64] = order[~again[order]]
    return kept if end_ns is None else kept[times[kept] <= end_ns]
