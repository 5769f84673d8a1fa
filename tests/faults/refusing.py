"""A kernel that refuses: one kind of system call fails, while we look or while we write.

strace puts the error in; what a real disk does when it is full, read-only or broken is played in mounts.py.
Leaves to each case which call fails, and how.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tests.faults.battery import Fault, Found, Stage, verdict_of


def refused_while_looking(
    name: str, title: str, inject: str, place: Callable[[Stage], Path], level: Literal["size", "checksum"] = "size"
) -> Fault:
    """Return the fault of a call that fails at one place of the tree during a verify: nobody could tell."""

    def ask(stage: Stage) -> Found:
        words = ("verify", "--level", level, "--reverse", "--json")
        found = verdict_of(stage.traced(inject, *words, path=place(stage)))
        assert not set(found.counts) & {"missing", "extra"}, found
        return Found(found.state, found.status, {}, found.reason)

    return Fault(name, title, lambda stage: None, ask, "unknown", after=_whole)


def refused_while_writing(name: str, title: str, inject: str) -> Fault:
    """Return the fault of a call that fails everywhere during a sync that has one frame to bring."""

    def make(stage: Stage) -> None:
        stage.there(2).unlink()

    def ask(stage: Stage) -> Found:
        answer = stage.traced(inject, "sync", "--json")
        assert answer.status in (1, 3), answer
        return Found("nothing published" if not stage.there(2).exists() else "published", answer.status)

    return Fault(name, title, make, ask, "nothing published", after=lambda stage, found: stage.mended())


def _whole(stage: Stage, found: Found) -> None:
    """Exit 3; looked at again without the fault, all is well."""
    assert found.status == 3
    stage.is_whole()
