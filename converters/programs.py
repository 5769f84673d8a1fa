"""Runs one program under a time limit, in a process group of its own, and keeps the end of what it says.

Which program, and what its exit status means, is command.py's. Never a shell.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.base import Leash

KEPT_BYTES = 65536
"""How much of a program's output is kept: its end, where the reason of a failure stands."""
GRACE_S = 2.0
"""How long a program may take to end itself after it was asked to, before it is killed."""

_LOOK_EVERY_S = 0.2
_LAST_LOOKS = 64
"""A pipe holds 64 KiB; what comes after that is of somebody who left the group and writes on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes
    ----------
    status : int
        Exit status; negative where a signal ended it (-9: KILL).
    output : bytes
        The last of what it wrote to standard output and standard error, in the order written.
    ended_by_us : str or None
        Why we ended it.
    """

    status: int
    output: bytes
    ended_by_us: str | None = None


class CannotStart(Exception):
    """The program is not there, or may not be run."""


def run_program(argv: Sequence[bytes], folder: Path, timeout_s: float, leash: Leash) -> Ended:
    """Run a program in a folder until it ends, or end it with everything it started.

    Whatever is left of its process group when it has ended is ended too: nothing goes on writing unseen.

    Raises
    ------
    CannotStart
    """
    try:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        raise CannotStart(f"{os.fsdecode(argv[0])}: {getattr(error, 'strerror', None) or error}") from error
    with process:
        try:
            leash.started(process.pid)
            return _attend(process, time.monotonic() + timeout_s, timeout_s, leash)
        finally:
            _end_group(process)


def _attend(process: subprocess.Popen[bytes], deadline: float, timeout_s: float, leash: Leash) -> Ended:
    with _exit_shown(process) as shown:
        return _attend_shown(process, deadline, timeout_s, leash, shown)


def _attend_shown(
    process: subprocess.Popen[bytes], deadline: float, timeout_s: float, leash: Leash, shown: int | None
) -> Ended:
    tail = bytearray()
    why = None
    while not _has_exited(process):
        _collect(process, tail, _LOOK_EVERY_S, shown)
        if time.monotonic() >= deadline:
            why = f"it took longer than {timeout_s:g} s"
        elif leash.is_pulled:
            why = "the run was ended"
        if why is not None:
            _ask_to_end(process, tail)
            break
    _end_group(process)
    for _ in range(_LAST_LOOKS):
        if not _collect(process, tail, 0.0):
            break
    return Ended(process.wait(), bytes(tail), why)


@contextlib.contextmanager
def _exit_shown(process: subprocess.Popen[bytes]) -> Iterator[int | None]:
    """Give what becomes readable when a program has exited; None where the system has no such thing."""
    try:
        descriptor = os.pidfd_open(process.pid) if sys.platform == "linux" else None
    except OSError:  # a kernel before 5.3
        descriptor = None
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _collect(process: subprocess.Popen[bytes], tail: bytearray, wait_s: float, shown: int | None = None) -> bool:
    """Read what the program says within a time; False where there is nothing, or no more, or when it has exited."""
    said = process.stdout
    assert said is not None  # noqa: S101  # it was started with a pipe
    watched = [one for one in (None if said.closed else said.fileno(), shown) if one is not None]
    if not watched:
        # it has closed its output and works on: without this we would look without a pause
        time.sleep(min(wait_s, 0.002))
        return False
    ready = select.select(watched, [], [], wait_s)[0]
    if said.closed or said.fileno() not in ready:
        return False
    chunk = said.read(KEPT_BYTES)
    if not chunk:
        said.close()
        return False
    tail += chunk
    del tail[:-KEPT_BYTES]
    return True


def _ask_to_end(process: subprocess.Popen[bytes], tail: bytearray) -> None:
    _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and not _has_exited(process):
        _collect(process, tail, 0.05)


def _has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Look without burying: until `wait` the number of the group cannot be another's."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        # a program that changed its user: its leader is still our child, and that is all we may end
        process.send_signal(number)
