"""Finds an instrument's stamped files below its data roots: both layouts, several roots as one archive.

Old layout: ``telem/<device>_<stamp>.bintel``, ``rawimages/<camera>/<camera>_<stamp>.xrif``. New, from November 2024:
``<kind>/<device>/<YYYY_MM_DD>/<device>_<stamp>.<extension>``, the day that of the stamp, in UTC. Both may lie
below one root. What is in the files others read; folders beside the window asked for are not listed.
"""

from __future__ import annotations

import functools
import os
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converters.stamps import NS_PER_S, StampedName, day_folder, format_stamp, parse_name
from observatory.errors import RootNotProven
from observatory.names import show

TELEMETRY, LOGS, IMAGES = "telem", "logs", "rawimages"
"""The kinds of data below a root."""
_RECENT_NS = 5 * NS_PER_S
"""A folder may change twice within one tick of its clock: only what is older than this is believed unchanged."""
_FOLDERS_KEPT = 128
_LAST_NS = 253_402_300_799 * NS_PER_S
_DAY = re.compile(r"\d{4}_\d\d_\d\d")


@dataclass(frozen=True, slots=True, order=True)
class StampedFile:
    """A file whose name says whose it is and when it begins; ordered by that instant."""

    stamp_ns: int
    path: Path
    name: StampedName = field(compare=False)
    root: Path = field(compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Files by stamp, and the folders that could not be listed: ``path: reason``."""

    files: tuple[StampedFile, ...]
    unreadable: tuple[str, ...]


def check_roots(roots: Sequence[Path]) -> None:
    """Make sure that every root can be listed and holds data of some kind: an empty mount point does not.

    Raises
    ------
    RootNotProven
    """
    for root in roots:
        try:
            names = {path.name for path in root.iterdir()}
        except OSError as error:
            raise RootNotProven(
                "this machine", show(os.fsencode(root)), f"cannot be listed ({error.strerror})"
            ) from error
        if not names & {TELEMETRY, LOGS, IMAGES}:
            raise RootNotProven("this machine", show(os.fsencode(root)), "holds none of telem, logs and rawimages")


def devices(roots: Sequence[Path], kind: str = TELEMETRY) -> tuple[str, ...]:
    """Name every device that has files of a kind, below any root and in either layout; raises OSError."""
    found = set()
    for root in roots:
        for entry in _entries(root / kind):
            if entry.is_dir():
                found.add(entry.name)
            elif name := parse_name(os.fsencode(entry.name)):
                found.add(os.fsdecode(name.device))
    return tuple(sorted(found))


def stamped_files(
    roots: Sequence[Path],
    device: str,
    extensions: Sequence[str],
    kind: str = TELEMETRY,
    begin_ns: int | None = None,
    end_ns: int | None = None,
) -> Found:
    """Find the files of a device that can hold something of a window.

    Those that begin in it, and of each root the last one that begins before: when a file ends its name does not
    say.

    Parameters
    ----------
    roots : sequence of Path
        Absolute; each holds some of ``telem``, ``logs``, ``rawimages``. A kind that a root has not is nothing odd.
    device : str
        Camera or telemetry device, exactly.
    extensions : sequence of str
        Without dots: ``("bintel",)``, ``("xrif",)``.
    kind : str
        The folder below the root.
    begin_ns, end_ns : int, optional
        Unix nanoseconds, UTC, both included; None is open.

    Returns
    -------
    Found
        By stamp, then path. The same file below two roots is there twice.
    """
    unreadable: list[str] = []
    files: list[StampedFile] = []
    for root in roots:
        files += _below(root, device, frozenset(extensions), kind, begin_ns, end_ns, unreadable)
    return Found(tuple(sorted(files)), tuple(unreadable))


def _below(
    root: Path,
    device: str,
    extensions: frozenset[str],
    kind: str,
    begin_ns: int | None,
    end_ns: int | None,
    unreadable: list[str],
) -> list[StampedFile]:
    """Find them below one root; folders of days from the last to the first, no further back than needed."""

    def listed(folder: Path) -> list[StampedFile]:
        try:
            names = _names(folder)
        except OSError as error:
            unreadable.append(_sentence(folder, error))
            return []
        parsed = _within(names, os.fsencode(device), extensions, begin_ns, end_ns)
        return [StampedFile(name.stamp_ns, folder / os.fsdecode(raw), name, root) for raw, name in parsed]

    files = listed(root / kind) + listed(root / kind / device)
    for day in _days(root / kind / device, end_ns, unreadable):
        here = listed(day)
        files += here
        if begin_ns is not None and any(file.stamp_ns <= begin_ns for file in here):
            break
    return _from_last_before(files, begin_ns)


def _from_last_before(files: list[StampedFile], begin_ns: int | None) -> list[StampedFile]:
    """Keep what begins after an instant, and the last that begins at or before it."""
    if begin_ns is None:
        return files
    last_ns = max((file.stamp_ns for file in files if file.stamp_ns <= begin_ns), default=begin_ns)
    return [file for file in files if file.stamp_ns >= last_ns]


def _days(folder: Path, end_ns: int | None, unreadable: list[str]) -> list[Path]:
    """Return the folders of days up to that of an instant, the last first."""
    try:
        names = [entry.name for entry in _entries(folder) if _DAY.fullmatch(entry.name)]
    except OSError as error:
        unreadable.append(_sentence(folder, error))
        return []
    latest = "9999_99_99" if end_ns is None else day_folder(end_ns)
    return [folder / name for name in sorted(names, reverse=True) if name <= latest]


def _within(
    names: Sequence[bytes], device: bytes, extensions: frozenset[str], begin_ns: int | None, end_ns: int | None
) -> Iterator[tuple[bytes, StampedName]]:
    """Yield, the last first, the names of a device's files that begin in a window, and the last one before it.

    Names sort as their stamps do, so that of a folder with all files of a year only these are looked at.
    """
    prefix = device + b"_"
    first = bisect_left(names, prefix + b"0")
    last = bisect_left(names, prefix + b":")  # what follows the digits in ASCII
    if end_ns is not None:
        last = bisect_right(names, prefix + format_stamp(_sane(end_ns)).encode() + b"\xff", first, last)
    before_ns: int | None = None
    for place in range(last - 1, first - 1, -1):
        name = parse_name(names[place])
        if name is None or name.device != device or name.extension not in extensions:
            continue
        if before_ns is not None and name.stamp_ns < before_ns:
            return
        if end_ns is None or name.stamp_ns <= end_ns:
            yield names[place], name
        if begin_ns is not None and name.stamp_ns < begin_ns:
            before_ns = name.stamp_ns


def _sane(instant_ns: int) -> int:
    """Return an instant that can be written as a stamp."""
    return min(max(instant_ns, 0), _LAST_NS)


def _names(folder: Path) -> tuple[bytes, ...]:
    """Return the names of the files in a folder, ascending; nothing where there is no such folder.

    A folder that has not changed for some seconds is not listed again: all devices may lie in one.
    """
    try:
        changed_ns = folder.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return ()
    if time.time_ns() - changed_ns < _RECENT_NS:
        return _list(folder)
    return _listed(folder, changed_ns)


@functools.lru_cache(maxsize=_FOLDERS_KEPT)
def _listed(folder: Path, changed_ns: int) -> tuple[bytes, ...]:
    return _list(folder)


def _list(folder: Path) -> tuple[bytes, ...]:
    return tuple(sorted(os.fsencode(entry.name) for entry in _entries(folder) if _may_be_file(entry)))


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    """Say whether it is a file, or leads to something: of a pipe nobody would ever read the end."""
    return entry.is_symlink() or entry.is_file(follow_symlinks=False)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder holds; nothing where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _sentence(path: Path, error: OSError) -> str:
    return f"{show(os.fsencode(path))}: {error.strerror or error}"
