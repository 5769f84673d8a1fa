"""The lock in a destination's ``.nightferry/``: who works there, from where, since when.

A lease, since a machine that dies cannot take its lock away: whoever holds it renews its time, and one not
renewed for `LEASE_S`, by the destination's own clock, is void. The lock of an instrument on this machine is
nightferry's own business.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from observatory.endpoints.contract import OURS, Act
from observatory.errors import CommandFailed, CouldNotTell, LockHeld

LOCK = OURS + b"/lock"
TAKEOVER = OURS + b"/lock.takeover"
"""Held for the instant in which a void lock is replaced, so that of two who see it only one does."""
LEASE_S = 600.0
"""A lock not renewed for so long is void: ten missed renewals."""
EMPTY_S = 30.0
"""A lock without a word is void after so long: its maker died between making and writing it."""
RENEW_S = 60.0
GIVES_BACK_S = 5.0
"""Whoever wants to end waits no longer for a host that hangs to take its lock back: there the lease runs out."""
NOT_THERE = (
    "it is gone, or another run's. Look whether the disk was unmounted meanwhile: what was brought last may lie beneath"
    " it. The next run looks at all of it again"
)
TAKEN = "it was not renewed in time, or taken over by another run; the rest was not begun"
UNREADABLE = "its holder cannot be read"


class Lease:
    """A lock that is held.

    Attributes
    ----------
    words : bytes
        What stands in it.
    is_lost : bool
        Turns true where another run took it over or it was not renewed in time.
    is_told : bool
        That it is not held any more has been raised.
    """

    def __init__(self, destination: Act, root: bytes, words: bytes) -> None:
        self.path, self.words = posixpath.join(root, LOCK), words
        self.is_lost = self.is_told = False
        self._destination, self._root = destination, root

    def require(self) -> None:
        """Raise where it is known to be lost.

        Raises
        ------
        CommandFailed
        """
        if self.is_lost:
            raise self.fault(TAKEN)

    def prove(self) -> None:
        """Look whether it is still there: then what was written lies on the disk on which the work began.

        Raises
        ------
        CommandFailed
            It is lost, gone, or another run's.
        CouldNotTell
            The destination cannot be asked.
        """
        self.require()
        if not self.is_there():
            raise self.fault(NOT_THERE)

    def is_there(self) -> bool:
        """Say whether the lock bears our words; raises where the destination cannot be asked."""
        try:
            return _read(self._destination, self.path) == self.words
        except (CouldNotTell, OSError):
            facts = next(self._destination.stat(self._root, [LOCK]))
            if facts.reason is None and facts.size_bytes is None:
                return False
            raise

    def fault(self, why: str) -> CommandFailed:
        """Return the error that it is not held any more."""
        self.is_told = True
        return CommandFailed(self._destination.name, "holding the lock", why)


@contextlib.contextmanager
def destination_lock(destination: Act, root: bytes) -> Iterator[Lease]:
    """Hold the destination's lock; what it says is a line of JSON that a person can read.

    Raises
    ------
    LockHeld
        Somebody else holds it, and it was renewed within `LEASE_S`.
    CommandFailed
        All is done, and the lock is not there any more: what was looked at last may be no more than the mount point of
        the disk on which the work began.
    """
    lease = Lease(destination, root, holder().encode() + b"\n")
    _take(destination, root, lease.path, lease.words)
    stop, patience_s = threading.Event(), None
    threading.Thread(target=_renew, args=(destination, lease, stop), name="lock-keeper", daemon=True).start()
    try:
        yield lease
    except KeyboardInterrupt:
        patience_s = GIVES_BACK_S
        raise
    finally:
        stop.set()
        is_given_back = _given_back(destination, lease, patience_s)
    if not is_given_back and not lease.is_told:
        raise lease.fault(NOT_THERE)


def worked_since(destination: Act, root: bytes, instant_s: float) -> bool:
    """Say whether somebody took or gave back the lock since an instant of the destination's clock, or may have.

    To be asked just before the lock is taken: a listing begun before the last holder left is not to be believed.
    """
    facts = next(destination.stat(root, [OURS]))
    if facts.reason is not None:
        return True
    grain_s = 0.02 if facts.mtime_s % 1 else 2.0  # a file system that keeps whole seconds, or even ones
    return facts.size_bytes is not None and facts.mtime_s >= instant_s - grain_s


def holder() -> str:
    """Describe this process for a lock: machine, process and time, and an id that no other lock has."""
    process = {"pid": os.getpid(), "since": _now_text(), "started": _started(os.getpid())}
    return json.dumps({"host": socket.gethostname(), **process, **_machine(), "id": uuid.uuid4().hex})


def _started(process: int) -> str:
    """Tell a process from a later one of the same number: when it began, in ticks since boot; empty if not known."""
    return "".join(_line(f"/proc/{process}/stat").rpartition(")")[2].split()[19:20])  # proc(5): the 22nd field


def _machine() -> dict[str, str]:
    """Tell this machine, its boot and its process numbers from those of another of the same name."""
    return {
        "machine": _line("/etc/machine-id"),
        "boot": _line("/proc/sys/kernel/random/boot_id"),
        "processes": _link("/proc/self/ns/pid"),
    }


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except (OSError, ValueError):
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _now_text() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _take(destination: Act, root: bytes, path: bytes, words: bytes) -> None:
    destination.make_folders(root, [OURS])
    if _written(destination, path, words):
        return
    if not _is_void(destination, root, LOCK):
        raise _held(destination, root, path)
    with _takeover(destination, root, path):
        if not _is_void(destination, root, LOCK):  # looked at again, now that nobody else replaces it
            raise _held(destination, root, path)
        destination.remove(path)
        if not _written(destination, path, words):
            raise _held(destination, root, path)


@contextlib.contextmanager
def _takeover(destination: Act, root: bytes, path: bytes) -> Iterator[None]:
    own = posixpath.join(root, TAKEOVER)
    words = holder().encode() + b"\n"
    if not _written(destination, own, words):
        if _is_void(destination, root, TAKEOVER):  # whoever began it died within that instant; the next run may
            destination.remove(own)
        raise _held(destination, root, path)
    try:
        yield
    finally:
        with contextlib.suppress(CouldNotTell, OSError):
            destination.remove(own)


def _held(destination: Act, root: bytes, path: bytes) -> LockHeld:
    return LockHeld(f"{destination.name}:{os.fsdecode(root)}", _describe(destination, path))


def _written(destination: Act, path: bytes, words: bytes) -> bool:
    try:
        stream = destination.create(path, 0o644)
    except FileExistsError:
        return False
    try:
        with stream:
            stream.write(words)
    except (CouldNotTell, OSError) as error:  # an empty lock would be taken for that of another run
        with contextlib.suppress(CouldNotTell, OSError):
            destination.remove(path)
        raise _not_written(destination, error) from error
    return True


def _not_written(destination: Act, error: CouldNotTell | OSError) -> CouldNotTell:
    if isinstance(error, CouldNotTell):
        return error
    return CommandFailed(destination.name, "taking the lock", error.strerror or str(error))


def _is_void(destination: Act, root: bytes, lock: bytes) -> bool:
    """Say whether a lock was left behind: by a dead process of this machine, or not renewed in time."""
    said = _describe(destination, posixpath.join(root, lock))
    if _is_dead_here(said):
        return True
    facts = next(destination.stat(root, [lock]))
    if facts.reason is not None or facts.size_bytes is None:
        return facts.reason is None
    age_s = time.time() + destination.clock_ahead_s() - facts.mtime_s
    return age_s > (LEASE_S if said else EMPTY_S)


def _is_dead_here(description: str) -> bool:
    """Say whether a lock's process was one of this machine and is no more; of any other machine's nothing is known."""
    try:
        said, ours = json.loads(description), _machine()
        if said["host"] != socket.gethostname() or said["machine"] != ours["machine"] or not ours["boot"]:
            return False
        if said["boot"] != ours["boot"]:
            return bool(ours["machine"])  # the machine was started anew since
        if said["processes"] != ours["processes"]:
            return False
        os.kill(int(said["pid"]), 0)
        begun = _started(int(said["pid"]))
        return bool(begun and said.get("started")) and begun != said["started"]
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, OSError):
        return False


def _describe(destination: Act, path: bytes) -> str:
    try:
        return _read(destination, path).decode("utf-8", "replace").strip()
    except (CouldNotTell, OSError):
        return UNREADABLE


def _read(destination: Act, path: bytes) -> bytes:
    with destination.open(path) as stream:
        return stream.read(1024)


def _given_back(destination: Act, lease: Lease, patience_s: float | None) -> bool:
    """Give the lock back, see `_give_back`; whoever has little patience is not told what came of it."""
    if patience_s is None:
        return _give_back(destination, lease)
    giving = threading.Thread(target=_give_back, args=(destination, lease), name="lock-giver", daemon=True)
    giving.start()
    giving.join(patience_s)
    return True


def _give_back(destination: Act, lease: Lease) -> bool:
    """Remove the lock, unless it is another's by now; once more on a new connection, where the first was lost.

    On a host that is gone the lease runs out by itself. False where the host answers, and the lock is not there.
    """
    was_there = False
    for _ in range(2):
        with contextlib.suppress(CouldNotTell, OSError):
            if not lease.is_there():
                return was_there  # the first try may have removed it, and been cut off before it was told so
            was_there = True
            destination.remove(lease.path)
            return True
    return True


def _renew(destination: Act, lease: Lease, stop: threading.Event) -> None:
    renewed_s = time.monotonic()
    while not stop.wait(RENEW_S):
        try:
            if _read(destination, lease.path) != lease.words:
                lease.is_lost = True
                return
            destination.set_attributes(lease.path, time.time_ns() + int(destination.clock_ahead_s() * 1e9), None)
            renewed_s = time.monotonic()
        except (CouldNotTell, OSError):  # not renewed once is no harm; ten times is a dead host
            lease.is_lost = time.monotonic() - renewed_s > LEASE_S
