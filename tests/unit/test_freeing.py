"""Freeing on a host in memory: whatever goes wrong on the way, a file is in its place, aside, or proven and gone."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from observatory.endpoints.contract import Facts, Hashed
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed, HostUnreachable
from syncer.freeing import Freed, free, put_back, recover
from syncer.prune import Candidate, CopyState, Freeable, Reading, Rule, Stay, Witness

NOW = dt.datetime(2016, 11, 20, 12, tzinfo=dt.UTC)
ROOT = b"/data/sha"
STAMP = b"20161120T120000Z"
PATHS = [b"2016/0907/a.fits", b"2016/0907/deep/b\xff.fits"]
RULE = Rule(60, 1, 30)


class Failing(MemoryEndpoint):
    """A host on which some acts fail: by the name of the act and a part of the path."""

    fails: tuple[str, bytes] = ("", b"")
    lost: tuple[str, bytes] = ("", b"")
    stat_reason: tuple[bytes, str] = (b"", "")

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look, or say why not."""
        path, reason = self.stat_reason
        return (Facts(path, reason=reason) if facts.path == path else facts for facts in super().stat(root, paths))

    def _meet(self, act: str, path: bytes) -> None:
        if act == self.fails[0] and self.fails[1] in path:
            raise CommandFailed(self.name, act, "Input/output error")
        if act == self.lost[0] and self.lost[1] in path:
            self.is_reachable = False
            raise HostUnreachable(self.name, "the line is cut")

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename, or fail."""
        self._meet("rename", old)
        super().rename(old, new)

    def remove(self, path: bytes) -> None:
        """Remove, or fail."""
        self._meet("remove", path)
        super().remove(path)


@dataclass
class Log:
    """A journal that remembers what it was told."""

    told: list[tuple[str, list[bytes]]] = field(default_factory=list)

    def begun(self, batch: Sequence[Freeable]) -> None:
        """Note it."""
        self.told.append(("begun", [one.candidate.path for one in batch]))

    def proven(self, batch: Sequence[Freeable]) -> None:
        """Note it."""
        self.told.append(("proven", [one.candidate.path for one in batch]))

    def done(self, still_there: Collection[bytes]) -> None:
        """Note it."""
        self.told.append(("done", list(still_there)))


def host() -> Failing:
    """Return a host with two files, and one that is none of our business."""
    endpoint = Failing()
    for path in (*PATHS, b"2016/0907/other.fits"):
        endpoint.put(ROOT + b"/" + path, path, 1000.0)
    return endpoint


def freeable(endpoint: MemoryEndpoint, path: bytes) -> Freeable:
    """Return a file that one other copy proves."""
    (looked,) = endpoint.stat(ROOT, [path])
    sum_ = hashlib.sha256(path).hexdigest()
    reading = Reading(sum_, NOW, looked.size_bytes or 0, looked.mtime_s)
    candidate = Candidate(path, dt.date(2016, 9, 7), b"sha/" + path, looked, reading, sum_)
    copy = CopyState("hill", "hill", "/data", "hill", "id")
    return Freeable(candidate, RULE, (Witness(copy, path, reading, looked),))


def as_before(files: Sequence[Freeable]) -> list[Freeable | Stay]:
    """Decide as before: the copies are as they were."""
    return list(files)


def freed(endpoint: Failing, log: Log | None = None, **changes: object) -> Freed:
    """Free both files."""
    batch = [freeable(endpoint, path) for path in PATHS]
    given = {"look_again": as_before, "journal": log or Log()} | changes
    return free(endpoint, ROOT, STAMP, batch, **given)  # type: ignore[arg-type]


def files(endpoint: MemoryEndpoint) -> list[bytes]:
    """Return every file below the root, ours too."""
    return sorted(path[len(ROOT) + 1 :] for path, thing in endpoint.things.items() if thing.kind == "file")


OTHER = [b"2016/0907/other.fits"]
EVERYTHING = sorted([*PATHS, *OTHER])


def test_a_batch_is_noted_proven_removed_and_tidied() -> None:
    """In this order; nothing of ours is left, and no night's folder is removed."""
    endpoint, log = host(), Log()
    assert [one.candidate.path for one in freed(endpoint, log).gone] == PATHS
    assert log.told == [("begun", PATHS), ("proven", PATHS), ("done", [])]
    assert files(endpoint) == OTHER
    assert ROOT + b"/2016/0907/deep" in endpoint.things
    assert not any(b"freeing" in path for path in endpoint.things)


