"""A destination's disk that fails where our own small files are written: lock and marker."""

from __future__ import annotations

import pytest

from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed
from observatory.truth import State
from syncer.lock import holder
from tests.unit.test_sync import ONE, THERE, World
from tests.worlds import NOW_S


@pytest.mark.parametrize("has_marker", [True, False])
def test_a_disk_without_room_for_lock_or_marker_is_unknown_and_leaves_no_lock(has_marker: bool) -> None:
    """Said of this hop alone; an empty lock would keep the next run away."""
    world = World({ONE: b"1"}, {b"2016/0907/x": b""})
    world.destination.room_bytes = 0
    if not has_marker:
        world.destination.remove(THERE + b"/.nightferry/root")
        world.destination.room_bytes = len(holder()) + 20  # for the lock, and no more
    outcome = world.sync()
    assert (outcome.state, outcome.transferred) == (State.UNKNOWN, 0)
    assert "No space left" in str(outcome.reason)
    assert b"lock" not in world.below(b".nightferry/")
    world.destination.room_bytes = None
    assert world.sync().state is State.OK


class Unnaming(MemoryEndpoint):
    """A destination that gives no file its name."""

    def rename(self, old: bytes, new: bytes) -> None:
        """Refuse, as a disk that fails does."""
        raise CommandFailed(self.name, "renaming", "Input/output error")


def test_what_a_marker_that_got_no_name_left_is_swept_by_the_next_run() -> None:
    """Its temporary file lies where a dead run's files lie."""
    world = World({ONE: b"1"}, {b"2016/0907/x": b""})
    world.destination.remove(THERE + b"/.nightferry/root")
    world.destination = Unnaming("archive", things=world.destination.things, now=lambda: NOW_S)
    assert world.sync().state is State.UNKNOWN
    world.destination = MemoryEndpoint("archive", things=world.destination.things, now=lambda: NOW_S)
    assert world.sync().state is State.OK
    assert list(world.below(b".nightferry/")) == [b"root"]
