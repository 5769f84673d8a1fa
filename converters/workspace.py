"""Where a task works: a folder of its own below the root's `.nightferry`, and the way of a product to its place.

A product is at its place whole or not at all; what stood there before is put aside, put back, or kept.
What a run that was killed left behind is ended and swept by the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from observatory.endpoints.contract import OURS
from observatory.files import to_disk

_GROUP = "group"
_HALT = "halt"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Halter:
    """Whether all tasks of a run are to end now; one for all of them."""

    def __init__(self) -> None:
        self._pulled = threading.Event()

    def pull(self) -> None:
        """End all tasks."""
        self._pulled.set()

    @property
    def is_pulled(self) -> bool:
        """Whether all tasks are to end now."""
        return self._pulled.is_set()


@dataclass(frozen=True, slots=True)
class FarLeash:
    """A task's `converters.base.Leash` in another process: remembers on disk what was started, is pulled by a file."""

    folder: Path

    def started(self, group: int) -> None:
        """Note a process group with what tells it from a later one of the same number."""
        with (self.folder / _GROUP).open("a") as stream:
            stream.write(f"{group} {_born(group)} {_boot()}\n")

    def pull(self) -> None:
        """Have the task end."""
        (self.folder / _HALT).touch()

    @property
    def is_pulled(self) -> bool:
        """Whether the task is to end now."""
        return (self.folder / _HALT).exists()

    def end_started(self) -> None:
        """End at once what was started on this machine and still works."""
        _end_leftovers(self.folder / _GROUP)


@dataclass(frozen=True, slots=True)
class TaskLeash:
    """A task's `converters.base.Leash` in the process of the run."""

    folder: Path
    halter: Halter

    def started(self, group: int) -> None:
        """Note a process group for the run after a crash."""
        self.far.started(group)

    @property
    def is_pulled(self) -> bool:
        """Whether the task is to end now."""
        return self.halter.is_pulled

    @property
    def far(self) -> FarLeash:
        """The same leash for a task that works in another process."""
        return FarLeash(self.folder)


@dataclass(slots=True)
class Workspace:
    """One task's folder, and what it put aside.

    Attributes
    ----------
    root : Path
        The copy's root.
    folder : Path
        Ours alone, on the same file system as the root.
    stamp : str
        The run's, for what is kept: ``.nightferry/replaced/<stamp>/``.
    """

    root: Path
    folder: Path
    stamp: str
    _aside: list[tuple[Path, Path, bool]] = field(default_factory=list)

    def put_aside(self, path: bytes, is_ours: bool) -> bool:
        """Clear the place of a product to be; what is not known to be our own product is kept for good.

        `path` is relative to the root. Return whether anything stood there.
        """
        place = self.root / os.fsdecode(path)
        if not os.path.lexists(place):
            return False
        kept = self.folder / f"before-{len(self._aside)}" if is_ours else self._replaced(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        place.rename(kept)
        self._aside.append((place, kept, is_ours))
        return True

    def put_back(self, with_ours: bool = True) -> None:
        """Undo `put_aside`, as far as the places are free; on wish without our own products."""
        for place, kept, is_ours in reversed(self._aside):
            if (with_ours or not is_ours) and not os.path.lexists(place):
                kept.rename(place)
        self._aside.clear()

    def publish(self, made: Path, path: bytes) -> None:
        """Bring a product to its place, relative to the root, whole and on disk."""
        place = self.root / os.fsdecode(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        to_disk(made)
        made.replace(place)
        to_disk(place.parent)

    def _replaced(self, path: bytes) -> Path:
        place = self.root / os.fsdecode(OURS) / "replaced" / self.stamp / os.fsdecode(path)
        number = 0
        free = place
        while os.path.lexists(free):
            number += 1
            free = place.with_name(f"{place.name}~{number}")
        return free


def work_below(root: Path, instrument: str, host: str) -> Path:
    """Return the folder for all tasks of an instrument on this host; the instrument's lock makes it one run's."""
    return root / os.fsdecode(OURS) / "tmp" / f"convert-{instrument}@{host}"


@contextlib.contextmanager
def workspace(root: Path, work: Path, name: str, stamp: str) -> Iterator[Workspace]:
    """Give a task its folder, and take it away afterwards with all that is in it."""
    folder = work / name
    folder.mkdir(parents=True)
    try:
        yield Workspace(root, folder, stamp)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(work: Path) -> None:
    """End what a killed run left at work, and remove its folders; nothing there is nothing to do."""
    if not work.is_dir():
        return
    for folder in sorted(work.iterdir()):
        _end_leftovers(folder / _GROUP)
    shutil.rmtree(work)


def close_work(work: Path) -> None:
    """Remove the work folder and its parents as far as they are empty and ours."""
    for folder in (work, work.parent, work.parent.parent):
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue  # swept already; a parent may be left of a run that died
        except OSError:
            return  # another instrument works there, or the marker is there


def _end_leftovers(note: Path) -> None:
    try:
        lines = note.read_text().splitlines()
    except OSError:
        return  # it had started nothing
    for line in lines:
        facts = line.split()
        if len(facts) == 3 and facts[0].isdigit():  # a line cut short by the crash says nothing
            _end_leftover(int(facts[0]), facts[1], facts[2])


def _end_leftover(group: int, born: str, boot: str) -> None:
    # a leader that is gone may have left others of its group; its number is no other's while they live
    if boot == _boot() and _born(group) in (born, "gone"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _born(process: int) -> str:
    """Return when a process was born, in the kernel's ticks; ``gone`` where there is none."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2]
    except OSError:
        return "gone"
    return after_name.split()[19].decode()


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return "unknown"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises
    ------
    OSError
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def stats_of(paths: Sequence[Path]) -> list[tuple[int, int, int]] | None:
    """Return size, mtime (ns) and inode of some files; None where one is gone."""
    try:
        found = [path.stat() for path in paths]
    except FileNotFoundError:
        return None
    return [(one.st_size, one.st_mtime_ns, one.st_ino) for one in found]
