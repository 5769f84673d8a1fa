"""I10: a file shrinks while it is copied."""

from __future__ import annotations

from observatory.endpoints.memory_things import Thing
from tests.faults.changing import changes_while_copied


def shrink(things: dict[bytes, Thing], path: bytes) -> None:
    """Leave one byte."""
    things[path].data = b"x"


FAULT = changes_while_copied("I10", "a file shrinks while it is copied", shrink)
