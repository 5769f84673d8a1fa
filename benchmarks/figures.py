"""What the measures of steps share: figures, wishes, and an instrument to measure with. See pipeline.py."""

from __future__ import annotations

import datetime as dt
import statistics
from dataclasses import dataclass
from pathlib import Path

from observatory.listing import Scope, scope_of
from observatory.nights import NightClock
from observatory.spec.chain import Place
from observatory.spec.models import Instrument

NIGHT = dt.date(2025, 11, 6)


@dataclass(frozen=True)
class Figure:
    """What one measure found.

    Attributes
    ----------
    name : str
        What is done, and beside what.
    megabytes : float
        Of the inputs.
    ours_s, alone_s : list of float
        Wall-clock time, round by round.
    target : float or None
        At least so many times the speed of the tool alone.
    """

    name: str
    megabytes: float
    ours_s: list[float]
    alone_s: list[float]
    target: float | None

    @property
    def ratio(self) -> float:
        """How quick we are beside the tool alone; medians."""
        return statistics.median(self.alone_s) / statistics.median(self.ours_s)

    def line(self) -> str:
        """Return a line of the table."""
        speeds = [
            f"{self.megabytes / statistics.median(seconds):.0f}"
            f" ({self.megabytes / max(seconds):.0f} to {self.megabytes / min(seconds):.0f})"
            for seconds in (self.ours_s, self.alone_s)
        ]
        verdict = "" if self.target is None else f"≥ {self.target}: {_reached(self.ratio >= self.target)}"
        return f"| {self.name} | {speeds[0]} | {speeds[1]} | {self.ratio:.2f} | {verdict} |"


def _reached(is_reached: bool) -> str:
    return "reached" if is_reached else "**falls short**"


@dataclass(frozen=True)
class Wishes:
    """How much is measured."""

    rounds: int
    megabytes: int
    folder: Path
    large_gigabytes: float = 4.9


def instrument(**keys: object) -> Instrument:
    """Declare an instrument with one copy, here."""
    declared = {
        "instrument": "bench",
        "layout": "%Y%m%d",
        "cameras": {"bench": {"files": ["*.fits"]}},
        "copies": [{"host": "here", "root": "/data"}],
        "settle_s": 0,
    }
    return Instrument.model_validate(declared | keys)


def scope(root: Path) -> Scope:
    """Ask for the night."""
    declared = instrument()
    place = Place("here", "here", str(root), declared.layout, declared.copies[0])
    return scope_of(declared, place, declared.cameras, (NIGHT,), NightClock.from_spec("UTC", "12:00"))
