"""A layer between a program and the kernel: counts the calls that change a disk, and lets one of them be the last.

The program runs in a forked child under a seccomp filter; its calls that change something below a folder wait for
our answer: go on, fail with an error, or never come back. All threads and all programs that it starts are below the
same layer, compiled ones too, so that SQLite's calls and those of rsync and fpack are points like any other, and the
order of all calls together is known. Leaves to flows.py what runs, and to judge.py what must be true afterwards.

Interface: seccomp(2), seccomp_unotify(2); the numbers of calls are those of the kernel's tables for x86_64 and aarch64.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.calls import CREATING, NUMBERS, Call, call_of, filter_words

_PRCTL_NO_NEW_PRIVILEGES, _PRCTL_SUBREAPER, _PRCTL_PARENT_DEATH = 38, 36, 1
_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 3, 1 << 5
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_GO_ON = 1
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
TIME_S = 90.0
"""A program that has not ended by then hangs."""
GRACE_S = 5.0
"""So long may what a dead program started go on; then it is ended."""
LIFELESS = 70
"""Exit status of a child that ended by an exception."""

KILL, ALONE = "kill", "kill alone"
"""Every process of the flow dies at the call, or, of several, the one that makes it."""
FULL = "ENOSPC"
"""This call and every later one that takes room fails, until the program has ended: a full disk stays full."""


@dataclass(frozen=True, slots=True, order=True)
class Blow:
    """What befalls which call; `number` counts the calls below the folder in the order they are made, from 1."""

    number: int
    fate: str

    def __str__(self) -> str:
        """Name it: ``call 12: kill``."""
        return f"call {self.number}: {self.fate}"


@dataclass
class Played:
    """What one play under the layer was.

    Attributes
    ----------
    status : int
        Exit status; negative: the signal.
    out, err : str
    calls : list of Call
        Those below the folder, in order.
    struck : Call or None
        The one that was hit; None: the program never came so far.
    """

    status: int = 0
    out: str = ""
    err: str = ""
    calls: list[Call] = field(default_factory=list)
    struck: Call | None = None


def play(work: Callable[[], int], folder: Path, blow: Blow | None = None, scratch: Path | None = None) -> Played:
    """Run some work in a child below the layer, and let a blow befall it.

    Parameters
    ----------
    work : callable
        Returns its exit status.
    folder : Path
        Calls that change something below it are counted.
    scratch : Path or None
        Where what the work says is kept meanwhile, outside `folder`; default: beside it.

    Raises
    ------
    AssertionError
        The work hung.
    OSError
        The kernel has no such layer.
    """
    scratch = scratch or folder.parent
    out, err = scratch / "said.out", scratch / "said.err"
    _library().prctl(_PRCTL_SUBREAPER, 1, 0, 0, 0)  # what a dead program leaves running becomes ours
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _be_child(work, theirs, out, err)
    theirs.close()
    with ours:
        _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
    try:
        played = _Supervisor(listener, child, os.fsencode(folder), blow).serve()
    finally:
        os.close(listener)
    played.out, played.err = (path.read_text(errors="replace") for path in (out, err))
    return played


def _be_child(work: Callable[[], int], line: socket.socket, out: Path, err: Path) -> None:
    """Be the child: speak into files, go below the layer, work, end."""
    status = LIFELESS
    end_with_parent()
    try:
        speak_into(out, err)
        listener = install()
        socket.send_fds(line, [b"x"], [listener])
        os.close(listener)
        line.close()
        status = work()
    except BaseException:  # noqa: BLE001 - the border of a process: whatever it was is shown and judged
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):  # a full disk may be what was played
            sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def end_with_parent() -> None:
    """Have this process killed when the one that forked it ends: a call that nobody answers waits for ever."""
    _library().prctl(_PRCTL_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)


def speak_into(out: Path, err: Path) -> None:
    """Send what this process and its children say into two files."""
    for number, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def install() -> int:
    """Put this process and all it will start below the layer; return the descriptor at which its calls are heard.

    Raises
    ------
    OSError
    """
    words = filter_words()
    instructions = (_Instruction * len(words))(*(_Instruction(*word) for word in words))
    program = _Program(len(words), instructions)
    library = _library()
    if library.prctl(_PRCTL_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    flags = _NEW_LISTENER | _WAIT_KILLABLE
    listener: int = library.syscall(NUMBERS["seccomp"], _MODE_FILTER, flags, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
    return listener


class _Supervisor:
    """Hears the calls of one play and answers them."""

    def __init__(self, listener: int, child: int, folder: bytes, blow: Blow | None) -> None:
        self._listener, self._child, self._folder, self._blow = listener, child, folder, blow
        self._played = Played(status=-1)
        self._ended_at: float | None = None
        self._is_full = False

    def serve(self) -> Played:
        """Answer until every process below the layer has ended."""
        deadline = time.monotonic() + TIME_S
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        while not self._all_ended():
            events = waiting.poll(20)
            if events and events[0][1] & select.POLLIN:
                self._hear()
            elif events:
                time.sleep(0.001)  # hung up: only burying is left
            if time.monotonic() > deadline or self._outlived():
                self._kill_all()
            assert time.monotonic() < deadline + GRACE_S, "it cannot be ended"
        assert time.monotonic() < deadline, f"it hung: {self._played.struck}"
        return self._played

    def _outlived(self) -> bool:
        return self._ended_at is not None and time.monotonic() > self._ended_at + GRACE_S

    def _all_ended(self) -> bool:
        """Bury who has died; say whether nobody is left."""
        while True:
            try:
                number, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if number == 0:
                return False
            if number == self._child:
                self._played.status = os.waitstatus_to_exitcode(status)
                self._ended_at = time.monotonic()

    def _hear(self) -> None:
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, notice)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # who called has died meanwhile
                return
            raise
        key, process, _, number, _, _, *arguments = _NOTICE.unpack(notice)
        call = call_of(process, number, arguments)
        if call is None or not call.path.startswith(self._folder):
            self._answer(key, 0)
            return
        call = replace(call, is_alone=process == self._child or _leader(process) == self._child)
        self._played.calls.append(call)
        if self._blow is not None and len(self._played.calls) == self._blow.number:
            self._strike(key, process, call, self._blow.fate)
        elif self._is_full and call.kind in CREATING:
            self._answer(key, errno.ENOSPC)
        else:
            self._answer(key, 0)

    def _strike(self, key: int, process: int, call: Call, fate: str) -> None:
        self._played.struck = call
        if fate == KILL:
            self._kill_all()
        elif fate == ALONE:
            os.kill(process, signal.SIGKILL)
        else:
            self._is_full = fate == FULL
            self._answer(key, int(getattr(errno, fate)))

    def _answer(self, key: int, error: int) -> None:
        with contextlib.suppress(FileNotFoundError):  # who called has died meanwhile
            fcntl.ioctl(self._listener, _SEND, _ANSWER.pack(key, 0, -error, 0 if error else _GO_ON))

    def _kill_all(self) -> None:
        for number in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def _leader(thread: int) -> int:
    """Return the process that a thread belongs to."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{thread}/status").read_text().splitlines():
            if line.startswith("Tgid:"):
                return int(line.split()[1])
    return thread


def descendants(process: int) -> list[int]:
    """Return every process that a process has started, and what those have."""
    parents = dict(_parents())
    found, known = [], {process}
    added = True
    while added:
        more = [number for number, parent in parents.items() if parent in known and number not in known]
        added = bool(more)
        known.update(more)
        found += more
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = Path(entry.path, "stat").read_text(errors="replace")
                yield int(entry.name), int(stat.rpartition(")")[2].split()[1])
