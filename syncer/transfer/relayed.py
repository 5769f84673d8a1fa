"""A pipe session through the connections that are open already: two far programs, and this process between them.

A new ssh session costs a dozen round trips before the first byte, on a far line more than a night's few files
themselves. One connection carries little at a time there, so that large batches take sessions of their own.
What the two programs do is ends/; that each answers is courier.py's to ask.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from observatory.endpoints.contract import Completed, Look
from syncer.transfer.ends.order import BROKEN

BLOCKS_AHEAD = 64
"""Blocks of at most 256 KiB that wait for the receiver."""
SLOWEST_BYTES_PER_S = 1_000
"""A line that carries less than this is taken for a broken one, where an end is so stuck that its own watch is, too."""
GRACE_S = 5.0
"""What the sender has to say why it broke off."""


class _Over(Exception):
    """The receiver takes no more."""


@dataclass(frozen=True, slots=True)
class Half:
    """What is started at one end.

    Attributes
    ----------
    end : Look
    argv : sequence of bytes
    order : bytes
        As this end is to read it.
    """

    end: Look
    argv: Sequence[bytes]
    order: bytes


def relay(
    sender: Half,
    receiver: Half,
    size_bytes: int,
    silence_s: float,
    longest_s: float,
    passed: Callable[[int], None],
    hear: Callable[[bytes], None],
) -> Completed:
    """Run both ends and hand the sender's bytes to the receiver; return the end that says most.

    Parameters
    ----------
    sender, receiver : Half
    size_bytes : int
        Of all files.
    silence_s : float
        After so long without a byte the session is given up.
    longest_s : float
        After so long it is ended in any case.
    passed : callable
        Told the size of each block.
    hear : callable
        Given what the receiver tells.

    Raises
    ------
    CouldNotTell
        An end cannot be reached.
    """
    belt, limit_s = _Belt(silence_s, passed), min(silence_s + size_bytes / SLOWEST_BYTES_PER_S, longest_s)
    sent: Future[Completed] = Future()
    threading.Thread(target=_send, args=(sender, belt, limit_s, sent), name="sender", daemon=True).start()
    try:
        received = receiver.end.run(receiver.argv, belt.blocks(receiver.order), limit_s, hear)
    finally:
        belt.stop()
    if received.status != BROKEN:
        return received
    try:
        said = sent.result(GRACE_S)
    except FutureTimeout:  # it does not even end; the connection's end will end it
        return received
    return received if said.status in (0, BROKEN) else said


def _send(sender: Half, belt: _Belt, limit_s: float, sent: Future[Completed]) -> None:
    try:
        sent.set_result(sender.end.run(sender.argv, [sender.order], limit_s, belt.put))
    except _Over:
        sent.set_result(Completed(BROKEN, b"", b""))
    except BaseException as error:  # noqa: BLE001 - handed over to whoever asks for the result
        sent.set_exception(error)
    finally:
        belt.end()


class _Belt:
    """Blocks on their way from one thread to another, a bounded number of them."""

    def __init__(self, silence_s: float, passed: Callable[[int], None]) -> None:
        self._silence_s, self._passed = silence_s, passed
        self._blocks: queue.Queue[bytes] = queue.Queue(BLOCKS_AHEAD)
        self._is_over = False

    def put(self, block: bytes) -> None:
        """Take a block; `_Over` where nobody wants it."""
        try:
            self._blocks.put(block, timeout=self._silence_s)
        except queue.Full:
            raise _Over from None
        if self._is_over:
            raise _Over
        self._passed(len(block))

    def end(self) -> None:
        """No block comes any more."""
        with contextlib.suppress(queue.Full):
            self._blocks.put(b"", timeout=self._silence_s)

    def blocks(self, first: bytes) -> Iterator[bytes]:
        """Yield what came, until the end or silence."""
        yield first
        with contextlib.suppress(queue.Empty):
            while block := self._blocks.get(timeout=self._silence_s):
                yield block

    def stop(self) -> None:
        """Take no more; who waits for room gets it."""
        self._is_over = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._blocks.get_nowait()
