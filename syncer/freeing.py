"""Freeing files on one copy: set aside, read once more, the other copies seen again, then removed. Never at once.

A file that is set aside under ``.nightferry/freeing`` can be put back: where another copy turns out to be the same
folder under another name, the file is gone there too, and comes back. What a dead run left is put back by the next.
What may be freed prune.py decides; records and proofs are the journal's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from observatory.asking import asking
from observatory.endpoints.contract import OURS, Act, Facts, Promise
from observatory.errors import CouldNotTell
from observatory.names import show
from syncer.prune import Freeable, Stay, differs
from syncer.transfer.abreast import ENDS_S
from syncer.transfer.folders import WHOLE_HOST

FREEING = OURS + b"/freeing"
"""Files on their way out, below the root and so on its file system, by the time of the run and their own path."""
HANDS = 4
"""Names changed at a time: as many sessions as an SSH host is asked for."""

LookAgain = Callable[[Sequence[Freeable]], Sequence[Freeable | Stay]]
"""Looks at the other copies once more, while the files are set aside, and decides again; in the order given."""


class Journal(Protocol):
    """Is told of each batch before anything of it happens."""

    def begun(self, batch: Sequence[Freeable]) -> None:
        """Files will be set aside."""
        ...

    def proven(self, batch: Sequence[Freeable]) -> None:
        """These are about to be removed; their proof must be on disk when this returns."""
        ...

    def done(self, still_there: Collection[bytes]) -> None:
        """The batch came to its end; of its files these are there all the same."""
        ...


@dataclass
class Freed:
    """What became of a batch: the files that are gone, and those that stay, with the reason."""

    gone: list[Freeable] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)


class _Batch:
    """One batch at work; `aside` are the files that lie under `FREEING` now."""

    def __init__(self, endpoint: Act, root: bytes, stamp: bytes, batch: Sequence[Freeable]) -> None:
        self._endpoint, self._root, self._batch = endpoint, root, batch
        self._folder = posixpath.join(FREEING, stamp)
        self.aside: dict[bytes, Freeable] = {}
        self.freed = Freed()

    def stay(self, one: Freeable, reason: str) -> None:
        """Note that a file stays."""
        self.freed.stays.append(Stay(one.candidate, reason))

    def _place(self, path: bytes) -> bytes:
        return posixpath.join(self._folder, path)

    def _each(self, files: Sequence[Freeable], act: Callable[[Freeable], str | None]) -> list[Freeable]:
        """Do something with each of some files; those with which it failed stay. Return the others."""
        with asking((self._endpoint,), HANDS, "free", ENDS_S) as pool:
            answers = list(pool.map(act, files))
        for one, reason in zip(files, answers, strict=True):
            if reason is not None:
                self.stay(one, reason)
        return [one for one, reason in zip(files, answers, strict=True) if reason is None]

    def set_aside(self) -> None:
        """Take the files from their places, but for those that somebody touched since they were looked at."""
        same = self._unchanged()
        folders = sorted({posixpath.dirname(self._place(one.candidate.path)) for one in same})
        if same:
            self._endpoint.make_folders(self._root, folders, 0o700)
        self._each(same, self._take)

    def _unchanged(self) -> list[Freeable]:
        looked = self._endpoint.stat(self._root, [one.candidate.path for one in self._batch])
        same = []
        for one, facts in zip(self._batch, looked, strict=True):
            reason = _why_changed(one, facts)
            if reason is None:
                same.append(one)
            else:
                self.stay(one, reason)
        return same

    def _take(self, one: Freeable) -> str | None:
        path = one.candidate.path
        self.aside[path] = one  # before it is done: what may lie there is put back
        reason = self._rename(path, self._place(path))
        if reason is not None:
            del self.aside[path]
        return None if reason is None else f"it could not be set aside: {reason}"

    def _rename(self, old: bytes, new: bytes) -> str | None:
        try:
            self._endpoint.rename(posixpath.join(self._root, old), posixpath.join(self._root, new))
        except WHOLE_HOST:
            raise
        except (CouldNotTell, OSError) as error:
            return str(error)
        return None

    def read(self) -> list[Freeable]:
        """Hash what was set aside, where nobody writes any more; return what holds the bytes that are proven."""
        held = sorted(self.aside.values(), key=lambda one: one.candidate.path)
        hashed = self._endpoint.hash(self._root, [self._place(one.candidate.path) for one in held])
        whole = []
        for one, answer in zip(held, hashed, strict=True):
            if answer.path != self._place(one.candidate.path) or answer.sha256 is None:
                self.stay(one, f"it could not be read: {answer.reason or 'another file was answered'}")
            elif answer.sha256 != one.sha256:
                self.stay(one, "it is not what its copies hold")
            else:
                whole.append(one)
        return whole

    def put_back(self, files: Sequence[Freeable]) -> None:
        """Bring files back to their places."""
        for one in files:
            path = one.candidate.path
            reason = put_back(self._endpoint, self._root, self._place(path), path)
            del self.aside[path]
            if reason is not None:
                self.stay(one, reason)

    def remove(self, files: Sequence[Freeable]) -> None:
        """Remove what was set aside and is proven."""
        gone = self._each(files, self._unlink)
        for one in gone:
            del self.aside[one.candidate.path]
        self.freed.gone.extend(gone)

    def _unlink(self, one: Freeable) -> str | None:
        try:
            self._endpoint.remove(posixpath.join(self._root, self._place(one.candidate.path)))
        except WHOLE_HOST:
            raise
        except (CouldNotTell, OSError) as error:
            return f"it could not be removed: {error}"
        return None

    def tidy(self) -> None:
        """Remove our own empty folders."""
        parts = {self._place(one.candidate.path) for one in self._batch}
        folders = {FREEING, *(folder for path in parts for folder in _folders_of(path))}
        _remove_empty(self._endpoint, self._root, sorted(folders, key=len, reverse=True))


def _folders_of(path: bytes) -> Iterator[bytes]:
    """Yield every folder above a path below `FREEING`."""
    while (path := posixpath.dirname(path)) and path != FREEING:
        yield path


def _why_changed(one: Freeable, facts: Facts) -> str | None:
    if facts.reason is not None:
        return f"it could not be looked at: {facts.reason}"
    if facts.size_bytes is None:
        return "it is gone already"
    if not facts.is_file:
        return "it is no regular file of its own"
    why = differs(one.candidate.looked, facts)
    return None if why is None else f"it {why} while it was being freed"


def free(
    endpoint: Act,
    root: bytes,
    stamp: bytes,
    batch: Sequence[Freeable],
    look_again: LookAgain,
    journal: Journal,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Freed:
    """Free one batch of files on one copy, whose lock the caller holds.

    Parameters
    ----------
    stamp : bytes
        Names this run's folder; nobody used it before.
    may_go_on : callable
        Asked before the first file is removed: False where the lock was lost.

    Raises
    ------
    CouldNotTell
        The host was lost. What is set aside then is put back, or by the next run (`recover`).
    """
    work = _Batch(endpoint, root, stamp, batch)
    journal.begun(batch)
    try:
        work.set_aside()
        proven = _proven(work, look_again, may_go_on)
        work.put_back([one for path, one in sorted(work.aside.items()) if path not in proven])
        if proven:
            journal.proven(list(proven.values()))
            work.remove(list(proven.values()))
    finally:
        with suppress(CouldNotTell, OSError):  # a host that is gone: the next run puts back
            work.put_back(list(work.aside.values()))
            work.tidy()
    endpoint.sync(root)
    gone = {one.candidate.path for one in work.freed.gone}
    journal.done([one.candidate.path for one in batch if one.candidate.path not in gone])
    return work.freed


def _proven(work: _Batch, look_again: LookAgain, may_go_on: Callable[[], bool]) -> dict[bytes, Freeable]:
    whole = work.read()
    if not whole:
        return {}
    found: dict[bytes, Freeable] = {}
    for one, decision in zip(whole, look_again(whole), strict=True):
        if isinstance(decision, Stay):
            work.stay(one, decision.reason)
        elif decision.sha256 == one.sha256:
            found[one.candidate.path] = decision
    if not may_go_on():
        for one in found.values():
            work.stay(one, "the lock was lost to another run")
        return {}
    return found


def put_back(endpoint: Act, root: bytes, aside: bytes, path: bytes) -> str | None:
    """Bring one file back to its place; return why not where another came to stand there.

    Where that is its twin, to the last byte and in its time, as a restore brings it, one of the two is enough.
    """
    there, mine = endpoint.stat(root, [path, aside])
    is_taken = there.reason is not None or there.size_bytes is not None
    if is_taken and not _are_twins(endpoint, root, there, mine):
        why = there.reason or "another file of that name came meanwhile"
        return f"{why}; it lies in {show(aside)}"
    try:
        if is_taken:
            endpoint.remove(posixpath.join(root, aside))
        else:
            endpoint.rename(posixpath.join(root, aside), posixpath.join(root, path))
    except WHOLE_HOST:
        raise
    except (CouldNotTell, OSError) as error:
        return f"it could not be put back ({error}); it lies in {show(aside)}"
    return None


def _are_twins(endpoint: Act, root: bytes, one: Facts, other: Facts) -> bool:
    if other.size_bytes is None or not other.is_file:
        return False
    if not Promise(other.path, other.size_bytes, other.mtime_s).is_kept_by(one):
        return False
    sums = [answer.sha256 for answer in endpoint.hash(root, [one.path, other.path])]
    return sums[0] is not None and sums[0] == sums[1]


def recover(endpoint: Act, root: bytes) -> tuple[list[bytes], list[str]]:
    """Put back whatever a dead run had set aside; return the paths, and a sentence for each file that stays there.

    Only who holds the root's lock may call it.
    """
    back: list[bytes] = []
    left: list[str] = []
    for stamp in endpoint.list_folder(posixpath.join(root, FREEING)):
        folder = posixpath.join(FREEING, stamp)
        files, folders = _below(endpoint, root, folder)
        for aside in files:
            path = aside[len(folder) + 1 :]
            reason = put_back(endpoint, root, aside, path)
            if reason is None:
                back.append(path)
            else:
                left.append(f"{show(path)}: {reason}")
        _remove_empty(endpoint, root, folders)
    _remove_empty(endpoint, root, [FREEING])
    return back, left


def _below(endpoint: Act, root: bytes, folder: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the files below one of our folders, and every folder, each after those that lie in it."""
    names = [posixpath.join(folder, name) for name in endpoint.list_folder(posixpath.join(root, folder))]
    files: list[bytes] = []
    folders: list[bytes] = []
    for path, facts in zip(names, endpoint.stat(root, names), strict=True):
        if facts.is_file:
            files.append(path)
        else:
            more_files, more_folders = _below(endpoint, root, path)
            files += more_files
            folders += more_folders
    return files, [*folders, folder]


def _remove_empty(endpoint: Act, root: bytes, folders: Iterable[bytes]) -> None:
    """Remove folders that are known to be such, where they are empty."""
    for folder in folders:
        with suppress(CouldNotTell, OSError):
            endpoint.remove(posixpath.join(root, folder))
