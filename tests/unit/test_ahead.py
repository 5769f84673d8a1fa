"""Programs that are begun before their input is known."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.endpoints.local import LocalEndpoint
from syncer.transfer.ahead import Ahead
from tests.transfers import wait_until

HERE = LocalEndpoint(HostAccess("here", "here", is_local=True))


def answering(folder: Path) -> list[bytes]:
    """Return a program that notes each of its starts, and then says what it was told."""
    return [b"sh", b"-c", b'echo $$ >> "$0"; exec cat', os.fsencode(folder / "started")]


def starts(folder: Path) -> list[int]:
    """Return the process ids of its starts."""
    note = folder / "started"
    return [int(line) for line in note.read_text().split()] if note.exists() else []


def ran(ahead: Ahead, argv: list[bytes], told: bytes) -> bytes:
    """Run a program and return what it said."""
    said: list[bytes] = []
    assert ahead.run(HERE, argv, [told], 20.0, said.append).status == 0
    return b"".join(said)


def test_the_program_that_was_begun_is_the_one_that_is_told(tmp_path: Path) -> None:
    """It serves one run; the next one has its own."""
    argv = answering(tmp_path)
    with Ahead() as ahead:
        ahead.begin(argv)
        assert wait_until(lambda: len(starts(tmp_path)) == 1)
        assert ran(ahead, argv, b"first") == b"first"
        assert len(starts(tmp_path)) == 1
        assert ran(ahead, argv, b"second") == b"second"
        assert len(starts(tmp_path)) == 2


def test_another_program_is_not_taken_for_it(tmp_path: Path) -> None:
    """Its words must be just the same."""
    with Ahead() as ahead:
        ahead.begin(answering(tmp_path))
        assert ran(ahead, [b"sh", b"-c", b"cat; echo other"], b"told ") == b"told other\n"


def test_what_nobody_took_is_ended(tmp_path: Path) -> None:
    """A plan may come to nothing; its programs do not stay."""
    ahead = Ahead()
    ahead.begin(answering(tmp_path))
    assert wait_until(lambda: len(starts(tmp_path)) == 1)
    began_s = time.monotonic()
    ahead.close()
    ahead.close()
    with pytest.raises(ProcessLookupError):
        os.kill(starts(tmp_path)[0], 0)
    assert time.monotonic() - began_s < 3


def test_what_cannot_be_started_is_told_to_whoever_runs_it() -> None:
    """Not before: it may never be needed."""
    argv = [b"/nonexistent/program"]
    with Ahead() as ahead:
        ahead.begin(argv)
        assert ahead.run(HERE, argv, [b""], 20.0, lambda said: None).status == 127
