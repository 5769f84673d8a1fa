"""What a slightly wrong sync would say, sweep or hand to its engine."""

from __future__ import annotations

from typing import Any

import pytest

import syncer.sync
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed
from observatory.truth import State
from syncer.transfer.contract import Arrived, Progress
from tests.unit.test_sync import HERE, ONE, OTHER_NIGHT, STAMP, THERE, THREE, TWO, World
from tests.worlds import NIGHT, OLD_S, copies

PARTIAL, HALF = b".nightferry/partial/old.part", b".nightferry/tmp/half"


def test_an_outcome_counts_what_was_there_planned_and_moved() -> None:
    """Files and bytes apart, each by itself; a rehearsal says that it is one."""
    world = World({ONE: b"1", TWO: b"22", THREE: b"333", OTHER_NIGHT: b"9"}, {ONE: b"1"})
    plan = world.sync(dry_run=True)
    assert (plan.dry_run, plan.source_files, plan.planned, plan.planned_bytes, plan.transferred) == (True, 4, 3, 6, 0)
    outcome = world.sync()
    assert (outcome.dry_run, outcome.source_files, outcome.planned, outcome.planned_bytes) == (False, 4, 3, 6)
    assert (outcome.transferred, outcome.moved_bytes, outcome.postponed) == (3, 6, 0)
    assert 0.0 < outcome.seconds < 60.0
    assert outcome.markers == ("", world.destination.things[THERE + b"/.nightferry/root"].data.decode().strip())


@pytest.mark.parametrize("nights_apart", [False, True])
def test_a_batch_ends_when_it_is_large_enough_and_with_its_night_only_where_the_time_may_end(
    monkeypatch: pytest.MonkeyPatch, nights_apart: bool
) -> None:
    """By bytes as by files: so much is looked at again at most after a crash."""
    monkeypatch.setattr(syncer.sync, "BATCH_BYTES", 4)  # sixteen gigabytes would be the test's only length
    told: list[list[Arrived]] = []
    files = {ONE: b"11", TWO: b"22", THREE: b"3", OTHER_NIGHT: b"9"}
    World(files, {}).sync(on_arrived=lambda moved: told.append(list(moved)), stops_by_time=nights_apart)
    assert [[one.item.path for one in moved] for moved in told] == (
        [[ONE, TWO], [THREE], [OTHER_NIGHT]] if nights_apart else [[ONE, TWO], [THREE, OTHER_NIGHT]]
    )


def test_progress_is_that_of_the_whole_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and files go on from batch to batch, towards the plan's own sums."""
    monkeypatch.setattr(syncer.sync, "BATCH_FILES", 1)  # a hundred thousand files would be the test's only length
    told: list[Progress] = []
    World({ONE: b"1", TWO: b"22", THREE: b"333"}, {}).sync(progress=told.append)
    assert {(one.total_bytes, one.total_files) for one in told} == {(6, 3)}
    assert told[-1] == Progress(6, 6, 3, 3)
    assert [one.done_bytes for one in told] == sorted(one.done_bytes for one in told)


def test_what_was_carried_while_the_lock_went_is_not_told_as_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    """It went with the disk, and what was looked at lies beneath; what came before it stays told."""
    monkeypatch.setattr(syncer.sync, "BATCH_FILES", 1)
    world = World({ONE: b"1", TWO: b"22", THREE: b"333"}, {})
    told: list[bytes] = []

    def unmounted(progress: Progress) -> None:
        if progress.done_files == 2:
            world.destination.things.pop(THERE + b"/.nightferry/lock", None)

    outcome = world.sync(on_arrived=lambda some: told.extend(one.item.path for one in some), progress=unmounted)
    assert (outcome.state, outcome.transferred, outcome.postponed, told) == (State.UNKNOWN, 1, 2, [ONE])
    assert "Look whether the disk was unmounted" in str(outcome.reason)
    assert outcome.per_night[NIGHT].open_files == 2


def test_what_a_dead_run_left_half_written_is_swept_first_and_what_it_can_go_on_from_last() -> None:
    """Partial files are kept until everything has arrived."""
    world = World({ONE: b"1", TWO: b"2"}, {PARTIAL: b"half", HALF: b"half"})
    world.source.unreadable.add(HERE + b"/" + TWO)
    swept: list[bool] = []
    world.sync(on_arrived=lambda moved: swept.append(THERE + b"/" + HALF not in world.destination.things))
    assert (swept, sorted(world.below(b".nightferry/"))) == ([True], [b"partial/old.part", b"root"])
    world.source.unreadable.clear()
    world.sync()
    assert list(world.below(b".nightferry/")) == [b"root"]


