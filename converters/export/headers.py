"""The header map: which telemetry stands in which card, and what its value is for each frame.

Declared in the instrument's YAML (section.py). Pure: the telemetry is handed in as series of times and values. A value
that cannot be told is absent; it is never a guess and never a text that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from converters.export.frames import Instants
from converters.export.section import ExportSection, HeaderModel

Value = str | bool | int | float
"""What a card can hold."""
Column = Sequence[Value | None]
"""A card's value for each frame; None where it is absent."""

_HALF_TURN, _FULL_TURN = 180.0, 360.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One card: where its value comes from and how it is told.

    Attributes
    ----------
    device, kind, field : str
        Of the telemetry.
    keyword : str
        As astropy takes it: ``HIERARCH camsci1 FPS`` where it does not fit a standard card.
    when : {"state", "interpolated", "angle"}
    comment : str
    """

    device: str
    kind: str
    field: str
    keyword: str
    when: Literal["state", "interpolated", "angle"]
    comment: str


def rules_of(section: ExportSection, camera: str) -> tuple[Rule, ...]:
    """Return the cards of a camera's header in their order, each keyword once: what comes later counts."""
    header = section.headers.get(camera) or section.headers.get("default") or HeaderModel()
    rules: dict[str, Rule] = {}
    for device, kind, field in _fields(section, header, camera):
        card = section.records[kind][field]
        keyword = f"{device} {card.keyword}" if card.per_device else card.keyword
        is_long = len(keyword) > 8 or " " in keyword
        name = f"HIERARCH {keyword}" if is_long else keyword
        rules[name.upper()] = Rule(device, kind, field, name, card.when, card.comment or "")
    return tuple(rules.values())


def _fields(section: ExportSection, header: HeaderModel, camera: str) -> Iterator[tuple[str, str, str]]:
    for name in header.include:
        yield from _fields(section, section.lists[name], camera)
    for device, kinds in header.devices.items():
        for kind, fields in kinds.items():
            for field in fields:
                yield device.replace("{camera}", camera), kind, field


@dataclass(frozen=True, slots=True)
class Series:
    """One field of one device's records.

    Attributes
    ----------
    times_ns : array of int64
        Ascending.
    values : sequence
        One for each; None where a record does not have the field.
    """

    times_ns: Instants
    values: Sequence[Value | None]


class Telemetry(Protocol):
    """Whatever can give the series of a field."""

    def series(self, device: str, kind: str, field: str) -> Series:
        """Return what is known around the frames; empty where nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class Exposures:
    """When each frame was exposed.

    Attributes
    ----------
    begin_ns : array of int64
        -1 where the exposure time is not known.
    end_ns : array of int64
        The acquisition.
    """

    begin_ns: Instants
    end_ns: Instants

    @property
    def middle_ns(self) -> Instants:
        """The middle of each exposure; where its length is not known the acquisition stands for it."""
        return np.where(self.begin_ns >= 0, (self.begin_ns + self.end_ns) // 2, self.end_ns)

    @property
    def known_begin_ns(self) -> Instants:
        """The beginning of each exposure; where its length is not known the acquisition stands for it."""
        return np.where(self.begin_ns >= 0, self.begin_ns, self.end_ns)


def exposures(end_ns: Instants, exposure_times_s: Series, gap_ns: int) -> Exposures:
    """Return the exposures that ended with each acquisition, by the nearest earlier word on their length.

    Parameters
    ----------
    end_ns : array of int64
        Acquisition times, nanoseconds.
    exposure_times_s : Series
        The camera's exposure time, seconds.
    gap_ns : int
        How far away a record may be.
    """
    begin = np.full(end_ns.shape, -1, np.int64)
    places = np.searchsorted(exposure_times_s.times_ns, end_ns, side="right") - 1
    for index, place in enumerate(places):
        if place < 0 or end_ns[index] - exposure_times_s.times_ns[place] > gap_ns:
            continue
        length = exposure_times_s.values[place]
        if isinstance(length, (int, float)) and not isinstance(length, bool) and 0 <= length < 86400:
            begin[index] = end_ns[index] - round(length * 1e9)
    return Exposures(begin, end_ns)


def columns(rules: Sequence[Rule], telemetry: Telemetry, exposed: Exposures, gap_ns: int) -> Mapping[Rule, Column]:
    """Return the value of each card for each frame."""
    return {
        rule: _column(rule, telemetry.series(rule.device, rule.kind, rule.field), exposed, gap_ns) for rule in rules
    }


def _column(rule: Rule, series: Series, exposed: Exposures, gap_ns: int) -> Column:
    if not len(series.times_ns):
        return [None] * len(exposed.end_ns)
    if rule.when == "state":
        return _states(series, exposed, gap_ns)
    return _between(series, exposed.middle_ns, gap_ns, is_angle=rule.when == "angle")


def _states(series: Series, exposed: Exposures, gap_ns: int) -> Column:
    """Give what held when each exposure began, unless it changed before the acquisition."""
    begins, values = exposed.known_begin_ns, series.values
    firsts = np.searchsorted(series.times_ns, begins, side="right") - 1
    lasts = np.searchsorted(series.times_ns, exposed.end_ns, side="right") - 1
    runs = np.cumsum([False, *(values[place] != values[place - 1] for place in range(1, len(values)))])
    is_told = (firsts >= 0) & (begins - series.times_ns[np.maximum(firsts, 0)] <= gap_ns)
    is_told &= runs[np.maximum(firsts, 0)] == runs[np.maximum(lasts, 0)]
    return [
        _fit(values[first]) if told else None for first, told in zip(firsts.tolist(), is_told.tolist(), strict=True)
    ]


def _between(series: Series, instants: Instants, gap_ns: int, *, is_angle: bool) -> Column:
    """Interpolate between the records around each instant; both must be near and numbers."""
    times, numbers = _numbers(series)
    if not len(times):
        return [None] * len(instants)
    after = np.searchsorted(times, instants, side="left")
    before = np.where(times[np.minimum(after, len(times) - 1)] == instants, after, after - 1)
    is_told = (before >= 0) & (after < len(times))
    low, high = np.clip(before, 0, None), np.clip(after, None, len(times) - 1)
    is_told &= (instants - times[low] <= gap_ns) & (times[high] - instants <= gap_ns)
    spans = (times[high] - times[low]).astype(float)
    weights = np.divide((instants - times[low]).astype(float), spans, out=np.zeros(len(spans)), where=spans > 0)
    steps = numbers[high] - numbers[low]
    if is_angle:
        steps = (steps + _HALF_TURN) % _FULL_TURN - _HALF_TURN
    told = numbers[low] + weights * steps
    if is_angle:
        told = _like(told, numbers)
    return [value if near and np.isfinite(value) else None for value, near in zip(told.tolist(), is_told, strict=True)]


def _like(angles: NDArray[np.float64], written: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring angles into the turn in which the telemetry writes them: from -180, or from 0 degrees."""
    if np.nanmin(written) < 0:
        return (angles + _HALF_TURN) % _FULL_TURN - _HALF_TURN
    return angles % _FULL_TURN


def _numbers(series: Series) -> tuple[Instants, NDArray[np.float64]]:
    """Return the records that hold a number, and the numbers."""
    kept = [
        (place, float(value))
        for place, value in enumerate(series.values)
        if isinstance(value, (int, float)) and np.isfinite(value)
    ]
    places = np.array([place for place, _ in kept], np.int64)
    return series.times_ns[places], np.array([number for _, number in kept], np.float64)


def _fit(value: Value | None) -> Value | None:
    """Return a value that FITS can hold: no NaN, no infinity."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
