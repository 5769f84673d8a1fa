"""Which disks of a host hang: what was found once is not waited for again while the host's endpoint is in use.

A dead file server leaves a disk of which every question waits for ever, below a machine that works. On which disk a
root lies is told by the kernel's list of mounts, which is read without asking any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from observatory.endpoints.running import complete
from observatory.endpoints.script import quote
from observatory.endpoints.shell import Starter
from observatory.errors import CouldNotTell, DiskSilent, ProgramSilent
from observatory.names import show

AWAKE_S = 60.0
"""One folder is opened; a disk that spins up takes half of this."""
MOUNTS_S = 10.0
"""A host that does not print the list of its mounts within this time hangs as a whole."""
_ESCAPED = re.compile(rb"\\([0-7]{3})")

Answer = TypeVar("Answer")


class Disks:
    """The disks of one host; may be used by several threads.

    Parameters
    ----------
    host : str
        What messages call it.
    start : callable
        Starts a script there.
    """

    def __init__(self, host: str, start: Starter) -> None:
        self._host, self._start = host, start
        self._hanging: dict[bytes, ProgramSilent] = {}
        self._awake: tuple[bytes, ...] = ()

    def require(self, path: bytes) -> None:
        """Raise where a path lies on a disk that was found to hang.

        Raises
        ------
        DiskSilent
        """
        for disk, silence in list(self._hanging.items()):
            if _is_within(path, disk):
                raise DiskSilent(self._host, silence.doing, silence.timeout_s, show(disk), show(path)) from silence

    @contextmanager
    def asked(self, path: bytes) -> Iterator[None]:
        """Ask a disk for what lies at a path, unless it hangs; remember where it turns out to.

        Raises
        ------
        DiskSilent
        """
        self.require(path)
        try:
            yield
        except ProgramSilent as error:
            mounts = self._mounts()
            if mounts is None:
                raise
            disk = disk_of(path, mounts)
            self._hanging.setdefault(disk, error)
            raise DiskSilent(self._host, error.doing, error.timeout_s, show(disk)) from error

    def answers(self, path: bytes, answers: Iterator[Answer]) -> Iterator[Answer]:
        """Give what is answered of a path, step by step, in the same way."""
        with self.asked(path):
            yield from answers

    def require_awake(self, folder: bytes) -> None:
        """Raise where the disk of a folder gives no answer: asked once, by a program, which can be waited for in vain.

        A process that asks such a disk by itself waits until the machine is started anew, whatever it is told.

        Raises
        ------
        DiskSilent
        """
        self.require(folder)
        if not self._is_awake(folder):
            with self.asked(folder):
                self._wake(folder)
            self.found_awake(folder)

    def found_awake(self, folder: bytes) -> None:
        """Remember that a folder was looked into: what lies below it need not be tried first."""
        if not self._is_awake(folder):
            self._awake = (*self._awake, folder)

    def _is_awake(self, folder: bytes) -> bool:
        return any(_is_within(folder, awake) for awake in self._awake)

    def _wake(self, folder: bytes) -> None:
        running = self._start(b"ls -d " + quote(folder.rstrip(b"/") + b"/.") + b" >/dev/null 2>&1; echo", ())
        try:
            running.read(1, AWAKE_S)
        except TimeoutError as error:
            raise ProgramSilent(self._host, f"looking at {show(folder)}", AWAKE_S) from error
        finally:
            running.kill()

    def _mounts(self) -> Sequence[bytes] | None:
        """Return where the host's disks are mounted, empty where it cannot tell; None where all of the host hangs."""
        try:
            running = self._start(b"cat /proc/self/mounts", ())
            return mounts_in(complete(running, self._host, "cat /proc/self/mounts", MOUNTS_S).stdout)
        except CouldNotTell:
            return None


def mounts_in(listed: bytes) -> list[bytes]:
    """Return the folders that a list of mounts names; see proc_mounts(5)."""
    words = (line.split(b" ") for line in listed.splitlines())
    return [_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), line[1]) for line in words if len(line) == 6]


def disk_of(path: bytes, mounts: Sequence[bytes]) -> bytes:
    """Return the folder below which lies all of the disk of a path.

    That is the path itself where only the disk of the whole system is known to hold it: of that others are in use.
    """
    holding = [mount for mount in mounts if mount != b"/" and _is_within(path, mount)]
    return max(holding, key=len, default=path)


def _is_within(path: bytes, folder: bytes) -> bool:
    return (path.rstrip(b"/") + b"/").startswith(folder.rstrip(b"/") + b"/")
