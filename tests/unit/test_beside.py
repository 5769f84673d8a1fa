"""What is done beside a block of other work."""

from __future__ import annotations

import threading
import time

import pytest

from syncer.transfer.abreast import beside


def test_what_is_done_beside_is_over_when_the_block_is() -> None:
    """Also where the block ends by an error: nothing of it works on unseen."""
    done: list[int] = []
    with beside(2, "test") as pool:
        pool.submit(lambda: (time.sleep(0.1), done.append(1)))
    with pytest.raises(ValueError, match="no"), beside(2, "test") as pool:
        pool.submit(lambda: (time.sleep(0.1), done.append(2)))
        raise ValueError("no")
    assert done == [1, 2]


def test_whoever_interrupts_the_block_is_not_kept_waiting() -> None:
    """A host that is silent may keep what is done beside it for minutes; what was not begun never is."""
    told, begun = threading.Event(), []
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt), beside(1, "test") as pool:
        pool.submit(told.wait, 20)
        pool.submit(begun.append, 1)
        raise KeyboardInterrupt
    waited_s = time.monotonic() - began_s
    told.set()
    assert waited_s < 5
    assert begun == []
