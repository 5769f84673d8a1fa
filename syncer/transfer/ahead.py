"""Programs that are started before their input is known: they begin, and log in, while that is made.

What they are and what they are told is the engines'.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from weakref import WeakSet

from observatory.closing import Closing
from observatory.endpoints.contract import Completed, Look
from observatory.endpoints.running import LocalRunning, complete

_Input = Iterable[bytes]


class Ahead(Closing):
    """Programs on this machine that wait for their input, each for one run with just its words.

    What nobody took, or what still runs, is ended by `close`.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[bytes, ...], _Waiting] = {}
        self._running: WeakSet[LocalRunning] = WeakSet()

    def begin(self, argv: Sequence[bytes]) -> None:
        """Start a program; why one cannot be started is told to whoever runs it."""
        with contextlib.suppress(OSError):
            self._waiting[tuple(argv)] = _Waiting(argv)

    def run(
        self, runner: Look, argv: Sequence[bytes], stdin: _Input, timeout_s: float, on_output: Callable[[bytes], None]
    ) -> Completed:
        """Run a program, the one that was begun if there is one; see `contract.Look.run`."""
        waiting = self._waiting.pop(tuple(argv), None)
        if waiting is None:
            return runner.run(argv, stdin, timeout_s, on_output)
        self._running.add(waiting.running)
        waiting.input.set_result(stdin)
        return complete(waiting.running, runner.name, argv[0].decode(errors="replace"), timeout_s, on_output)

    def close(self) -> None:
        """End what still waits or runs; may be called twice."""
        while self._waiting:
            self._waiting.popitem()[1].end()
        for running in list(self._running):
            running.end()


class _Waiting:
    def __init__(self, argv: Sequence[bytes]) -> None:
        self.input: Future[_Input] = Future()
        self.running = LocalRunning(argv, self._awaited())

    def _awaited(self) -> Iterator[bytes]:
        with contextlib.suppress(CancelledError):
            yield from self.input.result()

    def end(self) -> None:
        self.input.cancel()
        self.running.kill()
