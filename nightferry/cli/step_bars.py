"""Progress bars of ``convert`` on a terminal: one per night and step, with the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from converters.night import StepProgress


@contextmanager
def step_bars() -> Iterator[Callable[[StepProgress], None]]:
    """Draw on standard error while the context lasts; the bars of a night go when the next one begins."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[tuple[str, str, str], TaskID] = {}
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def listener(step: StepProgress) -> None:
            key = (step.instrument, f"{step.night:%Y%m%d}", step.step)
            for old in [other for other in tasks if other[:2] != key[:2]]:
                bars.remove_task(tasks.pop(old))
            if key not in tasks:
                tasks[key] = bars.add_task(" ".join(key), total=step.tasks)
            bars.update(tasks[key], completed=step.ended, total=step.tasks)

        yield listener
