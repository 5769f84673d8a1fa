"""I12: a file is replaced by a folder while it is copied."""

from __future__ import annotations

from observatory.endpoints.memory_things import Thing
from tests.faults.changing import changes_while_copied


def make_folder(things: dict[bytes, Thing], path: bytes) -> None:
    """Put a folder in its place."""
    things[path] = Thing("folder", mode=0o755)


FAULT = changes_while_copied("I12", "a file is replaced by a folder while it is copied", make_folder)
