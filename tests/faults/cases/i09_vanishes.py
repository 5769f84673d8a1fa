"""I9: a file vanishes while it is copied."""

from __future__ import annotations

from observatory.endpoints.memory_things import Thing
from tests.faults.changing import changes_while_copied


def vanish(things: dict[bytes, Thing], path: bytes) -> None:
    """Delete it."""
    del things[path]


FAULT = changes_while_copied("I9", "a file vanishes while it is copied", vanish)
