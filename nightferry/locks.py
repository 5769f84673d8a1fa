"""One run at a time per instrument on this machine, and one daemon, by flock on a file in the state folder.

The kernel lets go of the lock when its process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from observatory.errors import FolderNotWritable, LockHeld


@contextlib.contextmanager
def instrument_lock(state: Path, instrument: str) -> Iterator[None]:
    """Hold an instrument's lock.

    Raises
    ------
    LockHeld
        Another process holds it; says which, since when.
    FolderNotWritable
        No lock can be kept there.
    """
    with _locked(state, state / "locks" / f"{instrument}.lock", instrument):
        yield


@contextlib.contextmanager
def daemon_lock(state: Path) -> Iterator[None]:
    """Hold what only one daemon of a state folder may hold: two would do, and mail, each job twice.

    Raises
    ------
    LockHeld
    FolderNotWritable
    """
    with _locked(state, state / "locks" / "daemon", "daemon"):  # no instrument's, whatever it is called
        yield


@contextlib.contextmanager
def _locked(state: Path, path: Path, what: str) -> Iterator[None]:
    with _writing(state, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with _writing(state, path):
            _take(descriptor, what)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _writing(state: Path, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderNotWritable(str(state), str(path), error.strerror or str(error)) from error


def _take(descriptor: int, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
        raise LockHeld(what, holder) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(
        descriptor, f"process {os.getpid()} since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n".encode(), 0
    )


@contextlib.contextmanager
def free_locks(state: Path, instruments: Iterable[str]) -> Iterator[tuple[tuple[str, ...], tuple[LockHeld, ...]]]:
    """Hold as many of some instruments' locks as are free; yield the names held and why the others are not.

    Raises
    ------
    LockHeld
        Not one was free: nothing can be done.
    """
    held: list[str] = []
    refused: list[LockHeld] = []
    with contextlib.ExitStack() as stack:
        for name in instruments:
            try:
                stack.enter_context(instrument_lock(state, name))
                held.append(name)
            except LockHeld as error:
                refused.append(error)
        if refused and not held:
            raise refused[0]
        yield tuple(held), tuple(refused)
