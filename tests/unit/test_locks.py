"""One run at a time: on this machine by the kernel's lock, on a destination by a lease that outlives no machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import syncer.lock
from nightferry.locks import free_locks, instrument_lock
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import CommandFailed, FolderNotWritable, HostUnreachable, LockHeld
from syncer.lock import LEASE_S, Lease, destination_lock, holder, worked_since

ROOT = b"/archive/sha"
LOCK = ROOT + b"/.nightferry/lock"
TAKEOVER = LOCK + b".takeover"
GONE_PID = 2**22 + 1
"""Above the highest process number that Linux gives."""


@pytest.fixture
def archive() -> MemoryEndpoint:
    """A destination."""
    endpoint = MemoryEndpoint("archive")
    endpoint.put_folder(ROOT)
    return endpoint


def words(**changes: Any) -> bytes:
    """Return what a lock of this process says, changed."""
    return json.dumps(json.loads(holder()) | changes).encode()


def ours(archive: MemoryEndpoint) -> list[bytes]:
    """Return what lies in our folder on the destination."""
    return archive.list_folder(ROOT + b"/.nightferry")


def refused(archive: MemoryEndpoint) -> LockHeld:
    """Try to take the lock, in vain."""
    with pytest.raises(LockHeld) as told, destination_lock(archive, ROOT):
        raise AssertionError("two hold one lock")
    return told.value


def test_a_lock_says_who_and_is_gone_afterwards(archive: MemoryEndpoint) -> None:
    """Also where the work within failed."""
    with pytest.raises(KeyError), destination_lock(archive, ROOT) as lease:
        said = json.loads(archive.things[LOCK].data)
        assert (said["pid"], said["host"]) == (os.getpid(), os.uname().nodename)
        assert not lease.is_lost
        raise KeyError
    assert ours(archive) == []


def test_the_second_is_refused_and_told_who_the_first_is(archive: MemoryEndpoint) -> None:
    """And the first still holds it."""
    with destination_lock(archive, ROOT):
        assert str(os.getpid()) in str(refused(archive))
        assert LOCK in archive.things
    with destination_lock(archive, ROOT):
        pass


@pytest.mark.parametrize("age_s", [LEASE_S + 5, LEASE_S - 5])
def test_a_lock_of_another_machine_is_void_when_its_lease_is_over(archive: MemoryEndpoint, age_s: float) -> None:
    """By the destination's own clock."""
    archive.clock_offset_s = 5000.0
    archive.put(LOCK, words(host="elsewhere", pid=1), time.time() + 5000 - age_s)
    if age_s < LEASE_S:
        refused(archive)
        return
    with destination_lock(archive, ROOT):
        assert ours(archive) == [b"lock"]
    assert ours(archive) == []


