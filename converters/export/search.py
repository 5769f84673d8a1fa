"""Observations found in the telemetry below some data roots, and how far that telemetry reaches.

Reading is converters/telemetry's, what an observation is observations.py's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters.export.observations import Observation, ObserverRecord, ObserverState, observations
from converters.stamps import NS_PER_S
from converters.telemetry import Series, check_roots, devices, read_series
from observatory.errors import CouldNotTell

EVENT = "telem_observer"
"""The event that tells who observes what."""
_LONGER_NS = 2 * 86400 * NS_PER_S
"""How far beyond the end of what is asked the telemetry is read: an observation ends within two days."""


class NoObservers(CouldNotTell):
    """There is no telemetry that could tell of observations."""

    def __init__(self, device: str, roots: Sequence[Path], is_kept: bool) -> None:
        named = ", ".join(str(root) for root in roots)
        when = "that begins in or before this time " if is_kept else ""
        remedy = "" if is_kept else " Name the root of the computer that keeps it with -X."
        super().__init__(
            f"no telemetry of {device} {when}below {named}: whether there were observations cannot be told.{remedy}"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What the telemetry tells.

    Attributes
    ----------
    observations : tuple of Observation
        All, in the order of their beginnings; those asked for among them.
    reach_ns : int or None
        The last record; None where there is none in the time.
    records : int
        How many there are in the time that was asked for.
    troubles : tuple of str
        What could not be read, or not be believed: near it observations may be missing.
    """

    observations: tuple[Observation, ...]
    reach_ns: int | None
    records: int
    troubles: tuple[str, ...]


def search(roots: Sequence[Path], device: str, begin_ns: int | None, end_ns: int | None) -> Found:
    """Find observations.

    Parameters
    ----------
    roots : sequence of Path
        All are merged into one; each must prove that it is a root.
    device : str
        Whose telemetry tells it.
    begin_ns, end_ns : int or None
        Unix nanoseconds. What began before is found too, where the last file before the time holds it.

    Raises
    ------
    RootNotProven
        A root cannot be listed, or holds no data of any kind: its disk may not be mounted.
    NoObservers
        There is no such telemetry at all.
    """
    check_roots(roots)
    series = read_series(roots, device, EVENT, begin_ns, None if end_ns is None else end_ns + _LONGER_NS)
    if not series.files and not series.unreadable:
        raise NoObservers(device, roots, device in devices(roots))
    times = series.times_ns
    reach = int(times[-1]) if times.size else None
    is_within = (times >= (begin_ns or 0)) & ((times <= end_ns) if end_ns is not None else np.True_)
    return Found(tuple(observations(records(series))), reach, int(is_within.sum()), tuple(_troubles(series)))


def records(series: Series) -> Iterator[ObserverRecord]:
    """Yield the first and the last record of each run that says the same: nothing else can be an edge."""
    firsts = series.edges()
    lasts = np.append(firsts[1:], len(series)) - 1
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        said = series.message(first)
        state = ObserverState(
            email=said.get("email") or "",
            title=said.get("obsName") or "",
            target=said.get("tgt_name") or "",
            is_observing=bool(said.get("observing")),
        )
        yield ObserverRecord(int(series.times_ns[first]), state)
        if last > first:
            yield ObserverRecord(int(series.times_ns[last]), state)


def _troubles(series: Series) -> Iterator[str]:
    yield from series.unreadable
    for damage in series.damage:
        yield f"{damage.path}: {damage.span.length} bytes from {damage.span.offset} on: {damage.span.reason}"
    if series.malformed:
        yield f"{series.malformed} records of {series.device} say nothing that can be read"
