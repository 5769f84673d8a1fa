"""Where a flow is played: a folder that is made once, put back before every play, and asked by commands.

Every command runs in a forked child, so that nothing of one play is left in the next: no thread, no connection, no
open database. Leaves to layer.py what befalls the one command that is struck, and to the flows what they do.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import multiprocessing
import os
import pickle
import pkgutil
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import typer.main

from nightferry.cli.main import main
from tests.crash.layer import LIFELESS, end_with_parent, speak_into
from tests.faults.stage import Stage
from tests.hosts import SSHD, answers, need
from tests.observatory import Answer, tree

T = TypeVar("T")
PACKAGES = ("observatory", "catalogue", "syncer", "verifier", "converters", "reports", "nightferry")
NOT_LOADED = ("__main__", "dask_crew", "ends.program", "ends.receiver", "ends.sender")
"""Programs that are sent elsewhere, and what needs a cluster."""
HOSTS = "hosts"
"""The folder of a scene's SSH hosts, each with its keys, its configuration and its root."""
Trees = dict[str, str]
Check = Callable[[], None]


def nothing() -> None:
    """Ask no more than what is asked of every flow."""


TEMPORARY = re.compile(r"\..*[0-9a-f]{32}\Z")
"""Ends in 32 letters after a dot: the name under which we write a file or a folder beside its place."""


def temporary(path: Path) -> bool:
    """Let no file lie there that neither the state before nor the one after knows, but under a temporary name."""
    return any(TEMPORARY.match(part) for part in path.parts)


def unexcused(said: str) -> bool:
    """Let nothing excuse it."""
    return False


def warm() -> None:
    """Load everything and build the command line once: every child then has it by being forked."""
    load()
    typer.main.get_command = functools.cache(typer.main.get_command)
    with contextlib.redirect_stdout(io.StringIO()):
        main(["--version"])
    gc.freeze()


def load() -> None:
    """Load every module, so that a forked child finds it loaded."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith(NOT_LOADED) and "migrations" not in module.name:
                importlib.import_module(module.name)
    for name in ("astropy.io.fits", "sqlalchemy.dialects.sqlite", "alembic.command"):
        importlib.import_module(name)


def command(config: Path, words: Sequence[str]) -> Callable[[], int]:
    """Return the work that a command line does in a forked child."""

    def work() -> int:
        # workers of steps are forked from here, where everything is loaded, instead of from a server of their own,
        # which takes a second to start
        plain = multiprocessing.get_context("fork")
        multiprocessing.get_context = lambda method=None: plain  # type: ignore[assignment]
        with answering(config.parent):
            return main(["--config", str(config), *words])

    return work


@contextlib.contextmanager
def answering(folder: Path) -> Iterator[None]:
    """Let the SSH hosts of a scene answer meanwhile: below the layer, what they run is a part of the flow."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for path in sorted((folder / HOSTS).glob("*/sshd_config")):
            settings = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
            sshd = subprocess.Popen(
                [need(SSHD, "sshd"), "-D", "-e", "-f", str(path), "-o", "PidFile=none"],
                stderr=subprocess.DEVNULL,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - who starts it is a forked child without threads
            )
            started.append(sshd)
            assert answers(settings["ListenAddress"], int(settings["Port"]), sshd), "sshd did not start"
        yield
    finally:
        for sshd in started:
            sshd.terminate()
        for sshd in started:
            sshd.wait()


def ask(config: Path, words: Sequence[str]) -> Answer:
    """Call the command line in a forked child; a traceback is never an answer."""
    place = config.parent.parent / f"asked-{os.getpid()}"
    child = os.fork()
    if child == 0:
        status = LIFELESS
        try:
            speak_into(place.with_suffix(".out"), place.with_suffix(".err"))
            status = command(config, words)()
        finally:
            _leave(status)
    _, ended = os.waitpid(child, 0)
    out, err = (place.with_suffix(ending).read_text(errors="replace") for ending in (".out", ".err"))
    assert "Traceback" not in err, err
    return Answer(os.waitstatus_to_exitcode(ended), out, err)


def _leave(status: int) -> None:
    if sys.exc_info()[0] is not None:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def aside(work: Callable[[], T]) -> T:
    """Do some work in a forked child and return what it returned; an assertion that fails there fails here."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        end_with_parent()
        answer: Any
        try:
            answer = (True, work())
        except AssertionError as error:
            answer = (False, str(error))
        except BaseException:  # noqa: BLE001 - the border of a process: whatever it was is told to who waits
            answer = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as line:
            pickle.dump(answer, line)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as line:
        # not until the line ends: a flow that was begun beside this one holds its other end as well
        is_well, answer = _answered(line)
    os.waitpid(child, 0)
    assert is_well, answer
    returned: T = answer
    return returned


def _answered(line: BinaryIO) -> Any:
    try:
        return pickle.load(line)  # noqa: S301 - our own child
    except EOFError:
        return False, "the child died"


class QuietStage(Stage):
    """The stage of the battery, asked in forked children."""

    def call(self, *words: str) -> Answer:
        """Call the command line."""
        return ask(self.config, words)


@dataclass
class Scene:
    """A folder in which a flow plays, and what is asked of it.

    Attributes
    ----------
    folder : Path
        All that the flow may change, with the configuration in ``config/``.
    words : sequence of str
        The command that is struck.
    roots : sequence of Path
        Folders of final names: each holds its old or its right new contents.
    again : sequence of str or None
        The next command; None: the same.
    between : callable
        Whether a file may lie at a name that is neither old nor new: what one step makes for the next.
    excused : callable
        Whether what a command says excuses that it ends with 0 and has not done all of it.
    syncs_first : bool
        A file is on disk before it gets its final name. rsync names first, and its batch is synced before it counts.
    sealed, ends_well : callable
        Asserts more: after the blow, and after the next run.
    prepared : callable
        Changes something between the blow and the next run, as a person would.
    renewed : callable
        Makes anew what does not survive being put back: proofs hang on inodes.
    expected, expected_again : int
        Exit status of the undisturbed command, and of the next.
    """

    folder: Path
    words: Sequence[str]
    roots: Sequence[Path]
    again: Sequence[str] | None = None
    between: Callable[[Path], bool] = temporary
    excused: Callable[[str], bool] = unexcused
    syncs_first: bool = True
    sealed: Check = nothing
    ends_well: Check = nothing
    prepared: Check = nothing
    renewed: Check = nothing
    expected: int = 0
    expected_again: int = 0

    @property
    def config(self) -> Path:
        """The configuration's folder."""
        return self.folder / "config"

    def call(self, *words: str) -> Answer:
        """Call the command line."""
        return ask(self.config, words)

    def keep(self) -> None:
        """Keep everything as it is now."""
        shutil.rmtree(self._kept, ignore_errors=True)
        _copy(self.folder, self._kept)

    def put_back(self) -> None:
        """Put everything back as it was when it was kept."""
        shutil.rmtree(self.folder)
        _copy(self._kept, self.folder)
        self.renewed()

    @property
    def _kept(self) -> Path:
        return self.folder.parent / "kept"

    def trees(self) -> list[Trees]:
        """Return the files at final names, by root."""
        return [tree(root) for root in self.roots]


def _copy(source: Path, destination: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(destination)], check=True)