@pytest.mark.parametrize("act", ["rename", "remove"])
def test_what_cannot_be_set_aside_or_removed_stays_in_its_place(act: str) -> None:
    """The other goes; the reason is said."""
    endpoint = host()
    endpoint.fails = (act, b"a.fits")
    if act == "remove":  # putting it back is another rename
        endpoint.fails = (act, b"freeing/" + STAMP + b"/" + PATHS[0])
    found = freed(endpoint)
    assert [one.candidate.path for one in found.gone] == PATHS[1:]
    assert ["Input/output error" in one.reason for one in found.stays] == [True]
    assert files(endpoint) == sorted([PATHS[0], *OTHER])


def test_a_file_that_changed_since_the_plan_is_left_alone() -> None:
    """Gone, touched, or no file any more."""
    endpoint = host()
    batch = [freeable(endpoint, path) for path in PATHS]
    endpoint.put(ROOT + b"/" + PATHS[0], b"longer than before", 1000.0)
    endpoint.remove(ROOT + b"/" + PATHS[1])
    found = free(endpoint, ROOT, STAMP, batch, as_before, Log())
    assert [one.reason for one in found.stays] == ["it has another size while it was being freed", "it is gone already"]
    assert files(endpoint) == sorted([PATHS[0], *OTHER])


def test_other_bytes_under_the_same_size_and_time_are_put_back() -> None:
    """They are read once more when nobody can write to them any more."""
    endpoint = host()
    endpoint.put(ROOT + b"/" + PATHS[0], b"x" * len(PATHS[0]), 1000.0)
    found = freed(endpoint)
    assert [one.reason for one in found.stays] == ["it is not what its copies hold"]
    assert files(endpoint) == sorted([PATHS[0], *OTHER])


def test_what_cannot_be_read_aside_is_put_back_and_not_called_other_bytes() -> None:
    """A disk that fails says nothing about what it holds."""
    endpoint = host()
    endpoint.unreadable.add(ROOT + b"/.nightferry/freeing/" + STAMP + b"/" + PATHS[0])
    assert [one.reason for one in freed(endpoint).stays] == ["it could not be read: Permission denied"]
    assert files(endpoint) == sorted([PATHS[0], *OTHER])