@pytest.mark.parametrize(
    "changes",
    [{"pid": GONE_PID}, {"boot": "before", "machine": "m"}, {"started": "1"}],
    ids=["its process is gone", "this machine was started anew", "another process has its number"],
)
def test_a_lock_of_a_dead_process_of_this_machine_is_void_at_once(
    archive: MemoryEndpoint, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash costs no waiting."""
    real = syncer.lock._machine()
    # a container may have no machine id; the rule is tried as on a machine that has one
    monkeypatch.setattr(syncer.lock, "_machine", lambda: real | {"machine": "m", "boot": "now"})
    archive.put(LOCK, words(**changes))
    with destination_lock(archive, ROOT):
        pass


@pytest.mark.parametrize(
    "said",
    [
        words(pid=GONE_PID, machine="another of the same name"),
        words(pid=GONE_PID, processes="another container"),
        words(pid=GONE_PID, host="elsewhere"),
        words(pid=1, started=""),
        b"",
        b"not json",
        b'{"host": "' + os.uname().nodename.encode() + b'"}',
        b"[]",
        b"\xff",
    ],
)
def test_a_lock_whose_holder_may_live_is_not_void(archive: MemoryEndpoint, said: bytes) -> None:
    """Nothing is known of other machines' processes, nor of what cannot be understood."""
    archive.put(LOCK, said)
    refused(archive)
    assert archive.things[LOCK].data == said


def test_a_lock_that_cannot_be_read_is_held(archive: MemoryEndpoint) -> None:
    """Not being able to look is no proof that nobody is there."""
    archive.put(LOCK, b"x", time.time())
    archive.unreadable.add(LOCK)
    assert "cannot be read" in str(refused(archive))


@pytest.mark.parametrize("round_number", range(10))
def test_of_many_who_see_a_void_lock_one_takes_it(archive: MemoryEndpoint, round_number: int) -> None:
    """Nobody removes the lock that another has just made."""
    archive.put(LOCK, words(host="elsewhere"), time.time() - LEASE_S - 60)
    start, inside, most = threading.Barrier(8), 0, 0
    guard, told = threading.Lock(), threading.Semaphore(0)

    def contend() -> None:
        nonlocal inside, most
        start.wait()
        try:
            with destination_lock(archive, ROOT):
                with guard:
                    inside += 1
                    most = max(most, inside)
                told.acquire(timeout=0.05)
                with guard:
                    inside -= 1
        except LockHeld:
            pass

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert ours(archive) == []


def test_a_lock_renewed_while_it_is_judged_is_not_taken(archive: MemoryEndpoint) -> None:
    """It is looked at again when nobody else may replace it."""
    archive.put(LOCK, words(host="elsewhere"), time.time() - LEASE_S - 60)

    class Slow(MemoryEndpoint):
        def create(self, path: bytes, mode: int = 0o600) -> Any:
            if path == TAKEOVER:
                self.put(LOCK, words(host="another"), time.time())
            return super().create(path, mode)

    assert "another" in str(refused(Slow("archive", things=archive.things)))


def test_who_comes_while_a_void_lock_is_replaced_is_refused(archive: MemoryEndpoint) -> None:
    """And what a takeover that died left behind is swept, for the next to come."""
    archive.put(LOCK, words(host="elsewhere"), time.time() - LEASE_S - 60)
    archive.put(TAKEOVER, words(host="another"), time.time())
    refused(archive)
    archive.put(TAKEOVER, words(host="another"), time.time() - LEASE_S - 60)
    refused(archive)
    with destination_lock(archive, ROOT):
        pass


def test_a_lock_that_another_took_meanwhile_stands_in_the_way(archive: MemoryEndpoint) -> None:
    """Between removing the void one and making our own."""

    class Contended(MemoryEndpoint):
        def remove(self, path: bytes) -> None:
            super().remove(path)
            if path == LOCK:
                self.put(LOCK, words(host="quicker"), time.time())

    archive.put(LOCK, words(host="elsewhere"), time.time() - LEASE_S - 60)
    assert "quicker" in str(refused(Contended("archive", things=archive.things)))
    assert ours(archive) == [b"lock"]


def test_a_lock_that_is_anothers_by_now_is_not_removed(archive: MemoryEndpoint) -> None:
    """A machine that slept through its lease does not free the next one's, and says so at the end."""
    with pytest.raises(CommandFailed, match="another run's"), destination_lock(archive, ROOT):
        archive.put(LOCK, b"another's")
    assert archive.things[LOCK].data == b"another's"


class CutOff(MemoryEndpoint):
    """Loses its connection once, when a file is removed; the next question connects anew."""

    is_cut = False

    def remove(self, path: bytes) -> None:
        if not self.is_cut:
            self.is_cut = True
            raise HostUnreachable(self.name, "the connection was lost")
        super().remove(path)


def test_a_lock_is_given_back_over_a_new_connection_where_the_first_was_lost(archive: MemoryEndpoint) -> None:
    """Otherwise the next machine would wait for the lease to run out."""
    cut_off = CutOff("archive", things=archive.things)
    with destination_lock(cut_off, ROOT):
        pass
    assert cut_off.is_cut and ours(archive) == []


class CutOffTooLate(CutOff):
    """Loses its connection once a file has been removed."""

    def remove(self, path: bytes) -> None:
        MemoryEndpoint.remove(self, path)
        if not self.is_cut:
            super().remove(path)


def test_a_lock_that_was_given_back_unseen_is_no_lost_one(archive: MemoryEndpoint) -> None:
    """The answer was lost with the connection, not the lock."""
    cut_off = CutOffTooLate("archive", things=archive.things)
    with destination_lock(cut_off, ROOT):
        pass
    assert cut_off.is_cut and ours(archive) == []


def test_the_words_of_who_held_it_before_are_gone_from_a_lock(tmp_path: Path) -> None:
    """They may have been longer, and what is left of them would be shown as another's."""
    path = tmp_path / "locks" / "sha.lock"
    path.parent.mkdir()
    path.write_text("process 4194303 since 2016-09-07T12:00:00Z, and more\n" * 3)
    with instrument_lock(tmp_path, "sha"):
        assert path.read_text().startswith(f"process {os.getpid()} since ")
        assert path.read_text().count("\n") == 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Renew a hundred times a second: the minute of life would be the test's only length."""
    monkeypatch.setattr(syncer.lock, "RENEW_S", 0.01)
    yield


def wait_for(lease: Lease) -> None:
    """Wait until a lease is lost."""
    deadline = time.monotonic() + 20
    while not lease.is_lost and time.monotonic() < deadline:
        time.sleep(0.005)
    assert lease.is_lost


@pytest.mark.usefixtures("quick")
def test_a_lock_is_renewed_by_the_destinations_clock(archive: MemoryEndpoint) -> None:
    """It stays young as long as it is held."""
    archive.clock_offset_s = 5000.0
    with destination_lock(archive, ROOT) as lease:
        archive.things[LOCK].mtime_ns = 0
        deadline = time.monotonic() + 20
        while archive.things[LOCK].mtime_ns == 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert abs(archive.things[LOCK].mtime_ns / 1e9 - time.time() - 5000) < 20
        assert not lease.is_lost


@pytest.mark.usefixtures("quick")
def test_who_loses_the_lock_is_told(archive: MemoryEndpoint) -> None:
    """Another's words in it mean that the lease was over."""
    with pytest.raises(CommandFailed, match="another run's"), destination_lock(archive, ROOT) as lease:
        archive.put(LOCK, b"another's")
        wait_for(lease)


def test_who_finds_the_lock_gone_is_told_at_the_end(archive: MemoryEndpoint) -> None:
    """The disk it lay on was unmounted; what the work itself met comes first."""
    with pytest.raises(CommandFailed, match="unmounted"), destination_lock(archive, ROOT):
        del archive.things[LOCK]
    with pytest.raises(KeyError), destination_lock(archive, ROOT):
        raise KeyError


@pytest.mark.usefixtures("quick")
def test_who_cannot_renew_for_a_whole_lease_has_lost_it(
    archive: MemoryEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The destination was not reached: by its clock somebody else may have it now; leaving it harms nothing."""
    monkeypatch.setattr(syncer.lock, "LEASE_S", 0.05)
    with destination_lock(archive, ROOT) as lease:
        archive.is_reachable = False
        wait_for(lease)


def test_work_since_an_instant_is_seen_in_our_folder(archive: MemoryEndpoint) -> None:
    """A listing begun before the last holder left is stale; a folder nobody ever made says that nobody was there."""
    assert not worked_since(archive, ROOT, 1000.0)
    archive.put_folder(ROOT + b"/.nightferry")
    folder = archive.things[ROOT + b"/.nightferry"]
    for mtime_s, is_stale in ((1000.5, True), (999.5, False), (999.99, True), (998.0, True), (997.0, False)):
        folder.mtime_ns = round(mtime_s * 1e9)
        assert worked_since(archive, ROOT, 1000.0) is is_stale
    archive.unreadable.add(ROOT)
    assert worked_since(archive, ROOT, 1000.0)


HOLD = """
import sys, pathlib
from nightferry.locks import instrument_lock
with instrument_lock(pathlib.Path(sys.argv[1]), "sha"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds an instrument's lock."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_an_instrument_is_another_processs_while_it_lives(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """It says which process and since when; killed, it holds nothing any more."""
    with pytest.raises(LockHeld, match=f"process {other.pid} since 2"), instrument_lock(tmp_path, "sha"):
        pass
    with instrument_lock(tmp_path, "spupnic"):
        pass
    other.kill()
    other.wait()
    with instrument_lock(tmp_path, "sha"):
        pass


def test_what_is_free_is_held_and_the_rest_is_named(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """Only where nothing at all is free is it an error."""
    with free_locks(tmp_path, ["sha", "shd"]) as (held, busy):
        assert (held, [error.what for error in busy]) == (("shd",), ["sha"])
        with pytest.raises(LockHeld), free_locks(tmp_path, ["sha", "shd"]):
            pass
    with free_locks(tmp_path, []) as nothing:
        assert nothing == ((), ())


def test_a_lock_without_words_is_held_by_somebody_unknown(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """Its file may just have been made."""
    (tmp_path / "locks" / "sha.lock").write_bytes(b"")
    with pytest.raises(LockHeld, match="unknown"), instrument_lock(tmp_path, "sha"):
        pass


def test_a_state_folder_that_takes_no_lock_is_named_with_its_remedy(tmp_path: Path) -> None:
    """Read-only, full or another account's: could not tell, and where to look."""
    (tmp_path / "locks" / "sha.lock").mkdir(parents=True)
    said = r"sha\.lock: Is a directory; nothing was done"
    with pytest.raises(FolderNotWritable, match=said) as caught, instrument_lock(tmp_path, "sha"):
        pass
    assert f"Is {tmp_path} writable for this account, and is there room?" in str(caught.value)
    assert caught.value.exit_status == 3


def test_a_lock_that_takes_no_word_is_said_as_well(tmp_path: Path) -> None:
    """The file can be opened, and nothing can be written into it."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "sha.lock").symlink_to("/dev/full")
    with pytest.raises(FolderNotWritable, match="nothing was done"), instrument_lock(tmp_path, "sha"):
        pass
