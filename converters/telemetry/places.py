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
LONGEST_FILE_NS = 86400 * NS_PER_S
"""Telemetry and logs are rotated by size and, by default, every 1440 minutes."""
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
    say. Of telemetry and logs also what begins up to a day before and was still written to in the window, as far as
    its own time tells: where a clock once ran ahead, the last one that begins before is not the one that goes on.

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
    back_ns = 0 if kind == IMAGES else LONGEST_FILE_NS
    search = _Search(device, frozenset(extensions), kind, begin_ns, end_ns, back_ns)
    files = sorted(file for root in roots for file in search.below(root))
    return Found(tuple(files), tuple(search.unreadable))


@dataclass(slots=True)
class _Search:
    """What is looked for, and the folders that could not be listed on the way.

    `back_ns`: how far before the window a file may begin that goes on in it although another one begins after it.
    """

    device: str
    extensions: frozenset[str]
    kind: str
    begin_ns: int | None
    end_ns: int | None
    back_ns: int = 0
    unreadable: list[str] = field(default_factory=list)

    def below(self, root: Path) -> list[StampedFile]:
        """Return what is below one root; folders of days from the last to the first, no further back than needed."""
        top = root / self.kind
        files = [*self._listed(top, root), *self._listed(top / self.device, root)]
        of_days: list[StampedFile] = []
        for day in self._days(top / self.device):
            if self._is_enough(of_days, day.name):
                break
            of_days += self._listed(day, root)
        return self._from_last_before([*files, *of_days])

    def _is_enough(self, files: Sequence[StampedFile], day: str) -> bool:
        """Say whether days from this one back hold nothing that is wanted, after the files of those behind it."""
        if self.begin_ns is None or day >= day_folder(_sane(self.begin_ns - self.back_ns)):
            return False
        return any(file.stamp_ns <= self.begin_ns for file in files)

    def _listed(self, folder: Path, root: Path) -> Iterator[StampedFile]:
        try:
            names = _names(folder)
        except OSError as error:
            self.unreadable.append(_sentence(folder, error))
            return
        for raw, name in self._within(names):
            yield StampedFile(name.stamp_ns, folder / os.fsdecode(raw), name, root)

    def _from_last_before(self, files: list[StampedFile]) -> list[StampedFile]:
        """Keep what begins in the window, the last that begins at or before its beginning, and what goes on in it."""
        begin_ns = self.begin_ns
        if begin_ns is None:
            return files
        last_ns = max((file.stamp_ns for file in files if file.stamp_ns <= begin_ns), default=begin_ns)
        return [file for file in files if file.stamp_ns >= last_ns or self._goes_on(file, begin_ns)]

    def _goes_on(self, file: StampedFile, begin_ns: int) -> bool:
        if file.stamp_ns < begin_ns - self.back_ns:
            return False
        try:
            return file.path.stat().st_mtime_ns >= begin_ns
        except OSError:
            return True  # who reads it says why it cannot be read

    def _days(self, folder: Path) -> list[Path]:
        """Return the folders of days up to that of the window's end, the last first."""
        try:
            names = [entry.name for entry in _entries(folder) if _DAY.fullmatch(entry.name)]
        except OSError as error:
            self.unreadable.append(_sentence(folder, error))
            return []
        latest = "9999_99_99" if self.end_ns is None else day_folder(self.end_ns)
        return [folder / name for name in sorted(names, reverse=True) if name <= latest]

    def _within(self, names: Sequence[bytes]) -> Iterator[tuple[bytes, StampedName]]:
        """Yield, the last first, the names of the device's files that begin in the window, and of some before it.

        Names sort as their stamps do, so that of a folder with all files of a year only these are looked at.
        """
        device = os.fsencode(self.device)
        prefix = device + b"_"
        first = bisect_left(names, prefix + b"0")
        last = bisect_left(names, prefix + b":")  # what follows the digits in ASCII
        if self.end_ns is not None:
            last = bisect_right(names, prefix + format_stamp(_sane(self.end_ns)).encode() + b"\xff", first, last)
        before_ns: int | None = None
        for place in range(last - 1, first - 1, -1):
            name = parse_name(names[place])
            if name is None or name.device != device or name.extension not in self.extensions:
                continue
            if before_ns is not None and name.stamp_ns < before_ns:
                return
            if self.end_ns is None or name.stamp_ns <= self.end_ns:
                yield names[place], name
            if self.begin_ns is not None and name.stamp_ns < self.begin_ns - self.back_ns:
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
