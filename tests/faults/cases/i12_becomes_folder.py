"""I12: a file is replaced by a folder while it is copied."""

from __future__ import annotations

from typing import BinaryIO

from observatory.endpoints.memory import MemoryEndpoint
from observatory.endpoints.memory_things import Thing
from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World


class Changing(MemoryEndpoint):
    """A source on which somebody works."""

    def open(self, path: bytes) -> BinaryIO:
        """Open, after the change."""
        if path.endswith(b"SHA_1.raw") and self.things[path].data == b"twelve bytes":
            self.things[path] = Thing("folder", mode=0o755)
        return super().open(path)


def make(stage: Stage) -> None:
    """Nothing: it is played in memory, where the moment can be chosen."""


def ask(stage: Stage) -> Found:
    """Sync; the change comes between the plan and the reading."""
    world = World({b"2016/0907/SHA_1.raw": b"twelve bytes", b"2016/0907/SHA_2.raw": b"other"}, {})
    world.source = Changing("sha", things=world.source.things, now=world.source.now)
    world.source.put(b"/etc/secret", b"a secret of another length")
    outcome = world.sync()
    there = world.there()
    assert there[b"2016/0907/SHA_2.raw"] == b"other"
    assert there.get(b"2016/0907/SHA_1.raw", b"twelve bytes") == b"twelve bytes", "old or new, never half"
    lost = [*outcome.failed, *outcome.unreadable]
    return Found(outcome.state.value, 1, {"failed": len(lost)}, lost[0].reason)


FAULT = Fault(
    "I12",
    "a file is replaced by a folder while it is copied",
    make,
    ask,
    "different: 1 failed",
    where="bare",
)
