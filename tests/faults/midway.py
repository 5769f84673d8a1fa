"""What happens while a frame is on its way: a frame that needs seconds, and a hand that strikes in the middle of it.

Leaves to each case what the hand does.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from tests.faults.battery import Found, Stage, sync
from tests.faults.stage import under_way, wait_for
from tests.observatory import fits_file

SIZE_BYTES, SECONDS = 6_000_000, 3


def slow_frames(stage: Stage, *numbers: int, size_bytes: int = SIZE_BYTES, seconds: float = SECONDS) -> list[str]:
    """Give the night further frames, and a line that needs so long for all of them; return their paths."""
    paths = [stage.frame(number) for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        stage.put(stage.ends[0], path, fits_file(size_bytes // len(numbers), seed=number))
    slowly = stage.copy(stage.ends[1], transfer={"rate_bytes_per_s": int(size_bytes / seconds)})
    stage.declare("sha", copies=[stage.copy(stage.ends[0]), slowly])
    return paths


def at_full_speed(stage: Stage) -> None:
    """Take the slow line away."""
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends])


@contextlib.contextmanager
def struck_midway(stage: Stage, strike: Callable[[], None]) -> Iterator[None]:
    """Strike as soon as bytes are on their way, whatever goes on meanwhile."""

    def wait_and_strike() -> None:
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        strike()

    hand = threading.Thread(target=wait_and_strike)
    hand.start()
    try:
        yield
    finally:
        hand.join()


def synced_and_struck(stage: Stage, strike: Callable[[], None]) -> Found:
    """Sync, and strike in the middle of it."""
    with struck_midway(stage, strike):
        return sync()(stage)
