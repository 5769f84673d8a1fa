"""One hop carried between two hosts in memory: what arrives, what stays, and what is said when something breaks."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

import syncer.lock
import syncer.sync
from observatory.endpoints.contract import HostAccess, Survey, SurveyRequest, Trouble
from observatory.endpoints.memory import MemoryEndpoint
from observatory.ends import Expectation
from observatory.errors import HostUnreachable, LockHeld
from observatory.truth import State
from syncer.outcome import HopOutcome, NightMoves
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Arrived
from tests.worlds import NIGHT, NOW_S, OLD_S, copies, host, scope_of

ONE, TWO, THREE = (b"2016/0907/SHA_%d.raw" % number for number in (1, 2, 3))
OTHER_NIGHT = b"2016/0906/SHA_9.raw"
HERE, THERE = b"/data/sha", b"/archive/sha"
STAMP = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
ENGINE = {"transfer": {"engine": "sftp"}}


class World:
    """Two hosts in memory and the hop between them."""

    def __init__(self, here: Mapping[bytes, bytes], there: Mapping[bytes, bytes], **changes: Any) -> None:
        changes = {"copies": copies({}, ENGINE), "cameras": {"sha": {"files": ["SHA_*.raw"]}}} | changes
        self.scope = scope_of((NIGHT.replace(day=6), NIGHT), **changes)
        self.source: MemoryEndpoint = host("sha", HERE, here)
        self.destination: MemoryEndpoint = host("archive", THERE, there)

    def sync(self, **options: Any) -> HopOutcome:
        """Carry the hop."""
        here, there = (End(one, HostAccess(one.name, one.name)) for one in (self.source, self.destination))
        return sync_hop(self.scope, here, there, SyncOptions(STAMP, **options))

    def there(self) -> dict[bytes, bytes]:
        """Return the files below the destination root, without our own."""
        return self.below(b"", lambda path: not path.startswith(b".nightferry"))

    def below(self, folder: bytes, wanted: Callable[[bytes], bool] = lambda path: True) -> dict[bytes, bytes]:
        """Return what is no folder below a folder of the destination root."""
        start = THERE + b"/" + folder
        return {
            path[len(start) :]: thing.data
            for path, thing in self.destination.things.items()
            if path.startswith(start) and thing.kind != "folder" and wanted(path[len(start) :])
        }


def test_what_is_lacking_arrives_and_only_the_marker_remains_of_ours() -> None:
    """With its time; told batch by batch; the next run has nothing to do, and asks for no engine."""
    told: list[Arrived] = []
    world = World({ONE: b"1", TWO: b"22", OTHER_NIGHT: b"9"}, {TWO: b"22"})
    outcome = world.sync(on_arrived=told.extend)
    assert (outcome.state, outcome.planned, outcome.transferred, outcome.moved_bytes) == (State.OK, 2, 2, 2)
    assert world.there() == {ONE: b"1", TWO: b"22", OTHER_NIGHT: b"9"}
    assert [one.item.path for one in told] == [ONE, OTHER_NIGHT]
    assert world.destination.things[THERE + b"/" + ONE].mtime_ns == round(OLD_S * 1e9)
    assert list(world.below(b".nightferry/")) == [b"root"]
    assert outcome.per_night[NIGHT] == NightMoves(2, 0, 1, 1)
    again = world.sync()
    assert (again.state, again.planned, again.reason, again.engine) == (State.OK, 0, None, None)


def test_a_dry_run_says_what_would_move_and_leaves_no_trace() -> None:
    """Not a byte, not a folder."""
    world = World({ONE: b"1"}, {})
    before = dict(world.destination.things)
    outcome = world.sync(dry_run=True)
    assert [(one.path, one.reason) for one in outcome.plan] == [(ONE, "not on the destination")]
    assert (outcome.transferred, outcome.per_night[NIGHT].open_files) == (0, 1)
    assert world.destination.things == before


def test_other_bytes_are_set_aside_and_a_shorter_source_replaces_nothing() -> None:
    """Under the time of the run, and named."""
    world = World({ONE: b"longer", TWO: b"s"}, {ONE: b"old", TWO: b"long"})
    outcome = world.sync()
    assert world.there() == {ONE: b"longer", TWO: b"long"}
    assert world.below(b".nightferry/replaced/" + STAMP.encode() + b"/") == {ONE: b"old"}
    assert (outcome.replaced, [kept.path for kept in outcome.kept]) == ((ONE,), [TWO])
    assert (outcome.state, outcome.reason) == (State.DIFFERENT, "1 kept")
    assert outcome.per_night[NIGHT].open_files == 1


def test_where_several_fill_one_copy_nothing_of_anothers_is_replaced() -> None:
    """Not a shorter file, nor one of other content, nor one that never settles."""
    world = World({ONE: b"longer", TWO: b"b"}, {ONE: b"a", TWO: b"a", THREE: b"a"})
    world.source.put(HERE + b"/" + TWO, b"b", OLD_S + 50)
    world.source.put(HERE + b"/" + THREE, b"longer", NOW_S)
    outcome = world.sync(is_joined=True, waiting_since_s={THREE: 0.0}, hash_all=True)
    assert world.there() == {ONE: b"a", TWO: b"a", THREE: b"a"}
    assert [kept.path for kept in outcome.kept] == [ONE, TWO, THREE]


@pytest.mark.parametrize("there_s", [OLD_S + 0.5, OLD_S - 0.5, OLD_S + 50])
def test_where_several_fill_one_copy_one_size_is_not_taken_for_one_file(there_s: float) -> None:
    """Two cameras number their frames alike, and all have one size: what the other brought is told by its hash."""
    world = World({ONE: b"b"}, {})
    world.destination.put(THERE + b"/" + ONE, b"a", there_s)
    outcome = world.sync(is_joined=True)
    assert ([kept.path for kept in outcome.kept], outcome.state) == ([ONE], State.DIFFERENT)
    world.destination.put(THERE + b"/" + ONE, b"b", there_s)
    assert world.sync(is_joined=True).state is State.OK


def test_what_never_settles_is_copied_and_listed_after_the_limit() -> None:
    """Until then it waits."""
    world = World({}, {})
    world.source.put(HERE + b"/" + ONE, b"1", NOW_S)
    waiting = world.sync()
    assert (waiting.state, waiting.in_progress, waiting.per_night[NIGHT].open_files) == (State.OK, (ONE,), 1)
    stuck = world.sync(waiting_since_s={ONE: 0.0})
    assert (stuck.state, [one.path for one in stuck.stuck]) == (State.DIFFERENT, [ONE])
    assert world.there() == {ONE: b"1"}
    assert stuck.reason == "1 damaged or stuck, copied as they are"


def test_a_loss_is_unknown_and_what_is_there_is_copied() -> None:
    """Until a person accepts it; however the counts go on from there."""
    world = World({ONE: b"1"}, {})
    outcome = world.sync(previous_counts={NIGHT: 3})
    assert (outcome.state, outcome.loss, outcome.transferred) == (State.UNKNOWN, (3, 1), 1)
    assert "--accept-loss sha:/data/sha" in str(outcome.reason)
    assert world.sync(pending_loss=(3, 1)).state is State.UNKNOWN
    assert world.sync(previous_counts={NIGHT: 3}, loss_accepted=True).state is State.OK


def test_what_cannot_be_read_is_not_lost() -> None:
    """A closed folder on the source is unknown; no loss is made of it."""
    world = World({ONE: b"1", b"2016/0907/in/SHA_2.raw": b"2", b"2016/0907/in/SHA_3.raw": b"3"}, {})
    world.source.unreadable.add(HERE + b"/2016/0907/in")
    outcome = world.sync(previous_counts={NIGHT: 3})
    assert (outcome.state, outcome.loss, outcome.transferred) == (State.UNKNOWN, None, 1)
    assert [failure.path for failure in outcome.unreadable] == [b"2016/0907/in"]


@pytest.mark.parametrize("layout", ["%Y/%m%d", "%Y%m%d"])
def test_nothing_is_written_into_a_destination_folder_that_cannot_be_read(layout: str) -> None:
    """It may be there already; other nights travel."""
    world = World({ONE: b"1", OTHER_NIGHT: b"9"}, {}, copies=copies({}, ENGINE | {"layout": layout}))
    folder = b"2016/0907" if layout == "%Y/%m%d" else b"20160907"
    world.destination.put_folder(THERE + b"/" + folder)
    world.destination.unreadable.add(THERE + b"/" + folder)
    outcome = world.sync()
    assert outcome.state is State.UNKNOWN
    assert ([failure.path for failure in outcome.failed], outcome.transferred) == ([ONE], 1)
    assert "could not be looked at" in outcome.failed[0].reason
    assert outcome.per_night[NIGHT].open_files == 1


@pytest.mark.parametrize("fault", ["reachable", "marker", "same"])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_an_end_that_is_not_proven_moves_nothing(side: str, fault: str) -> None:
    """Off, an empty mount point, or the same folder twice: unknown, with a sentence."""
    world = World({}, {})
    end, root = (world.source, HERE) if side == "source" else (world.destination, THERE)
    if fault == "reachable":
        end.is_reachable = False
    elif fault == "marker":
        end.remove(root + b"/.nightferry/root")
    else:
        for one, place in ((world.source, HERE), (world.destination, THERE)):
            one.put(place + b"/.nightferry/root", b"abc")
    outcome = world.sync()
    assert (outcome.state, outcome.planned) == (State.UNKNOWN, 0)
    assert str(outcome.reason).count(" ") > 3


def test_a_host_that_is_expected_to_be_off_is_away() -> None:
    """That one, and no other."""
    world = World({ONE: b"1"}, {})
    world.source.is_reachable = False
    off = Expectation(away="off the telescope")
    assert world.sync(expected=(off, Expectation())).state is State.AWAY
    assert world.sync(expected=(Expectation(), off)).state is State.UNKNOWN


def test_a_new_destination_is_made_and_marked_only_where_a_person_said_so() -> None:
    """Its last folder; a dry run makes nothing, and shows what would be moved into it."""
    world = World({ONE: b"1"}, {})
    for path in [path for path in world.destination.things if path.startswith(THERE)]:
        del world.destination.things[path]
    assert "--new-root archive:/archive/sha" in str(world.sync().reason)
    dry = world.sync(accept_new_root=lambda host, root: True, dry_run=True)
    assert (dry.state, [move.path for move in dry.plan]) == (State.OK, [ONE])
    assert not [path for path in world.destination.things if path.startswith(THERE)]
    asked: list[tuple[str, str]] = []
    outcome = world.sync(accept_new_root=lambda host, root: not asked.append((host, root)))  # type: ignore[func-returns-value]
    assert (outcome.state, set(asked)) == (State.OK, {("archive", "/archive/sha")})
    assert len(world.below(b".nightferry/")[b"root"].strip()) == 32
    assert world.sync().state is State.OK


def test_nobody_is_told_to_mark_a_root_that_bore_a_marker() -> None:
    """Its disk is not mounted, most likely; a command that marks the mount point would be copied and run."""
    world = World({ONE: b"1"}, {})
    world.destination.remove(THERE + b"/.nightferry/root")
    known = Expectation(last_seen="2016-09-06")
    reason = str(world.sync(expected=(Expectation(), known)).reason)
    assert "It bore its marker on 2016-09-06: look on that host whether its disk is mounted" in reason
    assert "--new-root" not in reason and "touch" not in reason


def test_a_new_root_without_a_parent_is_not_made() -> None:
    """More than a folder is missing, perhaps a mount: it says what to make by hand. So does a dry run."""
    world = World({ONE: b"1"}, {})
    world.destination.things.clear()
    for dry_run in (True, False):
        outcome = world.sync(accept_new_root=lambda host, root: True, dry_run=dry_run)
        assert outcome.state is State.UNKNOWN
        assert "`mkdir -p /archive` on that host" in str(outcome.reason)


def test_a_destination_that_folds_names_takes_none_of_two_that_meet() -> None:
    """At the first sync too, whose marker is its first sign."""
    world = World({b"2016/0907/SHA_a.raw": b"1", b"2016/0907/SHA_A.raw": b"2", TWO: b"3"}, {b"2016/0907/x": b""})
    world.destination.remove(THERE + b"/.nightferry/root")
    world.destination.folds_case = True
    outcome = world.sync()
    assert ([one.path for one in outcome.failed], outcome.transferred) == (
        [b"2016/0907/SHA_A.raw", b"2016/0907/SHA_a.raw"],
        1,
    )


def test_too_little_space_or_a_wrong_clock_moves_nothing() -> None:
    """Refused with the reason before a byte moves."""
    world = World({ONE: b"1"}, {})
    world.destination.room_bytes = 3000
    refused = world.sync()
    assert (refused.state, refused.transferred) == (State.DIFFERENT, 0)
    assert "are needed and" in str(refused.reason)
    world.destination.room_bytes = None
    world.destination.clock_offset_s = 61.0
    assert "its clock is 61 s ahead" in str(world.sync().reason)
    assert world.there() == {}


def test_the_time_is_over_between_nights() -> None:
    """What is begun is finished; the rest is left for the next run."""
    world = World({ONE: b"1", TWO: b"2", OTHER_NIGHT: b"9"}, {})
    asked: list[int] = []
    outcome = world.sync(should_stop=lambda: len(asked) > 0 or asked.append(1) is not None, stops_by_time=True)  # type: ignore[func-returns-value]
    assert set(world.there()) == {ONE, TWO}
    assert (outcome.state, outcome.postponed, outcome.reason) == (State.DIFFERENT, 1, "1 left for the next run")
    assert outcome.per_night[NIGHT.replace(day=6)].open_files == 1


def test_a_full_batch_is_recorded_before_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """So much is looked at again at most after a crash; progress goes on from batch to batch."""
    monkeypatch.setattr(syncer.sync, "BATCH_FILES", 2)  # a hundred thousand files would be the test's only length
    told: list[int] = []
    progress: list[int] = []
    world = World({ONE: b"1", TWO: b"2", THREE: b"3"}, {})
    world.sync(on_arrived=lambda moved: told.append(len(moved)), progress=lambda one: progress.append(one.done_files))
    assert told == [2, 1]
    assert progress == sorted(progress)
    assert progress[-1] == 3


class Bent(MemoryEndpoint):
    """A destination to which things happen."""

    on_survey: Callable[[], None] | None = None
    trouble: Trouble | None = None
    surveys = 0

    def survey(self, request: SurveyRequest) -> Survey:
        """List, and let something happen."""
        self.surveys += 1
        found = super().survey(request)
        if self.trouble is not None:
            found.troubles.append(self.trouble)
        chunks = list(found)
        found.__class__ = type("Listed", (found.__class__,), {"__iter__": lambda own: iter(chunks)})
        if self.on_survey is not None:
            self.on_survey()
        return found


def bent(world: World) -> Bent:
    """Put a destination to which things happen in the place of the usual one."""
    found = Bent("archive", things=world.destination.things, now=lambda: NOW_S)
    world.destination = found
    return found


def test_a_destination_listing_that_broke_off_moves_nothing() -> None:
    """All of it may be there already."""
    world = World({ONE: b"1"}, {})
    bent(world).trouble = Trouble(b"", "the connection was lost")
    outcome = world.sync()
    assert (outcome.state, outcome.planned, outcome.transferred) == (State.UNKNOWN, 1, 0)
    assert outcome.reason == "the connection was lost"
    assert (world.there(), outcome.per_night[NIGHT].open_files) == ({}, 1)


def test_what_another_run_brought_after_our_listing_began_is_seen() -> None:
    """Its lock is gone, its traces are not: the destination is listed again under our own."""
    world = World({ONE: b"mine"}, {})
    destination = bent(world)

    def brings() -> None:
        if destination.surveys == 1:
            destination.put(THERE + b"/" + ONE, b"theirs!", OLD_S)
            destination.things[THERE + b"/.nightferry"].mtime_ns = round((NOW_S + 1) * 1e9)

    destination.on_survey = brings
    destination.things[THERE + b"/.nightferry"].mtime_ns = round((NOW_S - 100) * 1e9)
    outcome = world.sync()
    assert (destination.surveys, [kept.path for kept in outcome.kept]) == (2, [ONE])
    assert world.there() == {ONE: b"theirs!"}


def test_a_destination_that_nobody_touched_is_listed_once() -> None:
    """An hour-old trace of another run costs nothing."""
    world = World({}, {})
    destination = bent(world)
    destination.things[THERE + b"/.nightferry"].mtime_ns = round((NOW_S - 3600) * 1e9)
    assert (world.sync().state, destination.surveys) == (State.OK, 1)


def test_a_destination_where_another_run_works_is_left_alone() -> None:
    """Which is nobody's fault and no verdict."""
    world = World({ONE: b"1"}, {})
    world.destination.put(THERE + b"/.nightferry/lock", b'{"host": "elsewhere"}', time.time())
    with pytest.raises(LockHeld, match="elsewhere"):
        world.sync()
    assert world.there() == {}


