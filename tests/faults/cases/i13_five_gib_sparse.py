"""I13: a sparse file beyond 32 bits whose copy is one byte shorter."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Stage, verify
from tests.observatory import OLD_S, age


def make(stage: Stage) -> None:
    """Make both; they take no room."""
    for end, size in zip(stage.ends, (5 << 30, (5 << 30) - 1), strict=True):
        path = stage.put(end, stage.frame(7), b"")
        os.truncate(path, size)
        age(path, OLD_S)


FAULT = Fault(
    "I13",
    "a sparse frame of 5 GiB whose copy is one byte shorter",
    make,
    verify(),
    "different: 1 size differs",
    has_trees=False,
)
