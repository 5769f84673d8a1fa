"""A source on which somebody works: a frame becomes something else between the plan and the reading.

Played in memory, where the moment can be chosen. Leaves to each case what becomes of the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from observatory.endpoints.memory import MemoryEndpoint
from observatory.endpoints.memory_things import Thing
from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World

CHANGES, STAYS = b"2016/0907/SHA_1.raw", b"2016/0907/SHA_2.raw"
BYTES = b"twelve bytes"
SECRET = b"/etc/secret"

Deed = Callable[[dict[bytes, Thing], bytes], None]
"""What somebody does to the things of a host at one path."""


class Changing(MemoryEndpoint):
    """Does the deed at the first opening of the frame that changes."""

    deed: Deed

    def open(self, path: bytes) -> BinaryIO:
        """Open, after the change."""
        if path.endswith(CHANGES) and self.things[path].data == BYTES:
            self.deed(self.things, path)
        return super().open(path)


def changes_while_copied(name: str, title: str, deed: Deed) -> Fault:
    """Return the fault of a frame to which this is done while it is copied; the other frame is left alone."""

    def ask(stage: Stage) -> Found:
        world = World({CHANGES: BYTES, STAYS: b"other"}, {})
        source = Changing("sha", things=world.source.things, now=world.source.now)
        source.deed = deed
        source.put(SECRET, b"a secret of another length")
        world.source = source
        outcome = world.sync()
        there = world.there()
        assert there[STAYS] == b"other"
        assert there.get(CHANGES, BYTES) == BYTES, "old or new, never half"
        lost = [*outcome.failed, *outcome.unreadable]
        return Found(outcome.state.value, 1, {"failed": len(lost)}, lost[0].reason)

    return Fault(name, title, lambda stage: None, ask, "different: 1 failed", where="bare")