class Confused(Failing):
    """A host that answers for other files than it was asked about, with the hashes that were hoped for."""

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash as ever, and name another file."""
        return (replace(answer, path=answer.path + b"~") for answer in super().hash(root, paths))


def test_a_hash_of_another_file_frees_nothing() -> None:
    """However well it agrees."""
    endpoint = Confused()
    endpoint.things = host().things
    found = freed(endpoint)
    assert (found.gone, len(found.stays)) == ([], len(PATHS))
    assert files(endpoint) == EVERYTHING


def test_a_file_that_came_to_stand_in_the_place_meanwhile_is_kept_and_the_other_is_said_to_lie_aside() -> None:
    """Nothing is written over, and nothing is lost without a word."""
    endpoint = host()

    def meanwhile(batch: Sequence[Freeable]) -> list[Freeable | Stay]:
        endpoint.put(ROOT + b"/" + PATHS[0], b"new")
        return [Stay(one.candidate, "hill is off") for one in batch]

    found = freed(endpoint, look_again=meanwhile)
    assert sorted(one.reason.partition(";")[0] for one in found.stays) == [
        "another file of that name came meanwhile",
        "hill is off",
        "hill is off",
    ]
    aside = b".nightferry/freeing/" + STAMP + b"/" + PATHS[0]
    assert files(endpoint) == sorted([aside, *EVERYTHING])
    assert endpoint.things[ROOT + b"/" + PATHS[0]].data == b"new"


def test_what_the_last_look_doubts_is_put_back_and_a_lost_lock_stops_all() -> None:
    """Nothing is proven then, and nothing noted as proven."""
    endpoint, log = host(), Log()

    def doubt(batch: Sequence[Freeable]) -> list[Freeable | Stay]:
        return [Stay(one.candidate, "hill does not hold it any more") for one in batch]

    assert freed(endpoint, log, look_again=doubt).gone == []
    assert [what for what, _ in log.told] == ["begun", "done"]
    assert files(endpoint) == EVERYTHING
    assert {one.reason for one in freed(endpoint, may_go_on=lambda: False).stays} == {
        "the lock was lost to another run"
    }
    assert files(endpoint) == EVERYTHING


def test_a_decision_about_other_bytes_frees_nothing() -> None:
    """What looks again may not answer for another file."""
    endpoint = host()

    def confused(batch: Sequence[Freeable]) -> list[Freeable | Stay]:
        return [replace(one, candidate=replace(one.candidate, reference="0" * 64)) for one in batch]

    assert freed(endpoint, look_again=confused).gone == []
    assert files(endpoint) == EVERYTHING


@pytest.mark.parametrize("act", ["rename", "remove"])
def test_a_host_that_is_lost_on_the_way_is_put_right_by_the_next_run(act: str) -> None:
    """What was aside comes back; a file that came to stand in its place meanwhile is not written over."""
    endpoint = host()
    endpoint.lost = (act, b"b\xff.fits")
    with pytest.raises(HostUnreachable):
        freed(endpoint)
    endpoint.is_reachable, endpoint.lost = True, ("", b"")
    back, left = recover(endpoint, ROOT)
    assert left == []
    assert set(back) | set(files(endpoint)) == set(files(endpoint))
    expected = EVERYTHING if act == "rename" else sorted([PATHS[1], *OTHER])
    assert [path for path in files(endpoint) if path in EVERYTHING] in (expected, EVERYTHING)
    assert not any(b"freeing" in path for path in endpoint.things)


def test_nothing_is_put_back_over_another_file() -> None:
    """Both are kept, and the person is told where the one lies that was set aside."""
    endpoint = host()
    aside = b".nightferry/freeing/" + STAMP + b"/" + PATHS[0]
    endpoint.put(ROOT + b"/" + aside, b"set aside")
    assert "another file of that name came meanwhile" in str(put_back(endpoint, ROOT, aside, PATHS[0]))
    back, left = recover(endpoint, ROOT)
    assert (back, len(left)) == ([], 1)
    assert files(endpoint) == sorted([aside, *EVERYTHING])


@pytest.mark.parametrize(
    ("data", "mtime_s", "is_twin"), [(b"same", 7.0, True), (b"else", 7.0, False), (b"same", 70.0, False)]
)
def test_what_lies_aside_of_a_file_that_was_brought_back_is_not_kept_twice(
    data: bytes, mtime_s: float, is_twin: bool
) -> None:
    """A restore brought it while this one could not be put back: equal to the last byte, and of its time."""
    endpoint = host()
    aside = b".nightferry/freeing/" + STAMP + b"/" + PATHS[0]
    endpoint.put(ROOT + b"/" + PATHS[0], b"same", 7.0)
    endpoint.put(ROOT + b"/" + aside, data, mtime_s)
    back, left = recover(endpoint, ROOT)
    assert (back, len(left)) == (([PATHS[0]], 0) if is_twin else ([], 1))
    assert files(endpoint) == (EVERYTHING if is_twin else sorted([aside, *EVERYTHING]))
    assert endpoint.things[ROOT + b"/" + PATHS[0]].data == b"same"


def test_nothing_to_recover_is_nothing_done() -> None:
    """A root that never freed anything stays as it is."""
    endpoint = host()
    assert recover(endpoint, ROOT) == ([], [])
    assert files(endpoint) == EVERYTHING


def test_what_cannot_be_looked_at_or_is_no_file_by_now_is_not_set_aside() -> None:
    """It is neither gone nor another size: what is not known is not said."""
    endpoint = host()
    batch = [freeable(endpoint, path) for path in PATHS]
    endpoint.stat_reason = (PATHS[0], "Input/output error")
    endpoint.remove(ROOT + b"/" + PATHS[1])
    endpoint.put_other(ROOT + b"/" + PATHS[1], "link", b"/elsewhere")
    found = free(endpoint, ROOT, STAMP, batch, as_before, Log())
    assert [one.reason for one in found.stays] == [
        "it could not be looked at: Input/output error",
        "it is no regular file of its own",
    ]
    assert set(PATHS) <= {path[len(ROOT) + 1 :] for path in endpoint.things}


def test_nothing_is_put_back_to_a_place_that_cannot_be_looked_at() -> None:
    """What stands there may be another file."""
    endpoint = host()
    aside = b".nightferry/freeing/" + STAMP + b"/" + PATHS[0]
    endpoint.put(ROOT + b"/" + aside, b"set aside")
    endpoint.remove(ROOT + b"/" + PATHS[0])
    endpoint.stat_reason = (PATHS[0], "Input/output error")
    assert str(put_back(endpoint, ROOT, aside, PATHS[0])).startswith("Input/output error; it lies in .nightferry")
    assert ROOT + b"/" + aside in endpoint.things


class Refusing(Log):
    """A journal that cannot write the proof."""

    def proven(self, batch: Sequence[Freeable]) -> None:
        """Fail."""
        raise CommandFailed("ledger", "writing", "database is locked")


def test_without_a_proof_on_disk_everything_comes_back_at_once() -> None:
    """A night's files are not left aside until the next run."""
    endpoint = host()
    with pytest.raises(CommandFailed):
        freed(endpoint, Refusing())
    assert files(endpoint) == EVERYTHING
    assert not any(b"freeing" in path for path in endpoint.things)


