"""What counts as arrived: only what the destination shows afterwards, and brought to its disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from observatory.endpoints.contract import Facts, HostAccess, Promise
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed, HostUnreachable
from syncer.transfer.confirm import CHANGED, VANISHED, Evidence, confirm, settle
from syncer.transfer.contract import Arrived, Batch, Item, NotArrived
from tests.worlds import OLD_S

HERE, THERE = b"/data/sha", b"/archive/sha"
PATH, TARGET, OTHER = b"2016/0907/a.fits", b"20160907/a.fits", b"2016/0907/b.fits"
ITEM = Item(PATH, TARGET, 3, OLD_S)
SUM = hashlib.sha256(b"new").hexdigest()


class Closed(MemoryEndpoint):
    """A host on which one file cannot be looked at, and whose disk may fail."""

    closed: bytes = b""
    fails: bool = False

    def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
        """Look, or say why not."""
        for promise in promises:
            if promise.path == self.closed:
                yield Facts(promise.path, reason="Input/output error")
            else:
                yield from super().differing(root, [promise])

    def sync(self, root: bytes) -> None:
        """Bring to disk, or fail."""
        if self.fails:
            raise CommandFailed(self.name, "sync", "Input/output error")
        super().sync(root)


class World:
    """A batch of one file after its transfer, as both ends hold it now; None: not at all."""

    def __init__(self, here: bytes | None = b"new", there: bytes | None = b"new", **changes: Any) -> None:
        self.source, self.destination = Closed("sha"), Closed("archive")
        self.here, self.there = HERE + b"/" + PATH, THERE + b"/" + TARGET
        for end, path, data in ((self.source, self.here, here), (self.destination, self.there, there)):
            end.put_folder(path.rpartition(b"/")[0])
            if data is not None:
                end.put(path, data, OLD_S)
        access = HostAccess("here", "here", is_local=True)
        self.item = ITEM._replace(**changes)
        items = (self.item,)
        self.batch = Batch(self.source, access, HERE, self.destination, access, THERE, items, "20160907T120000Z")


def judged(world: World, **evidence: Any) -> Arrived | NotArrived:
    """Return what is said of its one file."""
    (verdict,) = confirm(world.batch, Evidence(**evidence))
    return verdict


def refused(world: World, **evidence: Any) -> NotArrived:
    """Return why its one file did not arrive."""
    verdict = judged(world, **evidence)
    assert isinstance(verdict, NotArrived)
    return verdict


def test_what_stands_there_as_promised_arrived_also_where_its_source_is_gone_or_silent() -> None:
    """Only what is another there now takes it back."""
    assert judged(World()) == Arrived(ITEM, 3, OLD_S, None)
    assert isinstance(judged(World(here=None)), Arrived)
    silent = World()
    silent.source.is_reachable = False
    assert isinstance(judged(silent), Arrived)
    closed = World()
    closed.source.closed = PATH
    assert isinstance(judged(closed), Arrived)


@pytest.mark.parametrize(("data", "mtime_s"), [(b"newer", OLD_S), (b"new", OLD_S + 60)])
def test_what_changed_on_the_source_meanwhile_did_not_arrive(data: bytes, mtime_s: float) -> None:
    """Whatever the destination shows, and whoever was blamed; the next round may take it."""
    ends = World()
    ends.source.put(ends.here, data, mtime_s)
    blamed = {TARGET: NotArrived(ITEM, "the line was cut")}
    assert refused(ends, failures=blamed) == NotArrived(ITEM, CHANGED, may_retry=True)
    assert refused(ends).was_seen


def test_a_link_that_was_followed_is_no_change_and_one_that_came_since_is_one() -> None:
    """The listing knows which is which."""
    ends = World(here=None, by_link=True)
    ends.source.put_other(ends.here, "link", b"elsewhere")
    assert isinstance(judged(ends), Arrived)
    ends = World(here=None)
    ends.source.put_other(ends.here, "link", b"elsewhere")
    assert refused(ends).reason == CHANGED
    ends = World(by_link=True)
    ends.source.put(ends.here, b"other size", OLD_S)
    assert refused(ends).reason == CHANGED


def test_what_cannot_be_looked_at_there_may_have_arrived_and_is_tried_again() -> None:
    """Not being able to look is no loss, and no arrival."""
    ends = World()
    ends.destination.closed = TARGET
    verdict = refused(ends)
    assert (verdict.may_retry, verdict.was_seen) == (True, False)
    assert "Input/output error" in verdict.reason


def test_why_a_file_is_not_there_is_said_by_who_knows_it() -> None:
    """It vanished, the engine says why, or nobody does; only what vanished is not tried again."""
    known = NotArrived(ITEM, "no space left")
    assert refused(World(here=None, there=None), failures={TARGET: known}) == NotArrived(ITEM, VANISHED)
    assert refused(World(there=None), failures={TARGET: known}) is known
    nobody = refused(World(there=None))
    assert (nobody.may_retry, nobody.was_seen) == (True, True)
    assert nobody.reason == "is not at the destination, and nobody said why"
    for ends in (World(there=None), World(here=None, there=None)):
        ends.source.closed = PATH
        assert refused(ends).reason == nobody.reason
        ends.source.is_reachable = False
        assert refused(ends).reason == nobody.reason


def test_what_is_there_and_not_as_promised_did_not_arrive() -> None:
    """Too short, of another time, or no file at all."""
    short = refused(World(there=b"ne"))
    assert (short.may_retry, short.reason) == (True, "has 2 bytes at the destination where the plan promised 3")
    touched = World()
    touched.destination.set_attributes(touched.there, 1, None)
    assert refused(touched).reason.startswith("bears another modification time") and refused(touched).may_retry
    linked = World(there=None)
    linked.destination.put_other(linked.there, "link", b"xyz")
    assert refused(linked).reason.startswith("something that is no regular file") and not refused(linked).may_retry


def test_what_replaces_another_is_proven_by_its_bytes_on_both_sides() -> None:
    """The old file may have had the same size and time; who hashed it on the way need not do so again."""
    assert judged(World(replaces=True)) == Arrived(ITEM._replace(replaces=True), 3, OLD_S, SUM)
    old = refused(World(there=b"old", replaces=True))
    assert (old.may_retry, old.was_seen) == (True, True) and "still others" in old.reason
    assert isinstance(judged(World(there=b"old")), Arrived)
    told = judged(World(there=b"old", replaces=True), hashes={TARGET: SUM})
    assert isinstance(told, Arrived) and told.sha256 == SUM
    for end, path in (("source", HERE + b"/" + PATH), ("destination", THERE + b"/" + TARGET)):
        ends = World(replaces=True)
        getattr(ends, end).unreadable.add(path)
        verdict = refused(ends)
        assert (verdict.may_retry, verdict.was_seen) == (True, False) and "Permission denied" in verdict.reason


def test_only_what_replaces_another_is_hashed_for_it() -> None:
    """A file beside it that is new, and one that did not arrive, are judged as ever."""
    ends = World(replaces=True)
    new, absent = Item(OTHER, OTHER, 3, OLD_S), Item(b"absent", b"absent", 3, OLD_S, replaces=True)
    ends.source.put(HERE + b"/" + OTHER, b"new", OLD_S)
    ends.destination.put(THERE + b"/" + OTHER, b"new", OLD_S)
    ends.source.put(HERE + b"/absent", b"new", OLD_S)
    found = confirm(ends.batch.with_items((new, absent, ends.item)), Evidence())
    assert found[0] == Arrived(new, 3, OLD_S, None)
    assert isinstance(found[1], NotArrived) and "nobody said why" in found[1].reason
    assert found[2] == Arrived(ends.item, 3, OLD_S, SUM)


def test_what_was_cloned_bears_no_hash() -> None:
    """An empty text is none."""
    assert judged(World(), hashes={TARGET: ""}) == Arrived(ITEM, 3, OLD_S, None)


def test_what_arrived_is_brought_to_disk_once_and_what_did_not_is_not() -> None:
    """Each file is in exactly one list, in the order of the batch; without an arrival nothing is synced."""
    ends = World()
    absent = Item(OTHER, OTHER, 3, OLD_S)
    result = settle("rsync", ends.batch.with_items((absent, ITEM)), Evidence(), [])
    assert ([one.item for one in result.failed], [one.item for one in result.arrived]) == ([absent], [ITEM])
    assert (result.engine, ends.destination.synced) == ("rsync", [THERE])
    ends = World(there=None)
    assert settle("rsync", ends.batch, Evidence(), []).arrived == ()
    assert ends.destination.synced == []


def test_nothing_arrived_where_the_disk_or_the_host_fails() -> None:
    """It is not known then, and nothing may be recorded."""
    ends = World()
    ends.destination.fails = True
    with pytest.raises(CommandFailed):
        settle("rsync", ends.batch, Evidence(), [])
    ends = World()
    ends.destination.is_reachable = False
    with pytest.raises(HostUnreachable):
        settle("rsync", ends.batch, Evidence(), [])
