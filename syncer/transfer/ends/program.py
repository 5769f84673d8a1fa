"""The near and the far program of a pipe session.

The text of this module is run by any python3, 3.6 or later, at both ends of one ssh connection: only the standard
library, no import but of its sisters, no annotation that 3.6 could not evaluate.
Reading and writing files is sender.py's and receiver.py's.
"""

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from syncer.transfer.ends.order import BROKEN, FULL, SILENT, read_order, widen
from syncer.transfer.ends.receiver import Inlet, receive_all
from syncer.transfer.ends.sender import Outlet, send

TELL_S = 0.1
"""How often it is told how far things are."""
READ_AHEAD_BYTES = 1 << 18
"""Of many small files at a time; of a large one what is read ahead is moved twice."""


class Watch(threading.Thread):
    """Ends this program where nothing has moved for too long, whatever it waits for.

    Parameters
    ----------
    silence_s : float
    last : callable
        What is still to be done then.

    Attributes
    ----------
    moved_at_s : float
        When something moved last, on the clock of `time.monotonic`.
    """

    def __init__(self, silence_s: float, last: "Callable[[], None]" = lambda: None) -> None:
        threading.Thread.__init__(self)
        self.daemon = True
        self._silence_s, self._last = silence_s, last
        self.moved_at_s = time.monotonic()

    def moved(self, size: int = 0, files: int = 0) -> None:
        """Say that something has moved."""
        self.moved_at_s = time.monotonic()

    def run(self) -> None:
        """Look once a second."""
        while time.monotonic() - self.moved_at_s < self._silence_s:
            time.sleep(1)
        self._last()
        os._exit(SILENT)  # whatever else still holds the line is not waited for


def far() -> int:
    """Be the far end: the order comes first on standard input."""
    stream = io.BufferedReader(io.FileIO(0, closefd=False), READ_AHEAD_BYTES)
    order, _ = read_order(stream)
    watch = Watch(order.settings["silence_s"])
    watch.start()
    if order.settings["way"] == "pull":
        widen(1)
        send(order, Outlet(1, watch.moved, order.settings["rate_bytes_per_s"]))
        return 0
    widen(0)
    results = sys.stdout.buffer

    def tell(result: bytes) -> None:
        results.write(result + b"\0")
        results.flush()

    return receive_all(Inlet(order, stream, tell, watch.moved), tell)


class Near:
    """The near end: starts the far one, tells how far it is, and ends both where nothing moves any more."""

    def __init__(self, command: "Sequence[str]") -> None:
        self._results = sys.stdout.buffer
        self._guard = threading.Lock()
        self._done = [0, 0]
        self._told = time.monotonic()
        self._far = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=READ_AHEAD_BYTES)
        self._order, self._packed = read_order(sys.stdin.buffer)  # it logs in meanwhile
        widen(_pipe(self._far.stdout if self._order.settings["way"] == "pull" else self._far.stdin).fileno())
        self._watch = Watch(self._order.settings["silence_s"], self._far.kill)
        self._watch.start()

    def run(self) -> int:
        """Carry everything; return the exit status."""
        try:
            status = self._pull() if self._order.settings["way"] == "pull" else self._push()
        except BrokenPipeError:
            status = BROKEN
        ended = self._end_far()
        if status == BROKEN and ended not in (0, -13):
            return ended if ended > 0 else BROKEN
        return status or (BROKEN if ended else 0)

    def _pull(self) -> int:
        self._write(self._packed)
        status = receive_all(Inlet(self._order, _pipe(self._far.stdout), self._tell, self._moved), self._tell)
        self._say_progress()
        return status

    def _push(self) -> int:
        reader = _Results(self._far.stdout, self._tell, self._far.kill)
        reader.start()
        self._write(self._packed)
        with contextlib.suppress(BrokenPipeError):  # what it said before it ended tells more
            rate = self._order.settings["rate_bytes_per_s"]
            send(self._order, Outlet(_pipe(self._far.stdin).fileno(), self._moved, rate))
        reader.join()
        self._say_progress()
        return reader.status

    def _write(self, data: bytes) -> None:
        pipe = _pipe(self._far.stdin)
        pipe.write(data)
        pipe.flush()

    def _moved(self, size: int, files: int) -> None:
        self._done[0] += size
        self._done[1] += files
        self._watch.moved()
        if self._watch.moved_at_s - self._told > TELL_S:
            self._told = self._watch.moved_at_s
            self._say_progress()

    def _say_progress(self) -> None:
        self._tell(b"p %d %d" % (self._done[0], self._done[1]))

    def _tell(self, result: bytes) -> None:
        with self._guard:
            self._results.write(result + b"\0")
            self._results.flush()

    def _end_far(self) -> int:
        for pipe in (self._far.stdin, self._far.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        try:
            return self._far.wait(30)
        except subprocess.TimeoutExpired:
            self._far.kill()
            return self._far.wait()


def _pipe(stream: Any) -> Any:
    if stream is None:
        raise ValueError("the far end was started without this pipe")
    return stream


class _Results(threading.Thread):
    """Passes on what the far receiver tells; `status` is BROKEN unless it came to its end."""

    def __init__(self, stream: Any, tell: "Callable[[bytes], None]", stop: "Callable[[], None]") -> None:
        threading.Thread.__init__(self)
        self.daemon = True
        self.status = BROKEN
        self._stream, self._tell, self._stop = stream, tell, stop

    def run(self) -> None:
        """Read until the far end says that it is done."""
        rest = b""
        while True:
            block = self._stream.read1(65536)
            if not block:
                return
            results = (rest + block).split(b"\0")
            rest = results.pop()
            for result in results:
                self._pass_on(result)

    def _pass_on(self, result: bytes) -> None:
        if result[:2] in (b"s ", b"d ") or result in (b"full", b"end"):
            self._tell(result)
        if result == b"end":
            self.status = 0
        if result == b"full":
            self.status = FULL
            self._stop()


def as_words(name: Any) -> str:
    """Return a file's name, of whichever type, as a sentence shows it."""
    if name is None:
        return "the other end"
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)


def main() -> None:
    """Be one of the two ends, as the first argument says; the near one is told the far one's command."""
    words = sys.argv[1:]
    try:
        status = Near(words[1:]).run() if words[0] == "near" else far()
    except (BrokenPipeError, EOFError):
        status = BROKEN
    except OSError as error:  # a root that is gone, an ssh that is not there
        sys.stderr.write("%s: %s\n" % (as_words(error.filename), error.strerror or error))  # noqa: UP031
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()  # before Python 3.9 it keeps what it is told
    os._exit(status)  # threads that wait for a line that is gone hold nobody up
