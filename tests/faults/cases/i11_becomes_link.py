"""I11: a file is replaced by a symbolic link out of the root while it is copied."""

from __future__ import annotations

from observatory.endpoints.memory_things import Thing
from tests.faults.changing import SECRET, changes_while_copied


def link_out(things: dict[bytes, Thing], path: bytes) -> None:
    """Put a link to a secret in its place."""
    things[path] = Thing("link", SECRET)


FAULT = changes_while_copied(
    "I11", "a file is replaced by a symbolic link out of the root while it is copied", link_out
)
