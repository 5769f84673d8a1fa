"""What lies in a host in memory: files, folders, links and pipes, and a file being written.

Names, faults and the contract are memory.py's.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from observatory.endpoints.walk import Kind


@dataclass(slots=True)
class Thing:
    """One name in memory: a file, folder, link, or what is none of these."""

    kind: Kind
    data: bytes = b""
    mtime_ns: int = 0
    mode: int = 0o644
    device: int = 1


class ThingWriter(io.RawIOBase):
    """A file in memory being written."""

    def __init__(self, take_room: Callable[[int], None], thing: Thing) -> None:
        self._take_room, self._thing = take_room, thing

    def writable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written."""
        return len(self._thing.data)

    def write(self, data: object) -> int:
        """Add the data, as far as there is room."""
        block = bytes(memoryview(data).cast("B"))  # type: ignore[arg-type]
        self._take_room(len(block))
        self._thing.data += block
        return len(block)
