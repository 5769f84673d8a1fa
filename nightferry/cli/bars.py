"""Progress bars on a terminal: one per hop, with rate and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from observatory.spec.chain import Hop
from syncer.transfer.contract import Progress as Done

Pause = Callable[[], AbstractContextManager[None]]
"""Gives a context during which nothing is drawn: bars that move would wipe a question away."""


@contextmanager
def hop_bars() -> Iterator[tuple[Callable[[Hop, Done], None], Pause]]:
    """Draw on standard error while the context lasts."""
    bars, listener = bars_of_hops(Console(stderr=True))
    with bars:
        yield listener, lambda: paused(bars)


@contextmanager
def paused(bars: Progress | Live) -> Iterator[None]:
    """Draw nothing while the context lasts."""
    bars.stop()
    try:
        yield
    finally:
        bars.start()


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show on standard error that something is waited for while the context lasts; nothing of it stays."""
    with Console(stderr=True).status(words):
        yield


def bars_of_hops(console: Console) -> tuple[Progress, Callable[[Hop, Done], None]]:
    """Return bars that are not drawn yet, and what tells them how far each hop is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[files]}"),
    )
    tasks: dict[str, TaskID] = {}
    bars = Progress(*columns, console=console)

    def listener(hop: Hop, done: Done) -> None:
        name = f"{hop.instrument.instrument} {hop.key}"
        if name not in tasks:
            tasks[name] = bars.add_task(name, total=done.total_bytes, files="")
        files = f"{done.done_files}/{done.total_files} files"
        bars.update(tasks[name], completed=done.done_bytes, total=done.total_bytes, files=files)

    return bars, listener


@contextmanager
def file_counts() -> Iterator[Callable[[Hop, int], None]]:
    """Count files that were read, on standard error, while the context lasts."""
    with _counts("files read") as (bars, task_of):

        def listener(hop: Hop, files: int) -> None:
            bars.update(task_of(f"{hop.instrument.instrument} {hop.key}"), completed=files)

        yield listener


@contextmanager
def named_counts(words: str) -> Iterator[Callable[[str, int], None]]:
    """Count files by whatever name, on standard error, while the context lasts; each call adds to its name's count."""
    with _counts(words) as (bars, task_of):

        def listener(name: str, files: int) -> None:
            bars.advance(task_of(name), files)

        yield listener


@contextmanager
def _counts(words: str) -> Iterator[tuple[Progress, Callable[[str], TaskID]]]:
    columns = (TextColumn("{task.description}"), SpinnerColumn(), TextColumn("{task.completed:.0f} " + words))
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:

        def task_of(name: str) -> TaskID:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=None)
            return tasks[name]

        yield bars, task_of


@contextmanager
def phase_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Draw one bar for each phase of a job over files, on standard error, while the context lasts."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def listener(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield listener
