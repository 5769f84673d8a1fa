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
from collections.abc import Iterator

from observatory.endpoints.contract import OURS, Act
from observatory.errors import CouldNotTell, LockHeld

LOCK = OURS + b"/lock"
LEASE_S = 600.0
"""A lock not renewed for so long is void: ten missed renewals."""
RENEW_S = 60.0


@contextlib.contextmanager
def destination_lock(destination: Act, root: bytes) -> Iterator[None]:
    """Hold the destination's lock; what it says is a line of JSON that a person can read.

    Raises
    ------
    LockHeld
        Somebody else holds it, and it was renewed within `LEASE_S`.
    """
    path = posixpath.join(root, LOCK)
    _take(destination, root, path)
    stop = threading.Event()
    keeper = threading.Thread(target=_renew, args=(destination, path, stop), name="lock-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join(timeout=RENEW_S)
        with contextlib.suppress(CouldNotTell, OSError):  # a host that is gone: the lease runs out by itself
            destination.remove(path)


def holder() -> str:
    """Describe this process for a lock: machine, process and time."""
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": _now_text()})


def _now_text() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _take(destination: Act, root: bytes, path: bytes) -> None:
    destination.make_folders(root, [OURS])
    try:
        _write(destination, path)
    except FileExistsError:
        if not _is_void(destination, root, path):
            raise LockHeld(f"{destination.name}:{os.fsdecode(root)}", _describe(destination, path)) from None
        destination.remove(path)
        _take_once(destination, root, path)


def _take_once(destination: Act, root: bytes, path: bytes) -> None:
    try:
        _write(destination, path)
    except FileExistsError:
        raise LockHeld(f"{destination.name}:{os.fsdecode(root)}", _describe(destination, path)) from None


def _write(destination: Act, path: bytes) -> None:
    with destination.create(path, 0o644) as stream:
        stream.write(holder().encode() + b"\n")


def _is_void(destination: Act, root: bytes, path: bytes) -> bool:
    """Say whether a lock was left behind: by a dead process of this machine, or not renewed in time."""
    if _is_dead_here(_describe(destination, path)):
        return True
    facts = next(destination.stat(root, [LOCK]))
    if facts.reason is not None or facts.size_bytes is None:
        return facts.size_bytes is None and facts.reason is None
    age_s = time.time() + destination.clock_ahead_s() - facts.mtime_s
    return age_s > LEASE_S


def _is_dead_here(description: str) -> bool:
    try:
        said = json.loads(description)
        if said["host"] != socket.gethostname():
            return False
        os.kill(int(said["pid"]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, OSError):
        return False
    return False


def _describe(destination: Act, path: bytes) -> str:
    try:
        with destination.open(path) as stream:
            return stream.read(1024).decode("utf-8", "replace").strip()
    except (CouldNotTell, OSError):
        return "its holder cannot be read"


def _renew(destination: Act, path: bytes, stop: threading.Event) -> None:
    while not stop.wait(RENEW_S):
        with contextlib.suppress(CouldNotTell, OSError):  # not renewed once is no harm; ten times is a dead host
            destination.set_attributes(path, time.time_ns() + int(destination.clock_ahead_s() * 1e9), None)
