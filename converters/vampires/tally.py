"""Counts a night's frames by minute and kind, and judges the whole by its thresholds.

Where the plan is from, syncdeint.py says; how counts are shown, showing.py.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.vampires.cutting import Integers
from converters.vampires.plan import SYNC, Output, Plan
from converters.vampires.rules import as_text

_MINUTE_US = 60_000_000


@dataclass(slots=True)
class Minute:
    """What was exposed in one minute: objects, exposure times, and frames by kind."""

    objects: set[str] = field(default_factory=set)
    exposure_times: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a night is to be looked at; shares from 0 to 1."""

    least_paired: float
    most_dubious: float
    most_listed: float


@dataclass(frozen=True, slots=True)
class Tally:
    """A night's counts.

    Attributes
    ----------
    night : date
    minutes : mapping of datetime to Minute
        By the minute's beginning, UTC, ascending.
    untimed : Minute or None
        Frames without usable times.
    frames, triggered, paired, told, dubious, listed : int
        All; those exposed by the trigger while both cameras were; of these the paired ones; those whose FLC state was
        asked, and of these the dubious ones; and those in no cube.
    offsets : tuple of str
        What is to be said of offsets that are known up to whole periods only.
    """

    night: dt.date
    minutes: Mapping[dt.datetime, Minute]
    untimed: Minute | None
    frames: int
    triggered: int
    paired: int
    told: int
    dubious: int
    listed: int
    offsets: tuple[str, ...] = ()

    def reasons(self, thresholds: Thresholds) -> list[str]:
        """Return why a person should look; a night without pairs or FLC by intent is not a bad one."""
        limits = (
            (self.paired, self.triggered, "frames of both cameras are paired", thresholds.least_paired),
            (self.told - self.dubious, self.told, "FLC states are sure", 1 - thresholds.most_dubious),
            (self.frames - self.listed, self.frames, "frames are in a cube", 1 - thresholds.most_listed),
        )
        return [
            f"{part} of {whole} {words} ({part / whole:.1%}), at least {least:.1%} are wanted"
            for part, whole, words, least in limits
            if part < least * whole
        ]


def tally(plan: Plan, times: Mapping[int, Integers]) -> Tally:
    """Count a plan's frames; `times` holds those of every source that has a clock, in microseconds."""
    minutes: dict[int, Minute] = {}
    untimed = Minute()
    for output in plan.outputs:
        for minute, count, source in _minutes_of(output, times):
            into = untimed if minute is None else minutes.setdefault(minute, Minute())
            into.kinds[output.label] += count
            keys = plan.sources[source].keys
            into.objects.add(as_text(keys.get("OBJECT")) or "?")
            into.exposure_times.add(as_text(keys.get("EXPTIME")) or "?")
    told = [output for output in plan.outputs if output.state]
    return Tally(
        night=plan.night,
        minutes={_instant(minute): minutes[minute] for minute in sorted(minutes)},
        untimed=untimed if untimed.kinds else None,
        frames=sum(source.frames for source in plan.sources),
        triggered=_triggered(plan),
        paired=sum(output.frames for output in plan.outputs if output.kind == SYNC),
        told=sum(output.frames for output in told),
        dubious=sum(output.frames for output in told if output.state == "D"),
        listed=sum(one.run.count for one in plan.listed),
        offsets=tuple(plan.offsets()),
    )


def _minutes_of(output: Output, times: Mapping[int, Integers]) -> list[tuple[int | None, int, int]]:
    """Return minutes (since 1970), how many frames of the output are in each, and of which source."""
    found: list[tuple[int | None, int, int]] = []
    for run in output.runs:
        known = times.get(run.source)
        if known is None:
            found.append((None, run.count, run.source))
            continue
        taken = known[run.first : run.first + run.count * run.step : run.step] // _MINUTE_US
        for minute, count in zip(*np.unique(taken, return_counts=True), strict=True):
            found.append((int(minute), int(count), run.source))
    return found


def _triggered(plan: Plan) -> int:
    """Return how many frames stood a chance to be paired: those of the cubes that were put together."""
    numbers = {number for match in plan.matches for number in (*match.first, *match.second)}
    return sum(plan.sources[number].frames for number in numbers)


def _instant(minute: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC)


def labels_of(found: Tally) -> Sequence[str]:
    """Return every kind of frames of a night, paired ones first."""
    rows = [*found.minutes.values(), *([found.untimed] if found.untimed else [])]
    names = {name for row in rows for name in row.kinds}
    return sorted(names, key=lambda name: (not name.startswith(SYNC), name))
