"""A program at work: the same few handles whether it runs here or at the far end of a connection.

Starts local programs; a far one is ssh.py's. What the programs are and what they say is nobody's business here.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Protocol

from observatory.endpoints.contract import Completed
from observatory.errors import CommandFailed

READ_BYTES = 1 << 18
"""Asked for at a time: large enough that a million records cost some hundred reads."""
KEPT_STDERR_BYTES = 1 << 20
"""More complaints than this are counted by nobody; the rest is read and dropped."""
LONGEST_OUTPUT_BYTES = 1 << 28
"""What a program says at most where all of it is kept: a quarter of a GiB is more than any batch of answers."""
ENDING_S = 30.0
"""A program that has closed its output ends at once; a machine under a heavy load takes its time to tell."""
GRACE_S = 5.0
"""What a program has to end after TERM before KILL."""


class Running(Protocol):
    """A started program. Standard input is fed and standard error drained meanwhile."""

    def read(self, size: int, wait_s: float) -> bytes:
        """Return the next bytes of standard output, ``b""`` at its end; TimeoutError after `wait_s` of silence."""
        ...

    def finish(self, wait_s: float) -> tuple[int, bytes]:
        """Return status and standard error of a program whose output has ended; TimeoutError if it goes on."""
        ...

    def kill(self) -> None:
        """End it, if it has not ended; may be called twice."""
        ...


class LocalRunning:
    """A program on this machine, in a process group of its own."""

    def __init__(
        self, argv: Sequence[bytes], stdin: Iterable[bytes], environment: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment,
            bufsize=0,
        )
        self._stderr = bytearray()
        self._output = _pipe(self._process.stdout)
        self._threads = [
            threading.Thread(target=self._feed, args=(stdin,), daemon=True),
            threading.Thread(target=self._drain, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _feed(self, stdin: Iterable[bytes]) -> None:
        pipe = _pipe(self._process.stdin)
        with contextlib.suppress(BrokenPipeError, ValueError), pipe:
            for block in stdin:
                view = memoryview(block)
                while view:
                    view = view[pipe.write(view) :]

    def _drain(self) -> None:
        with _pipe(self._process.stderr) as pipe:
            while block := pipe.read(1 << 16):
                if len(self._stderr) < KEPT_STDERR_BYTES:
                    self._stderr += block

    def read(self, size: int, wait_s: float) -> bytes:
        """Return the next bytes of standard output; see `Running`."""
        if not select.select([self._output], [], [], wait_s)[0]:
            raise TimeoutError(f"silent for {wait_s:g} s")
        return os.read(self._output.fileno(), size)

    def finish(self, wait_s: float) -> tuple[int, bytes]:
        """Return status and standard error; see `Running`."""
        try:
            status = self._process.wait(wait_s)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"did not end within {wait_s:g} s") from error
        self._threads[1].join(GRACE_S)
        self._output.close()
        return status, bytes(self._stderr)

    def end(self, grace_s: float = 1.0) -> None:
        """End the program and what it started, from beside whoever reads it: that is then at its end."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """End the program and what it started; see `Running`."""
        self.end(GRACE_S)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits for a disk that hangs: nothing ends it
            self._process.wait(GRACE_S)
        self._output.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the program was started without this pipe")
    return stream


def complete(
    running: Running, host: str, program: str, timeout_s: float, on_output: Callable[[bytes], None] | None = None
) -> Completed:
    """Read a program to its end and say how it ended.

    Raises
    ------
    CommandFailed
        The time is over, or it says more than is kept; the program is ended.
    """
    end = time.monotonic() + timeout_s
    output: list[bytes] = []
    kept_bytes = 0
    take = on_output or output.append
    try:
        while block := running.read(READ_BYTES, max(0.0, end - time.monotonic())):
            take(block)
            kept_bytes += 0 if on_output else len(block)
            if kept_bytes > LONGEST_OUTPUT_BYTES:
                raise CommandFailed(host, program, f"it said more than {LONGEST_OUTPUT_BYTES} bytes; it was ended")
        status, stderr = running.finish(max(GRACE_S, end - time.monotonic()))
    except TimeoutError as error:
        raise CommandFailed(host, program, f"not done within {timeout_s:g} s; it was ended") from error
    finally:
        running.kill()
    return Completed(status, b"".join(output), stderr)
