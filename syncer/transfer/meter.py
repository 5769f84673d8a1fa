"""Adds up how far the sessions of a batch are, for one listener.

What is shown comes from what was sent; what arrived is confirm.py's question.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from syncer.transfer.contract import Batch, Item, Progress


class Meter:
    """The sum of what several sessions did; safe to use from many threads."""

    def __init__(self, batch: Batch) -> None:
        self._tell: Callable[[Progress], None] = batch.progress
        self._total = (batch.total_bytes, len(batch.items))
        self._settled = (0, 0)
        self._live: dict[object, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def set(self, session: object, done_bytes: int, done_files: int) -> None:
        """Say how far a session is since it began."""
        with self._lock:
            self._live[session] = (done_bytes, done_files)
            self._show()

    def add(self, size_bytes: int, files: int = 0) -> None:
        """Say that so much more is done; a negative size takes back what was sent in vain."""
        with self._lock:
            self._settled = (self._settled[0] + size_bytes, self._settled[1] + files)
            self._show()

    def settle(self, done: list[Item]) -> None:
        """Forget the sessions and count these files, and no others, as done."""
        with self._lock:
            self._live.clear()
            self._settled = (sum(item.size_bytes for item in done), len(done))
            self._show()

    def _show(self) -> None:
        sums = [sum(column) for column in zip(self._settled, *self._live.values(), strict=True)]
        self._tell(
            Progress(
                done_bytes=min(sums[0], self._total[0]),
                total_bytes=self._total[0],
                done_files=min(sums[1], self._total[1]),
                total_files=self._total[1],
            )
        )


def part_of(batch: Batch, after: Sequence[Item]) -> Callable[[Progress], None]:
    """Return a listener for a part of a batch that tells the batch's own how far the whole is.

    `after` are the items of the parts before it.
    """
    before_bytes, total_bytes = sum(item.size_bytes for item in after), batch.total_bytes

    def tell(progress: Progress) -> None:
        done = Progress(
            before_bytes + progress.done_bytes, total_bytes, len(after) + progress.done_files, len(batch.items)
        )
        batch.progress(done)

    return tell


class Together:
    """Adds up the progress of batches, one after another, for one listener.

    Parameters
    ----------
    total_files, total_bytes : int
        Of all batches.
    progress : callable
        Told how far all of them are.
    """

    def __init__(self, total_files: int, total_bytes: int, progress: Callable[[Progress], None]) -> None:
        self._total_files, self._total_bytes, self._progress = total_files, total_bytes, progress
        self._files = self._bytes = 0

    def listener(self) -> Callable[[Progress], None]:
        """Return whom the next batch tells."""
        files, size = self._files, self._bytes
        return lambda progress: self._progress(
            Progress(size + progress.done_bytes, self._total_bytes, files + progress.done_files, self._total_files)
        )

    def add(self, batch: Batch) -> None:
        """Note that a batch is over."""
        self._files += len(batch.items)
        self._bytes += batch.total_bytes
