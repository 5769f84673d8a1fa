"""Locks at a destination that a slightly wrong program would take, or believe that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from observatory.endpoints.contract import Facts
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed, LockHeld
from syncer.lock import LOCK, destination_lock
from tests.worlds import host

ROOT = b"/archive/sha"


class Shy(MemoryEndpoint):
    """A host that does not say how old its lock is."""

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look, but not at the lock."""
        return (
            Facts(facts.path, reason="Input/output error") if facts.path == LOCK else facts
            for facts in super().stat(root, paths)
        )


def test_a_lock_that_could_not_be_written_is_not_held() -> None:
    """A full disk; nothing stands in the way of the next run."""
    archive = host("archive", ROOT, {}, room_bytes=0)
    with pytest.raises(CommandFailed, match="taking the lock"), destination_lock(archive, ROOT):
        pass
    assert ROOT + b"/" + LOCK not in archive.things


def test_a_lock_whose_age_cannot_be_told_is_held() -> None:
    """It may have been renewed a second ago."""
    archive = Shy("archive")
    archive.put(ROOT + b"/" + LOCK, b'{"host": "another"}\n', 0.0)
    with pytest.raises(LockHeld), destination_lock(archive, ROOT):
        pass
    assert archive.things[ROOT + b"/" + LOCK].data == b'{"host": "another"}\n'
