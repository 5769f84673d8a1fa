"""What is struck: each flow that writes, from its making to what must be true of it whatever befell.

A flow is a stage of the battery with work to do, and the program that does it. Leaves the striking to points.py.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.points import Point, counted, counting, striking
from tests.faults.stage import MAIL_FOLDER, Stage
from tests.hosts import Host
from tests.observatory import fits_file, ours, tree

TIME_S = 120.0
PRODUCT = ".twice"
"""Ends the names of what the step of `conversion` makes."""


@dataclass(frozen=True)
class Flow:
    """One flow.

    Attributes
    ----------
    name : str
    make : callable
        Gives a stage something to do.
    words : tuple of str
        The command that does it.
    is_far : bool
        The rsync at the archive is struck instead of our own process.
    frees : bool
        It may take from the source what the archive holds.
    ends_well : callable
        Asserts what the next, undisturbed run must have made of it.
    sealed : callable
        Asserts what must be true before that.
    """

    name: str
    make: Callable[[Stage], None]
    words: tuple[str, ...]
    ends_well: Callable[[Stage], None]
    sealed: Callable[[Stage], None]
    is_far: bool = False
    frees: bool = False


@dataclass
class Try:
    """One stage on which a flow is struck.

    Attributes
    ----------
    before : pair of trees
        Source and destination as they were.
    """

    flow: Flow
    stage: Stage
    before: tuple[dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}))

    def prepare(self) -> None:
        """Set the stage."""
        self.flow.make(self.stage)
        self.before = (tree(self.stage.source), tree(self.stage.destination))

    def count(self) -> dict[str, int]:
        """Run undisturbed, and count the calls."""
        log = self.stage.folder / "calls"
        self._run(counting(log))
        return counted(log)

    def strike(self, point: Point) -> str:
        """Let one point befall the flow; return what it said."""
        ended = self._run(striking(point))
        assert "Traceback" not in ended.stderr, f"{point}: {ended.stderr}"
        assert ended.returncode in (0, 1, 3, 4, -9, 137), f"{point}: exit {ended.returncode}: {ended.stderr}"
        return ended.stderr

    def judge(self) -> None:
        """Assert that nothing is half there, and that the next run ends as an undisturbed one does."""
        source, destination = self.before
        now = tree(self.stage.source)
        assert now == source or (self.flow.frees and now.items() <= source.items()), "an original was changed"
        for name, digest in tree(self.stage.destination).items():
            assert name.endswith(PRODUCT) or digest in (destination.get(name), source.get(name)), (
                f"{name} is half there"
            )
        self.flow.sealed(self.stage)
        self._release()
        self.flow.ends_well(self.stage)

    def _run(self, before: Sequence[str]) -> subprocess.CompletedProcess[str]:
        words = self.stage.command(*self.flow.words)
        if self.flow.is_far:
            self._strike_far_rsync(before)
        else:
            words = [*before, *words]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            words, capture_output=True, text=True, timeout=TIME_S, check=False, env=environment, errors="replace"
        )

    def _strike_far_rsync(self, before: Sequence[str]) -> None:
        """Put a program in the place of the archive's rsync; asked for its version it tells it."""
        program = self.stage.folder / "rsync"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *--version*) exec rsync "$@";; esac\nexec {shlex.join(before)} rsync "$@"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        host = self.stage.ends[1]
        assert isinstance(host, Host)
        self.stage.change_host(host.name, rsync_path=str(program))

    def _release(self) -> None:
        """Take the program away again; a lock of a killed run is void, as its process is dead on this machine."""
        host = self.stage.ends[1]
        if self.flow.is_far and isinstance(host, Host):
            self.stage.change_host(host.name, rsync_path="rsync")


# ---- the flows


def work_to_do(stage: Stage) -> None:
    """Leave two frames missing, one older version, one cut short, and something to sweep."""
    stage.there(0).unlink()
    stage.there(1).unlink()
    stage.put(stage.ends[1], stage.frames[2], fits_file(50, seed=77), age_s=5e5)
    stage.put(stage.ends[1], stage.frames[3], b"short", age_s=5e5)
    left = stage.destination / ".nightferry" / "tmp"
    left.mkdir()
    (left / "of-a-dead-run").write_bytes(b"x")


def local_run(stage: Stage) -> None:
    """Have a nightly run on this machine, mail included."""
    stage.set_up(copies=[stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer={"sessions": 1})])
    stage.write_site(mail=MAIL_FOLDER)
    assert stage.call("status").status == 0  # the ledger is there: its making is a flow of its own
    work_to_do(stage)


def first_run(stage: Stage) -> None:
    """Have the very first run, that makes the ledger too."""
    stage.set_up()
    work_to_do(stage)


