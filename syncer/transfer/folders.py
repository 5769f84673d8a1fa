"""The folders at a destination: those the files need, and our own below ``.nightferry``.

Marker and lock are the syncer's; what is written into these folders is the engines'.
"""

from __future__ import annotations

import datetime as dt
import posixpath
from collections.abc import Callable, Sequence

from observatory.endpoints.contract import OURS, Act
from observatory.errors import CouldNotTell, HostKeyRefused, HostSilent, HostUnreachable, LoginRefused, RootNotProven
from observatory.nights import STAMP_FORMAT
from syncer.transfer.contract import Batch, NotArrived

TMP = OURS + b"/tmp"
"""Files that are still being written, below the root and so on its file system."""
PARTIAL = OURS + b"/partial"
"""What an interrupted rsync had of a file; the next one goes on from it."""
REPLACED = OURS + b"/replaced"
"""What was set aside for newer bytes, by the time of the run that did it."""
KEEP_REPLACED_DAYS = 30

OldBefore = Callable[[int], "dt.datetime | None"]
"""Says before which instant something is so many days old; None: nothing is, for all that is known."""

WHOLE_HOST = (HostUnreachable, HostSilent, HostKeyRefused, LoginRefused, RootNotProven)
"""Errors after which nothing can be said of any file of a batch."""


def make_ready(batch: Batch) -> dict[bytes, NotArrived]:
    """Make the folders that a batch needs, in one go, and ours; return why files cannot have theirs.

    All folders are made before any session starts, so that no two sessions race for one.

    Raises
    ------
    CouldNotTell
        The destination cannot be reached, or its root is not there.
    """
    root = batch.destination_root
    refusal = _make(batch.destination, root, [TMP, PARTIAL], None)
    if refusal is not None:
        return {item.target: NotArrived(item, refusal) for item in batch.items}
    wanted = sorted({posixpath.dirname(item.target) for item in batch.items} - {b""})
    refused = _make_each_possible(batch, wanted)
    if not refused:
        return {}
    return {
        item.target: NotArrived(item, refused[folder])
        for item in batch.items
        if (folder := posixpath.dirname(item.target)) in refused
    }


def _make_each_possible(batch: Batch, wanted: Sequence[bytes]) -> dict[bytes, str]:
    """One command for all; only where that fails is each tried alone, to learn which is to blame."""
    mode = None if batch.modes.directories is None else int(batch.modes.directories, 8)
    root = batch.destination_root
    if not wanted or _make(batch.destination, root, wanted, mode) is None:
        return {}
    tried = ((folder, _make(batch.destination, root, [folder], mode)) for folder in wanted)
    return {folder: refusal for folder, refusal in tried if refusal is not None}


def _make(destination: Act, root: bytes, folders: Sequence[bytes], mode: int | None) -> str | None:
    try:
        destination.make_folders(root, folders, mode)
    except WHOLE_HOST:
        raise
    except (CouldNotTell, OSError, ValueError) as error:
        return f"its folder could not be made: {error}"
    return None


def sweep(destination: Act, root: bytes, keep_partial: bool = False) -> int:
    """Remove what a dead run left in ``.nightferry/tmp`` and ``partial``; return how many files that were.

    Only who holds the destination's lock may call it. With `keep_partial` rsync's partial files stay, so
    that this run goes on from them. After a good run, calling it leaves only the marker and what was
    replaced.
    """
    folders = [TMP] if keep_partial else [TMP, PARTIAL]
    count = sum(_empty(destination, posixpath.join(root, folder)) for folder in folders)
    _remove_if_empty(destination, posixpath.join(root, REPLACED))
    return count


def free_old_replaced(
    destination: Act,
    root: bytes,
    now: dt.datetime,
    keep_days: int = KEEP_REPLACED_DAYS,
    old_before: OldBefore = lambda days: None,
) -> list[bytes]:
    """Remove what was set aside more than `keep_days` days ago; return those paths relative to the root.

    The age is that of the stamp in the folder's name. A name that is no stamp was not given by us: it stays.

    Parameters
    ----------
    now : datetime
    old_before : callable
        Asked only where something is old by `now`, which one clock shows: before which instant it is by all that is
        known; None: nothing is.
    """
    top = posixpath.join(root, REPLACED)
    by_clock = now - dt.timedelta(days=keep_days)
    stamps = {name: stamp for name in destination.list_folder(top) if (stamp := _instant_of(name)) is not None}
    before = old_before(keep_days) if any(stamp < by_clock for stamp in stamps.values()) else None
    freed: list[bytes] = []
    for name, stamp in sorted(stamps.items()):
        if before is not None and stamp < min(before, by_clock):
            removed = _remove_below(destination, posixpath.join(top, name))
            freed.extend(posixpath.relpath(path, root) for path in removed)
    _remove_if_empty(destination, top)
    return freed


def unused_stamp(destination: Act, root: bytes, stamp: str) -> str:
    """Return a run's stamp, or the next second's that nobody used: what was set aside is never replaced itself."""
    taken = set(destination.list_folder(posixpath.join(root, REPLACED)))
    instant = _instant_of(stamp.encode())
    while instant is not None and stamp.encode() in taken:
        instant += dt.timedelta(seconds=1)
        stamp = instant.strftime(STAMP_FORMAT)
    return stamp


def stamp_after(stamp: str, unseen_rounds: int) -> str:
    """Return the stamp for what is sent after so many rounds of which nobody could see all: seconds later.

    What such a round may have put in a file's place is set aside like any other file, and must not take the place of
    what was set aside first.
    """
    instant = _instant_of(stamp.encode())
    return stamp if instant is None else (instant + dt.timedelta(seconds=unseen_rounds)).strftime(STAMP_FORMAT)


def _instant_of(name: bytes) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(name.decode("ascii"), STAMP_FORMAT).replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _remove_below(destination: Act, path: bytes) -> list[bytes]:
    """Remove a path with all that lies below it; links are removed, never followed. Return what it was.

    Only a folder that holds something refuses to go at once, so nothing needs to be asked beforehand.
    """
    try:
        destination.remove(path)
    except WHOLE_HOST:
        raise
    except (CouldNotTell, OSError):
        names = destination.list_folder(path)
        if not names:
            raise
        removed = [below for name in names for below in _remove_below(destination, posixpath.join(path, name))]
        destination.remove(path)
        return removed
    return [path]


def _empty(destination: Act, folder: bytes) -> int:
    names = destination.list_folder(folder)
    count = sum(len(_remove_below(destination, posixpath.join(folder, name))) for name in names)
    destination.remove(folder)
    return count


def _remove_if_empty(destination: Act, folder: bytes) -> None:
    if not destination.list_folder(folder):
        destination.remove(folder)