def test_a_file_that_cannot_be_read_on_the_source_is_unknown_and_one_that_cannot_be_written_failed() -> None:
    """Not being able to read is not knowing."""
    deep = b"2016/0907/deep/SHA_5.raw"
    world = World({ONE: b"1", TWO: b"2", deep: b"3"}, {b"2016/0907/deep": b"a file in the way of a folder"})
    world.source.unreadable.add(HERE + b"/" + TWO)
    outcome = world.sync()
    assert [one.path for one in outcome.unreadable] == [TWO]
    assert [one.path for one in outcome.failed] == [deep]
    assert (outcome.state, outcome.transferred, outcome.postponed) == (State.UNKNOWN, 1, 0)
    assert outcome.per_night[NIGHT].open_files == 2


class Stubborn(MemoryEndpoint):
    """A host that gives one file no name."""

    nameless: bytes = b""

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename, or fail."""
        if new == self.nameless:
            raise CommandFailed(self.name, "rename", "Input/output error")
        super().rename(old, new)


def test_what_did_not_get_its_name_failed_and_only_what_replaced_another_is_called_so() -> None:
    """Its source could be read: it is no matter of not knowing."""
    world = World({ONE: b"1", TWO: b"22", THREE: b"3"}, {TWO: b"2"})
    world.destination = Stubborn("archive", things=world.destination.things, now=world.destination.now)
    world.destination.nameless = THERE + b"/" + THREE
    outcome = world.sync()
    assert ([one.path for one in outcome.failed], outcome.unreadable) == ([THREE], ())
    assert (outcome.state, outcome.transferred, outcome.replaced) == (State.DIFFERENT, 2, (TWO,))


def test_nothing_is_made_in_a_closed_folder_of_the_destination_and_no_link_either() -> None:
    """It may be there already; what lies beside it goes its way."""
    world = World({ONE: b"1"}, {}, symlinks="copy")
    for folder in (b"2016/0906", b"2016/0907"):
        world.source.put_other(HERE + b"/" + folder + b"/SHA_7.raw", "link", b"SHA_1.raw")
    world.source.put(HERE + b"/2016/0906/SHA_8.raw", b"8", world.source.now())  # young, and waiting for too long
    world.destination.put_folder(THERE + b"/2016/0906")
    world.destination.unreadable.add(THERE + b"/2016/0906")
    outcome = world.sync(waiting_since_s={b"2016/0906/SHA_8.raw": 0.0})
    assert sorted(world.there()) == [ONE, b"2016/0907/SHA_7.raw"]
    assert (outcome.stuck, outcome.transferred, outcome.planned) == ((), 2, 2)
    assert [one.path for one in outcome.failed] == [b"2016/0906/SHA_7.raw", b"2016/0906/SHA_8.raw"]


@pytest.mark.parametrize(
    ("changes", "is_kept", "mode"),
    [({}, True, 0o644), ({"on_difference": "replace"}, False, 0o644), ({"modes": {"files": "0440"}}, True, 0o440)],
)
def test_what_the_instrument_says_of_replacing_and_modes_is_what_is_done(
    changes: dict[str, Any], is_kept: bool, mode: int
) -> None:
    """What is replaced is kept unless it is said that it shall not be."""
    world = World({ONE: b"longer"}, {ONE: b"old"}, **changes)
    world.sync()
    aside = world.below(b".nightferry/replaced/" + STAMP.encode() + b"/")
    assert aside == ({ONE: b"old"} if is_kept else {})
    assert world.destination.things[THERE + b"/" + ONE].mode == mode


@pytest.mark.parametrize("engine", ["sftp", "rsync"])
def test_an_engine_that_was_asked_for_is_the_one_that_is_taken(engine: str) -> None:
    """Or it is said why it cannot be."""
    world = World({ONE: b"1"}, {}, copies=copies({}, {"transfer": {"engine": engine}}))
    world.source.runs_programs = False
    outcome = world.sync()
    assert (outcome.state is State.OK) == (engine == "sftp")
    assert (outcome.engine == "sftp") == (engine == "sftp")


@pytest.mark.parametrize("side", ["source", "destination"])
def test_an_unreadable_folder_of_either_side_is_named_once(side: str) -> None:
    """By its own path, in the list; it does not stand for the whole listing."""
    world = World({ONE: b"1", TWO: b"2"}, {})
    end, root = (world.source, HERE) if side == "source" else (world.destination, THERE)
    end.put(root + b"/2016/0906/deep/x", b"", OLD_S)
    end.unreadable.add(root + b"/2016/0906/deep")
    outcome = world.sync()
    assert [one.path for one in outcome.unreadable] == [b"2016/0906/deep"]
    assert (outcome.state, outcome.unknown_reason, outcome.transferred) == (State.UNKNOWN, None, 2)
