"""Run one command and say what it cost: wall time, processor time of both ends, peak memory.

Leaves the choice of commands to peers.py and the arithmetic over rounds to bench.py.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.03
"""Seconds between two looks at the memory; shorter ones cost the measured command its processor."""
LIMIT_S = 3600.0
QUIET_S = 60.0
"""Seconds within which the sessions of a command that was cut off must have ended at the far end."""


class CommandFailed(RuntimeError):
    """A measured command did not do what was asked; its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost.

    Attributes
    ----------
    wall_s : float
        From before the start to after the exit.
    near_cpu_s, far_cpu_s : float
        User and system time of the command with its children, and of the sshd's children.
    near_peak_bytes, far_peak_bytes : int
        Highest sum of resident memory over the command and its living children, and over the sshd's
        children; pages that processes share count in each of them.
    output, errors : bytes
        Standard output and standard error.
    is_cut : bool
        It was stopped at its limit, with everything it had started: its wall time says "longer than", its
        processor seconds are not known.
    """

    wall_s: float
    near_cpu_s: float
    far_cpu_s: float
    near_peak_bytes: int
    far_peak_bytes: int
    output: bytes
    errors: bytes
    is_cut: bool = False

    @property
    def cpu_s(self) -> float:
        """Processor seconds of both ends."""
        return self.near_cpu_s + self.far_cpu_s


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):  # it has just ended
        return 0


def _children_cpu_s(pid: int) -> float:
    """Return the processor seconds of all children that a process has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS_PER_S


def _await_quiet(pid: int) -> None:
    """Wait until a process has no children left: only then are their seconds counted."""
    deadline = time.monotonic() + QUIET_S
    while len(list(_tree(pid))) > 1:
        if time.monotonic() > deadline:
            raise CommandFailed(f"a session at the far end did not end within {QUIET_S:.0f} s")
        time.sleep(0.01)


class _Sampler(threading.Thread):
    """Looks at the memory of a command and of the far end until told to finish."""

    def __init__(self, near_pid: int, far_end_pid: int) -> None:
        super().__init__(daemon=True)
        self.near_bytes = self.far_bytes = 0
        self._pids = near_pid, far_end_pid
        self._over = threading.Event()

    def run(self) -> None:
        """Keep the highest of what is seen."""
        near_pid, far_end_pid = self._pids
        while not self._over.wait(SAMPLE_S):
            self.near_bytes = max(self.near_bytes, sum(map(_resident_bytes, _tree(near_pid))))
            sessions = (pid for pid in _tree(far_end_pid) if pid != far_end_pid)
            self.far_bytes = max(self.far_bytes, sum(map(_resident_bytes, sessions)))

    def finish(self) -> None:
        """End the looking."""
        self._over.set()
        self.join()


@dataclass(frozen=True, slots=True)
class _Ended:
    status: int
    wall_s: float
    cpu_s: float
    largest_bytes: int
    is_cut: bool


def _own_peak_bytes() -> int:
    """Return the highest memory of this process: the kernel counts it as that of every command it starts."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _stop(process: subprocess.Popen[bytes], was_cut: threading.Event) -> None:
    """End a command and whatever it started: all of it is one group."""
    was_cut.set()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], start: float, limit_s: float) -> _Ended:
    was_cut = threading.Event()
    limit = threading.Timer(limit_s, _stop, (process, was_cut))
    limit.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s, largest_bytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
    if largest_bytes <= _own_peak_bytes():
        largest_bytes = 0  # what was sampled is nearer to the truth
    return _Ended(process.returncode, wall_s, cpu_s, largest_bytes, was_cut.is_set())


def _contents(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def run(
    argv: Sequence[str],
    far_end_pid: int,
    environment: Mapping[str, str],
    expected_status: int = 0,
    limit_s: float = LIMIT_S,
    may_be_cut: bool = False,
) -> Cost:
    """Run a command to its end, or to a limit.

    Parameters
    ----------
    argv, environment
        The command, and what it finds in its environment.
    far_end_pid : int
        The sshd whose sessions count as the far end.
    expected_status : int
    limit_s : float
        Seconds after which it is stopped.
    may_be_cut : bool
        A stopped command has a cost too, marked so; else it is a failure.

    Raises
    ------
    CommandFailed
        It ended with another status than expected, or was stopped where that is a failure.
    """
    _await_quiet(far_end_pid)
    far_before_s = _children_cpu_s(far_end_pid)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment, start_new_session=True
        )
        sampler = _Sampler(process.pid, far_end_pid)
        sampler.start()
        ended = _wait(process, start, limit_s)
        sampler.finish()
        said_out, said_err = _contents(output), _contents(errors)
    if ended.status != expected_status and not (ended.is_cut and may_be_cut):
        said = (said_out[-1000:] + said_err[-3000:]).decode("utf-8", "replace")
        raise CommandFailed(f"{' '.join(argv)[:300]} ended with {ended.status}: {said}")
    _await_quiet(far_end_pid)
    return Cost(
        wall_s=ended.wall_s,
        near_cpu_s=ended.cpu_s,
        far_cpu_s=_children_cpu_s(far_end_pid) - far_before_s,
        near_peak_bytes=max(sampler.near_bytes, ended.largest_bytes),
        far_peak_bytes=sampler.far_bytes,
        output=said_out,
        errors=said_err,
        is_cut=ended.is_cut,
    )
