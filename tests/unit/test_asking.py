"""Threads that ask hosts: waited for, but not where a host hangs and somebody interrupts."""

from __future__ import annotations

import threading
import time

import pytest

from observatory.asking import asking


class Hanging:
    """An end that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.let_go, self.asked = threading.Event(), threading.Event()

    def ask(self) -> bool:
        """Wait for an answer; false where nobody let go."""
        self.asked.set()
        return self.let_go.wait(20)

    def close(self) -> None:
        """Let go."""
        self.let_go.set()


def test_what_is_asked_is_waited_for() -> None:
    """Also where the block ends by an error; nobody is let go for that."""
    end, done = Hanging(), list[int]()
    with pytest.raises(ValueError, match="no"), asking([end], 2, "test") as pool:
        pool.submit(lambda: (time.sleep(0.1), done.append(1)))
        raise ValueError("no")
    assert done == [1]
    assert not end.let_go.is_set()


def test_whoever_interrupts_lets_go_of_what_hangs() -> None:
    """What was not begun never is."""
    end, began_s = Hanging(), time.monotonic()
    with pytest.raises(KeyboardInterrupt), asking([end], 1, "test") as pool:
        asked, later = pool.submit(end.ask), pool.submit(end.ask)
        end.asked.wait(20)
        raise KeyboardInterrupt
    assert time.monotonic() - began_s < 10
    assert asked.result()
    assert later.cancelled()


def test_what_ends_by_itself_in_time_is_not_let_go() -> None:
    """It may have to tidy up behind itself."""
    end = Hanging()
    with pytest.raises(KeyboardInterrupt), asking([end], 1, "test", each_s=20) as pool:
        asked = pool.submit(time.sleep, 0.1)
        raise KeyboardInterrupt
    assert asked.done()
    assert not end.let_go.is_set()
