"""A sample of the crash points; `make crash` strikes at every one of them, and prints how many that were."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from tests.crash.calls import Call, Kind, unsynced
from tests.crash.everywhere import FLOWS, named_flow
from tests.crash.flow import Flow, Ground
from tests.crash.judge import Known, blows
from tests.crash.layer import ALONE, KILL, Blow, Played, play
from tests.crash.scenes import aside, load
from tests.faults.mounts import not_played


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Have everything loaded before a child is forked: forty children need not load it each."""
    load()


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_struck_anywhere_nothing_is_half_there_and_the_next_run_ends_well(flow: Flow, tmp_path: Path) -> None:
    """Old or new at every final name, no traceback; afterwards as if nothing had been."""
    if "another machine" in flow.name and os.geteuid() != 0:
        not_played("what an account does over SSH can be struck by root alone: sshd's processes are closed to others")

    def strike() -> bool:
        (tmp_path / "stage").mkdir()
        known = Known(flow.make(Ground(tmp_path / "stage")))
        known.look()
        every = list(blows(known.calls, 1))
        at = zlib.crc32(flow.name.encode()) % len(every)
        return known.strike(every[at]) is not None

    assert aside(strike)


BROKE = (
    ("the steps of a night", Kind.REMOVE, b"vgen2/vsync_", 2, "ESTALE"),
    ("the steps of a night", Kind.SYNC, b"/vgen2", 2, "EDQUOT"),
    ("a bag of a night", Kind.SYNC, b"/bagit.txt", 1, KILL),
    ("fetch", Kind.SYNC, b"made/.nightferry/.", 1, KILL),
    ("unpack", Kind.RENAME, b"/absent.curl", 1, KILL),
)
"""Where a promise was once broken: flow, kind of call, part of its path, which of these calls, and what befell."""


@pytest.mark.parametrize(("name", "kind", "part", "which", "fate"), BROKE, ids=str)
def test_where_a_promise_was_broken_once_it_holds(
    tmp_path: Path, name: str, kind: Kind, part: bytes, which: int, fate: str
) -> None:
    """Consumed inputs removed to the end; what a killed attempt published known for our own; temporary names swept."""

    def strike() -> bool:
        (tmp_path / "stage").mkdir()
        known = Known(named_flow(name).make(Ground(tmp_path / "stage")))
        known.look()
        numbers = [at for at, call in enumerate(known.calls, 1) if call.kind is kind and part in call.path]
        return known.strike(Blow(numbers[which - 1], fate)) is not None

    assert aside(strike)


# ---- the layer itself


def played(tmp_path: Path, program: str, blow: Blow | None = None) -> Played:
    """Play a shell's program in an empty folder."""
    folder = tmp_path / "stage"
    folder.mkdir(exist_ok=True)
    words = ["sh", "-c", f"cd {shlex.quote(str(folder))} || exit 9\n{program}"]
    return aside(lambda: play(lambda: subprocess.run(words, check=False).returncode, folder, blow))


def test_every_call_of_a_program_is_heard_in_its_order(tmp_path: Path) -> None:
    """What is written into a pipe or elsewhere is none."""
    seen = played(tmp_path, "echo pipe | cat >/dev/null; mkdir a; echo x > a/b; mv a/b a/c; ln a/c d; rm d; rmdir e")
    assert [call.kind for call in seen.calls] == [
        Kind.FOLDER,
        Kind.CREATE,
        Kind.WRITE,
        Kind.RENAME,
        Kind.LINK,
        Kind.REMOVE,
        Kind.REMOVE,
    ]
    assert seen.calls[3].path.endswith(b"/stage/a/c")
    assert (seen.status, seen.struck) == (1, None)


def test_a_struck_call_never_happens(tmp_path: Path) -> None:
    """Killed, alone or with all, or told that it failed; a full disk stays full, and gives room by removing."""
    program = "echo x > a; mv a b; echo y > c"
    dead = played(tmp_path, program, Blow(3, KILL))
    assert (dead.status, str(dead.struck).split()[0]) == (-9, "rename")
    assert [path.name for path in (tmp_path / "stage").iterdir()] == ["a"]
    assert played(tmp_path, program, Blow(3, ALONE)).status == 0
    told = played(tmp_path, program, Blow(3, "EDQUOT"))
    assert errno.errorcode[122] == "EDQUOT" and "Disk quota exceeded" in told.err
    full = played(tmp_path, "rm -f b c; mv a z; echo x > a; echo y > b; rm z", Blow(4, "ENOSPC"))
    assert full.err.count("No space left on device") == 2
    assert list((tmp_path / "stage").iterdir()) == []


def test_points_are_every_call_with_a_death_and_its_errors() -> None:
    """Those on the database too; fewer errors than all take turns."""
    calls = [Call(Kind.WRITE, b"/var/catalogue.db-wal")] * 22 + [Call(Kind.RENAME, b"/data/x", is_alone=False)]
    by_turns = [str(blow) for blow in blows(calls, 1)]
    assert by_turns[:4] == ["call 1: kill", "call 1: EIO", "call 2: kill", "call 2: ENOSPC"]
    assert by_turns[-3:] == ["call 23: kill", "call 23: kill alone", "call 23: EDQUOT"]
    assert len(list(blows(calls))) == 22 * 5 + 6


def test_a_name_over_bytes_that_are_not_on_disk_is_seen() -> None:
    """A killed process never shows it, a power cut does; under a temporary name it is no fault."""
    write, sync = Call(Kind.WRITE, b"/r/.nightferry/1"), Call(Kind.SYNC, b"/r/.nightferry/1")
    give, everything = Call(Kind.RENAME, b"/r/a", origin=b"/r/.nightferry/1"), Call(Kind.SYNC_ALL, b"/r")

    def seen(*calls: Call) -> list[Call]:
        return unsynced(calls, lambda path: b".nightferry" not in path)

    assert seen(write, give, sync) == [give]
    assert seen(write, sync, give) == seen(write, everything, give) == []
    assert seen(write, Call(Kind.RENAME, b"/r/.nightferry/2", origin=b"/r/.nightferry/1")) == []
    written_again = (write, sync, write, give)
    assert seen(*written_again) == [give]


def test_an_answer_is_heard_while_somebody_else_holds_the_line() -> None:
    """As a flow does that was begun beside it: the one that ends first does not wait for the others."""

    def work() -> int:
        other = os.fork()
        if other == 0:
            time.sleep(60)
            os._exit(0)
        return other

    other = aside(work)
    os.kill(other, signal.SIGKILL)  # it still lives, or this would fail
    with pytest.raises(AssertionError, match="the child died"):
        aside(lambda: os._exit(1))