def test_a_host_that_is_lost_midway_keeps_what_arrived() -> None:
    """The hop is unknown, and says what came before."""
    world = World({ONE: b"1", OTHER_NIGHT: b"9"}, {})

    def lost(moved: Sequence[Arrived]) -> None:
        world.source.is_reachable = False

    outcome = world.sync(stops_by_time=True, on_arrived=lost)
    assert (outcome.state, outcome.transferred, outcome.postponed) == (State.UNKNOWN, 1, 1)
    assert "sha: not reached" in str(outcome.reason)
    assert outcome.per_night[NIGHT] == NightMoves(1, 0, 1, 1)
    assert outcome.per_night[NIGHT.replace(day=6)].open_files == 1


def test_who_lost_the_lock_begins_no_further_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may be at work by then."""
    monkeypatch.setattr(syncer.lock, "RENEW_S", 0.01)  # a minute would be the test's only length
    world = World({ONE: b"1", OTHER_NIGHT: b"9"}, {})
    lock = THERE + b"/.nightferry/lock"

    def steal(moved: Sequence[Arrived]) -> None:
        world.destination.put(lock, b"another's")
        for thread in [one for one in threading.enumerate() if one.name == "lock-keeper"]:
            thread.join(timeout=20)

    outcome = world.sync(stops_by_time=True, on_arrived=steal)
    assert (outcome.state, outcome.transferred) == (State.UNKNOWN, 1)
    assert "lock" in str(outcome.reason)
    assert world.below(b".nightferry/lock") == {b"": b"another's"}


def test_links_are_made_as_links_and_over_nothing() -> None:
    """A file that no pattern showed stays; a link that points elsewhere is kept."""
    world = World({}, {b"2016/0907/SHA_file.raw": b"data"}, symlinks="copy")
    for name in (b"new", b"deep/new", b"elsewhere", b"SHA_file.raw"):
        world.source.put_other(HERE + b"/2016/0907/" + name, "link", b"target")
    world.destination.put_other(THERE + b"/2016/0907/elsewhere", "link", b"other")
    outcome = world.sync()
    assert world.there() == {
        b"2016/0907/SHA_file.raw": b"data",
        b"2016/0907/new": b"target",
        b"2016/0907/deep/new": b"target",
        b"2016/0907/elsewhere": b"other",
    }
    assert (outcome.transferred, [one.path for one in outcome.kept]) == (2, [b"2016/0907/elsewhere"])
    assert [(one.path, one.reason) for one in outcome.failed] == [
        (b"2016/0907/SHA_file.raw", "the link could not be made: something else bears its name")
    ]
    assert outcome.per_night[NIGHT].open_files == 2
    assert world.sync().transferred == 0


def test_links_that_were_not_begun_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the host was lost before it came to them, and where one cannot be made."""
    world = World({ONE: b"1"}, {}, symlinks="copy")
    world.source.put_other(HERE + b"/2016/0907/new", "link", b"target")

    def fails(target: bytes, path: bytes) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(world.destination, "link", fails)  # no file system in memory forbids links
    outcome = world.sync()
    assert [one.reason for one in outcome.failed] == ["the link could not be made: no links here"]

    def lost(moved: Sequence[Arrived]) -> None:
        raise HostUnreachable("sha", "gone")

    world.source.put(HERE + b"/" + TWO, b"2", OLD_S)
    outcome = world.sync(on_arrived=lost)
    assert [one.reason for one in outcome.failed] == ["was not begun"]
    assert outcome.per_night[NIGHT].open_files == 1


def test_a_file_that_cannot_be_hashed_is_unknown_and_stays() -> None:
    """Neither moved nor called different."""
    world = World({ONE: b"1"}, {ONE: b"2"})
    world.source.put(HERE + b"/" + ONE, b"1", OLD_S + 50)
    world.destination.unreadable.add(THERE + b"/" + ONE)
    outcome = world.sync()
    assert (outcome.state, [one.path for one in outcome.unreadable]) == (State.UNKNOWN, [ONE])
    assert outcome.per_night[NIGHT].open_files == 1
    world.destination.unreadable.clear()
    assert world.sync().replaced == (ONE,)
    assert world.there() == {ONE: b"1"}


def test_what_was_set_aside_long_ago_goes() -> None:
    """After thirty days, by the stamp of its folder; not by this machine's clock alone, which may have leapt."""
    old = (dt.datetime.now(dt.UTC) - dt.timedelta(days=31)).strftime("%Y%m%dT%H%M%SZ").encode()
    world = World({}, {b".nightferry/replaced/" + old + b"/x": b"old"})
    world.sync()
    assert len(world.below(b".nightferry/replaced/")) == 1
    world.sync(old_before=lambda days: dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
    assert list(world.below(b".nightferry/")) == [b"root"]