def test_what_is_gone_is_brought_to_disk_before_it_is_noted_as_gone() -> None:
    """A power cut after the note must not bring files back that nobody looks for."""
    endpoint, seen = host(), []

    class Watching(Log):
        def done(self, still_there: Collection[bytes]) -> None:
            seen.append(list(endpoint.synced))

    freed(endpoint, Watching())
    assert seen == [[ROOT]]


class Dying(MemoryEndpoint):
    """A host that is gone after so many acts, and does nothing more: what a power cut leaves."""

    left: int = 0

    def _live(self) -> None:
        if self.left == 0:
            self.is_reachable = False
            raise HostUnreachable(self.name, "no power")
        self.left -= 1

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename while it lives."""
        self._live()
        super().rename(old, new)

    def remove(self, path: bytes) -> None:
        """Remove while it lives."""
        self._live()
        super().remove(path)


@pytest.mark.parametrize("steps", range(12))
def test_a_power_cut_after_any_step_leaves_files_in_place_or_proven_and_gone(steps: int) -> None:
    """The next run brings back what was aside; what is gone had its proof before."""
    endpoint, log = Dying(), Log()
    for path in PATHS:
        endpoint.put(ROOT + b"/" + path, path, 1000.0)
    batch = [freeable(endpoint, path) for path in PATHS]
    endpoint.left = steps
    try:
        free(endpoint, ROOT, STAMP, batch, as_before, log)
    except HostUnreachable:
        assert ("done", []) not in log.told
    endpoint.is_reachable, endpoint.left = True, 100
    recover(endpoint, ROOT)
    proven = next((paths for what, paths in log.told if what == "proven"), [])
    there = files(endpoint)
    assert set(there) <= set(PATHS)
    assert set(PATHS) - set(there) <= set(proven)
    assert all(endpoint.things[ROOT + b"/" + path].data == path for path in there)
    assert not any(b"freeing" in path for path in endpoint.things)
