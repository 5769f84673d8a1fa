"""F12: the archive's disk is full: refused before a byte moves."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Found, Stage, sync
from tests.observatory import OLD_S, age, fits_file, tree


def make(stage: Stage) -> None:
    """Give the night a sparse frame of twice what is free: it takes no room here, and would there."""
    path = stage.put(stage.ends[0], stage.frame(7), fits_file(seed=7))
    free = os.statvfs(path)
    os.truncate(path, min(2 * free.f_bavail * free.f_frsize, 15 << 40))
    age(path, OLD_S)
    stage.seen["there"] = tree(stage.destination)


def after(stage: Stage, found: Found) -> None:
    """Not a byte moved, and the sentence says how much is needed."""
    assert tree(stage.destination) == stage.seen["there"]


FAULT = Fault(
    "F12",
    "the archive's disk has no room for what is to come",
    make,
    sync(),
    "different",
    ("are needed",),
    after,
    has_trees=False,
)
