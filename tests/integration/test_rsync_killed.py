"""A real rsync that is killed, starved or refused: final names hold the old state or the new, and work goes on."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from observatory.endpoints.contract import Completed, Facts, Hashed, HostAccess, Promise
from observatory.endpoints.local import LocalEndpoint
from observatory.errors import HostUnreachable
from observatory.spec.models import TransferOptions
from syncer.transfer.folders import sweep
from syncer.transfer.rounds import RETRY_DELAYS_S
from syncer.transfer.rsync import rsync_version
from tests.transfers import Pair, make_pair, meanwhile, programs_that_name, reasons, wait_until

SLOWLY = TransferOptions(rate_bytes_per_s=4_000_000, sessions=1)


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """A hop on this machine, by rsync."""
    with make_pair("local", "local", "rsync", tmp_path, request) as made:
        yield made


def _begun(pair: Pair) -> bool:
    temporary = pair.destination.root / ".nightferry/tmp"
    return temporary.is_dir() and any(found.stat().st_size > 100_000 for found in temporary.iterdir())


def _kill(pair: Pair, number: signal.Signals, only_the_last: bool) -> None:
    """Kill the rsyncs of this hop alone: their command lines name its root. The receiver is the youngest."""
    programs = sorted(programs_that_name(pair.destination.root))
    for program in programs[-1:] if only_the_last else programs:
        os.kill(program, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("only_the_last", [True, False], ids=["receiver", "all"])
def test_a_killed_rsync_leaves_the_old_state_and_is_taken_up_again(
    pair: Pair, number: signal.Signals, only_the_last: bool
) -> None:
    """At the moment of the wait nothing new bears a final name; afterwards everything arrived."""
    item = pair.write(b"n/big", os.urandom(8_000_000), replaces=True)
    pair.put(pair.destination, b"n/big", b"old")
    seen: list[tuple[bytes, list[bytes]]] = []

    class Waits(list[float]):
        def append(self, wait_s: float) -> None:
            seen.append((pair.read(b"n/big"), pair.arrived()))
            super().append(wait_s)

    patient = Pair(pair.source, pair.destination, "rsync", Waits())

    def strike() -> None:
        wait_until(lambda: _begun(pair))
        _kill(pair, number, only_the_last)

    with meanwhile(strike):
        result = patient.carry([item], options=SLOWLY)
    assert seen == [(b"old", [b"n/big"])]
    assert [one.item for one in result.arrived] == [item]
    assert pair.read(b".nightferry/replaced/20160907T120000Z/n/big") == b"old"
    sweep(pair.destination.endpoint, os.fsencode(pair.destination.root))
    assert pair.ours() == [b".nightferry/replaced/20160907T120000Z/n/big"]


def test_a_retried_session_does_not_set_the_new_bytes_aside(pair: Pair) -> None:
    """Of two replaced files the first arrives before the kill: sent again, it would bury the old version."""
    first = pair.write(b"n/1", b"new", replaces=True)
    second = pair.write(b"n/2", os.urandom(8_000_000), replaces=True)
    for item in (first, second):
        pair.put(pair.destination, item.path, b"old")

    def strike() -> None:
        wait_until(lambda: _begun(pair))
        _kill(pair, signal.SIGKILL, only_the_last=True)

    with meanwhile(strike):
        result = pair.carry([first, second], options=SLOWLY)
    assert len(result.arrived) == 2
    assert len(pair.waits) == 1
    assert pair.read(b".nightferry/replaced/20160907T120000Z/n/1") == b"old"
    assert pair.read(b".nightferry/replaced/20160907T120000Z/n/2") == b"old"


def _with_rsync(pair: Pair, program: Path, script: str) -> Pair:
    """A hop whose hosts call another program for rsync."""
    here = f"""#!/bin/sh\n'''exec' "{sys.executable}" -S "$0" "$@"\n' '''\n"""  # a first line knows no blanks
    program.write_text(f"{here}import os, sys, signal, resource, time\n{script}\n")
    program.chmod(0o755)
    sides = []
    for side in (pair.source, pair.destination):
        access = HostAccess(side.access.name, side.access.address, is_local=True, rsync_path=shlex.quote(str(program)))
        sides.append(type(side)(LocalEndpoint(access), access, side.root))
    return Pair(sides[0], sides[1], "rsync", pair.waits)


GO = "os.execvp('rsync', ['rsync', *sys.argv[1:]])"
VERSION = f"if '--version' in sys.argv: {GO}\n"


@pytest.mark.parametrize("status", [10, 12, 20, 30, 35, 255])
def test_what_a_retry_can_mend_is_tried_again_with_longer_waits(pair: Pair, tmp_path: Path, status: int) -> None:
    """Twice the line breaks, the third time it holds."""
    count = tmp_path / "count"
    count.write_text("")
    body = f"{VERSION}n = len(open({str(count)!r}).read()); open({str(count)!r}, 'a').write('x')\n"
    body += f"if n < 2: sys.stdin.read(); sys.exit({status})\n{GO}"
    item = pair.write(b"n/a", b"a")
    result = _with_rsync(pair, tmp_path / "fails", body).carry([item])
    assert [one.item for one in result.arrived] == [item]
    assert pair.waits == list(RETRY_DELAYS_S[:2])