def over_ssh(engine: str) -> Callable[[Stage], None]:
    """Have a sync to another machine by an engine."""

    def make(stage: Stage) -> None:
        transfer = {"engine": engine, "sessions": 1}
        stage.use(stage.ends[0], stage.far()[1])
        stage.set_up(copies=[stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer=transfer)])
        work_to_do(stage)

    return make


def pipe_from_afar(stage: Stage) -> None:
    """Have a sync from another machine by the pipe: what receives runs here, as a program of its own."""
    stage.use(stage.far()[0], stage.ends[1])
    transfer = {"engine": "pipe", "sessions": 1}
    stage.set_up(copies=[stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer=transfer)])
    work_to_do(stage)


def proven_and_due(stage: Stage) -> None:
    """Have frames at the telescope that may be freed: each is proven on the archive by hash."""
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.set_up(copies=[stage.copy(end) for end in stage.ends], retention=retention)
    assert stage.call("verify", "--level", "checksum").status == 0


def nothing_was_lost(stage: Stage) -> None:
    """Each frame is whole on the archive."""
    there = tree(stage.destination)
    assert set(stage.frames) <= there.keys()


def freed_after_prune(stage: Stage) -> None:
    """Prune again: all that may go has gone, the archive has it all, and verify finds nothing amiss."""
    answer = stage.call("prune", "--yes", "--json")
    assert answer.status == 0, answer
    assert not tree(stage.source), tree(stage.source)
    nothing_was_lost(stage)
    assert stage.call("verify").status == 0


def conversion(stage: Stage) -> None:
    """Have a step that makes a product of each frame on the archive."""
    run = [sys.executable, "-c", "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read() * 2)"]
    step = {
        "step": "command",
        "run": [*run, "{input}", f"{{input}}{PRODUCT}"],
        "inputs": ["*.fits"],
        "outputs": [f"{{input}}{PRODUCT}"],
    }
    copies = [stage.copy(end) for end in stage.ends]
    stage.set_up(copies=copies, convert={"steps": [step | {"copy": stage.ends[1]}]})


def whole_after_sync(stage: Stage) -> None:
    """Sync again: both sides are alike, what was replaced is kept, nothing of ours is left over."""
    answer = stage.call("sync", "--json")
    assert answer.status == 0, answer
    stage.is_whole()


def whole_after_run(stage: Stage) -> None:
    """Run again: the same, and a mail of it was written whole."""
    answer = stage.call("run", "--mail")
    assert answer.status == 0, answer
    stage.is_whole()
    assert stage.call("report").status == 0
    letters = list((stage.config / "mail").iterdir())
    assert letters and all(path.read_bytes().startswith(b"Subject:") for path in letters if path.suffix == ".eml")
    assert not list((stage.state / "spool").glob("*.mail"))


def old_version_is_kept(stage: Stage) -> None:
    """Bytes that were replaced are set aside, or still there: never gone."""
    held = {(stage.destination / ".nightferry" / path).read_bytes() for path in ours(stage.destination)}
    held |= {path.read_bytes() for path in stage.destination.rglob("*.fits") if path.is_file()}
    assert fits_file(50, seed=77) in held, "the older version is gone"


def products_are_whole(stage: Stage) -> None:
    """A product that bears its name is whole."""
    for path in stage.there().parent.glob(f"*{PRODUCT}"):
        original = path.with_suffix("")
        assert path.read_bytes() == original.read_bytes() * 2, f"{path.name} is half there"


def products_after_convert(stage: Stage) -> None:
    """Convert again: each frame has its product, and nothing else is there."""
    answer = stage.call("convert")
    assert answer.status == 0, answer
    products_are_whole(stage)
    names = {path.name for path in stage.there().parent.iterdir()}
    frames = {Path(name).name for name in stage.frames}
    assert names == frames | {f"{name}{PRODUCT}" for name in frames}


FLOWS = (
    Flow("a nightly run on this machine", local_run, ("run", "--mail"), whole_after_run, old_version_is_kept),
    Flow("the very first sync, with a new ledger", first_run, ("sync",), whole_after_sync, old_version_is_kept),
    Flow("rsync to another machine", over_ssh("rsync"), ("sync",), whole_after_sync, old_version_is_kept),
    Flow("the rsync at the far end", over_ssh("rsync"), ("sync",), whole_after_sync, old_version_is_kept, is_far=True),
    Flow("sftp to another machine", over_ssh("sftp"), ("sync",), whole_after_sync, old_version_is_kept),
    Flow("the pipe from another machine", pipe_from_afar, ("sync",), whole_after_sync, old_version_is_kept),
    Flow("prune", proven_and_due, ("prune", "--yes"), freed_after_prune, nothing_was_lost, frees=True),
    Flow("a step of convert", conversion, ("convert",), products_after_convert, products_are_whole),
)
