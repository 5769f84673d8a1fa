"""Progress bars of steps on a terminal: one per night and step, with the time left; in `run` below those of hops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from converters.night import StepProgress

if TYPE_CHECKING:
    from nightferry.cli.bars import Pause
    from observatory.spec.chain import Hop
    from syncer.transfer.contract import Progress as Done


@contextmanager
def step_bars() -> Iterator[Callable[[StepProgress], None]]:
    """Draw on standard error while the context lasts; the bars of a night go when the next one begins."""
    bars, listener = _bars_of_steps(Console(stderr=True))
    with bars:
        yield listener


@contextmanager
def night_bars() -> Iterator[tuple[Callable[[Hop, Done], None], Callable[[StepProgress], None], Pause]]:
    """Draw what hops move and what steps make, one below the other, while the context lasts."""
    from nightferry.cli.bars import bars_of_hops, paused

    console = Console(stderr=True)
    hops, of_hops = bars_of_hops(console)
    steps, of_steps = _bars_of_steps(console)
    with Live(Group(hops, steps), console=console) as live:  # two displays of their own would draw over one another
        yield of_hops, of_steps, lambda: paused(live)


def _bars_of_steps(console: Console) -> tuple[Progress, Callable[[StepProgress], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[tuple[str, str, str], TaskID] = {}
    bars = Progress(*columns, console=console)

    def listener(step: StepProgress) -> None:
        key = (step.instrument, f"{step.night:%Y%m%d}", step.step)
        for old in [other for other in tasks if other[:2] != key[:2]]:
            bars.remove_task(tasks.pop(old))
        if key not in tasks:
            tasks[key] = bars.add_task(" ".join(key), total=step.tasks)
        bars.update(tasks[key], completed=step.ended, total=step.tasks)

    return bars, listener