def test_a_line_that_stays_broken_is_a_reason_and_worth_another_run(pair: Pair, tmp_path: Path) -> None:
    """After the last wait the files fail with what ssh said, and may be retried."""
    body = f"{VERSION}sys.stderr.write('ssh: connect to host sha port 22: No route to host\\n'); sys.exit(255)"
    result = _with_rsync(pair, tmp_path / "fails", body).carry([pair.write(b"n/a", b"a")])
    assert pair.waits == list(RETRY_DELAYS_S)
    assert "No route to host" in reasons(result)[b"n/a"]
    assert result.failed[0].may_retry


@pytest.mark.parametrize("status", [1, 2, 3, 4, 23, 127])
def test_what_no_retry_can_mend_is_not_tried_again(pair: Pair, tmp_path: Path, status: int) -> None:
    """No wait, a reason, and no hope."""
    body = f"{VERSION}sys.stderr.write('it is broken\\n'); sys.exit({status})"
    result = _with_rsync(pair, tmp_path / "fails", body).carry([pair.write(b"n/a", b"a")])
    assert pair.waits == []
    assert "it is broken" in reasons(result)[b"n/a"]
    assert not result.failed[0].may_retry


def test_success_that_is_only_claimed_is_not_believed(pair: Pair, tmp_path: Path) -> None:
    """rsync says 0 and did nothing: the destination shows it."""
    result = _with_rsync(pair, tmp_path / "liar", f"{VERSION}sys.stdin.read(); sys.exit(0)").carry(
        [pair.write(b"n/a", b"a"), pair.write(b"n/b", b"bb", replaces=True)]
    )
    assert result.arrived == ()
    assert set(reasons(result)) == {b"n/a", b"n/b"}


def test_a_file_too_large_for_the_destination_does_not_stop_the_others(pair: Pair, tmp_path: Path) -> None:
    """Status 11 ends the session at one file; the others are sent without it."""
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))"
    others = [pair.write(b"n/%d" % number, b"small") for number in range(5)]
    large = pair.write(b"n/0-large", b"x" * 1_000_000)
    result = _with_rsync(pair, tmp_path / "limited", f"{VERSION}{limit}\n{GO}").carry([large, *others])
    assert [one.item for one in result.arrived] == others
    assert "File too large" in reasons(result)[b"n/0-large"]
    assert pair.waits == []


def test_a_file_that_grows_under_the_copy_did_not_arrive(pair: Pair) -> None:
    """rsync ends with 0 while the source has more than it sent (facts/peers.md, F9)."""
    item, fine = pair.write(b"n/a", os.urandom(3_000_000)), pair.write(b"n/b", b"b")

    def grow() -> None:
        wait_until(lambda: _begun(pair))
        with (pair.source.root / "n/a").open("ab") as stream:
            stream.write(b"more")

    with meanwhile(grow):
        result = pair.carry([item, fine], options=SLOWLY)
    assert [one.item for one in result.arrived] == [fine]
    assert "changed while it was copied" in reasons(result)[b"n/a"]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("rsync  version 3.5.0  protocol version 32", (3, 5, 0)),
        ("rsync  version v3.2.7  protocol version 31", (3, 2, 7)),
        ("openrsync: protocol version 29\\nrsync version 2.6.9 compatible", (2, 6, 9)),
        ("something else", None),
    ],
)
def test_the_version_is_asked_of_the_program_that_will_be_called(
    tmp_path: Path, said: str, version: tuple[int, ...] | None
) -> None:
    """As rsync_path says, and the old macOS one is known for what it is."""
    program = tmp_path / "other rsync"
    program.write_text(f"#!/bin/sh\nprintf '{said}\\n'\n")
    program.chmod(0o755)
    access = HostAccess("here", "here", is_local=True, rsync_path=f"'{program}'")
    assert rsync_version(LocalEndpoint(access), access) == version
    assert rsync_version(LocalEndpoint(access), HostAccess("here", "here", True, rsync_path="no-such-rsync")) is None


@pytest.mark.parametrize("missing", ["look", "hash"])
def test_what_was_set_aside_survives_a_second_try(pair: Pair, missing: str) -> None:
    """The new file was in place, but nobody could tell, so it was sent again: the old one stays where it was put."""
    item = pair.write(b"n/frame", b"new", replaces=True)
    pair.put(pair.destination, b"n/frame", b"old")

    class Blind(LocalEndpoint):
        """Cannot be looked at once, after a session that ended badly although all had arrived."""

        looks = 0

        def run(self, argv: Sequence[bytes], *rest: Any, **more: Any) -> Completed:
            """Run it, and call the first rsync's end a lost connection."""
            completed = super().run(argv, *rest, **more)
            if b"--files-from=-" in argv and not self.looks:
                return replace(completed, status=12)
            return completed

        def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
            """Fail the first time."""
            self.looks += 1
            if self.looks == 1 and missing == "look":
                raise HostUnreachable(self.name, "the line is down")
            return super().differing(root, promises)

        def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
            """Fail the first time."""
            if self.looks == 1 and missing == "hash":
                return iter([Hashed(path, None, "Input/output error") for path in paths])
            return super().hash(root, paths)

    destination = replace(pair.destination, endpoint=Blind(pair.destination.access))
    result = replace(pair, destination=destination).carry([item])
    assert [one.item for one in result.arrived] == [item]
    kept = pair.destination.root.glob(".nightferry/replaced/*/n/frame")
    assert sorted(path.read_bytes() for path in kept) == [b"new", b"old"]
