"""Decides what becomes of a night's frames: paired, told apart by FLC state, cut into cubes; pure, pixels unseen.

Cubes of one camera that follow one another unchanged are a stretch; stretches of two cameras that overlap are paired
as a whole, so that a pair across the edge of two cubes is none the worse. Reading the cubes is reading.py's.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.vampires.cutting import Integers, cut, runs_of
from converters.vampires.flc import LETTERS, agreed, flc_states
from converters.vampires.pairing import pair
from converters.vampires.periods import Choice, Known
from converters.vampires.plan import SOLO, SYNC, Listed, Match, Output, Plan, Run, Source
from converters.vampires.rules import Rules

_NO_FLC = 9
"""The state of a frame at which no FLC was at work."""
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Cube:
    """One cube as read.

    Attributes
    ----------
    source : Source
    times_us : ndarray of int64 or None
        Of its frames; None where there are no usable ones, and the source says why.
    is_damaged : bool
        The file is not whole: its frames cannot be copied, and are listed.
    counters : ndarray of int64 or None
        The frame grabber's, of its frames.
    """

    source: Source
    times_us: Integers | None
    is_damaged: bool = False
    counters: Integers | None = None


@dataclass(slots=True)
class _Row:
    """All frames of one camera that may be paired, in the order of their times; one element a frame."""

    camera: str
    source: Integers
    frame: Integers
    times_us: Integers
    counters: Integers
    stretch: Integers
    doubts: dict[int, str] = field(default_factory=dict)
    """Why cubes were left unpaired that might have been, by the cube's number."""
    partner: Integers = field(init=False)
    match: Integers = field(init=False)
    states: NDArray[np.int8] = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.times_us)
        self.partner = np.full(size, _NOWHERE, dtype=np.int64)
        self.match = np.full(size, _NOWHERE, dtype=np.int64)
        self.states = np.full(size, _NO_FLC, dtype=np.int8)


_Part = tuple[_Row, Integers]
"""Some frames of a row: their places in it."""


def make_plan(
    night: dt.date, cameras: Sequence[str], cubes: Sequence[Cube], rules: Rules, parameters: dict[str, Any]
) -> Plan:
    """Decide what becomes of a night's cubes.

    Parameters
    ----------
    night : date
    cameras : sequence of str
        Two names; or one, and then nothing is paired.
    cubes : sequence of Cube
        Of both cameras; their order is that of the plan's sources.
    rules : Rules
    parameters : dict
        The rules as the plan repeats them.

    Returns
    -------
    Plan
        Conserving; its outputs by time, camera and state.
    """
    made = _Night(cameras, cubes, rules)
    outputs = sorted(made.outputs(), key=lambda output: (output.start_us or 0, output.path))
    sources = tuple(cube.source for cube in cubes)
    plan = Plan(night, parameters, sources, made.matches, tuple(outputs), tuple(_listed(cubes)))
    plan.check()
    return plan


class _Night:
    """A night's frames in rows, what was found out about them, and the names that are given already."""

    def __init__(self, cameras: Sequence[str], cubes: Sequence[Cube], rules: Rules) -> None:
        self._cubes, self._rules = cubes, rules
        self._used: set[bytes] = set()
        self._rows = [self._row(camera) for camera in cameras]
        for row in self._rows:
            self._tell_states(row)
        self.matches = tuple(self._pair_rows(*self._rows)) if len(self._rows) > 1 else ()

    def outputs(self) -> Iterator[Output]:
        """Yield every new cube."""
        if len(self._rows) > 1:
            yield from self._sync_outputs(*self._rows)
        for row in self._rows:
            yield from self._solo_outputs(row)
        yield from self._whole_outputs()

    # ---- rows

    def _is_usable(self, cube: Cube) -> bool:
        return not cube.is_damaged and cube.times_us is not None and self._rules.is_triggered(cube.source.keys)

    def _row(self, camera: str) -> _Row:
        cubes = self._cubes
        numbers = [
            number for number, cube in enumerate(cubes) if cube.source.camera == camera and self._is_usable(cube)
        ]
        numbers.sort(key=lambda number: _first(cubes[number]))
        stretches = self._stretches(numbers)
        sizes = [cubes[number].source.frames for number in numbers]
        empty = np.zeros(0, dtype=np.int64)
        times = np.concatenate([empty, *(_times(cubes[number]) for number in numbers)])
        order = np.argsort(times, kind="stable")
        return _Row(
            camera,
            np.repeat(np.array(numbers, dtype=np.int64), sizes)[order],
            np.concatenate([empty, *(np.arange(size) for size in sizes)])[order],
            times[order],
            np.concatenate([empty, *(_counters(cubes[number]) for number in numbers)])[order],
            np.repeat(np.array(stretches, dtype=np.int64), sizes)[order],
        )

    def _stretches(self, numbers: Sequence[int]) -> list[int]:
        """Number the stretches: cubes in a row that are alike, without a gap between them."""
        if not numbers:
            return []
        stretches = [0]
        for before, cube in itertools.pairwise(self._cubes[number] for number in numbers):
            stretches.append(stretches[-1] + (not self._goes_on(before, cube)))
        return stretches

    def _goes_on(self, before: Cube, cube: Cube) -> bool:
        configurations = {self._rules.configuration(one.source.keys) for one in (before, cube)}
        is_near = _first(cube) - int(_times(before)[-1]) <= self._rules.gap_us
        return len(configurations) == 1 and is_near and before.source.clock == cube.source.clock

    def _tell_states(self, row: _Row) -> None:
        rules = self._rules
        for places in _grouped(row.stretch):
            keys = self._cubes[int(row.source[places[0]])].source.keys
            if rules.has_flc(keys):
                row.states[places] = flc_states(row.times_us[places], rules.jitter_of(keys), rules.noise_of(keys))

    # ---- pairs

    def _pair_rows(self, one: _Row, other: _Row) -> Iterator[Match]:
        """Pair the stretches that overlap, and note in both rows who is whose partner."""
        number = 0
        parts = _grouped(other.stretch)
        spans = np.array([other.times_us[[others[0], others[-1]]] for others in parts], dtype=np.int64).reshape(-1, 2)
        for places in _grouped(one.stretch):
            for near in _overlapping(one.times_us[places], spans):
                others = parts[near]
                ones = places[one.partner[places] == _NOWHERE]
                theirs = others[other.partner[others] == _NOWHERE]
                match = self._pair_parts((one, ones), (other, theirs), number)
                if match is not None:
                    number += 1
                    yield match

    def _pair_parts(self, part: _Part, far_part: _Part, number: int) -> Match | None:
        """Pair frames of two rows as match of this number; None where they cannot be put together."""
        (one, ones), (other, others) = part, far_part
        sources = [sorted(set(row.source[places].tolist())) for row, places in (part, far_part)]
        if not sources[0] or not sources[1]:
            return None
        rules = self._rules
        first, second = (self._cubes[numbers[0]].source for numbers in sources)
        if first.clock != second.clock:
            return None
        times, counters = (one.times_us[ones], other.times_us[others]), (one.counters[ones], other.counters[others])
        tolerance_us = min(rules.tolerance_of(first.keys), rules.tolerance_of(second.keys))
        exposure_us = min(rules.exposure_of(first.keys), rules.exposure_of(second.keys))
        found = pair(*times, tolerance_us, rules.offset_limit_us, counters, rules.offset_us, exposure_us)
        if found.choice.known is Known.CONTRADICTED:
            for row, numbers in ((one, sources[0]), (other, sources[1])):
                row.doubts |= dict.fromkeys(numbers, _doubt(found.choice))
        _note_pairs((one, ones[found.first]), (other, others[found.second]), number)
        return Match(
            first=tuple(sources[0]),
            second=tuple(sources[1]),
            pairs=len(found.first),
            offset_us=round(found.offset.offset_us, 3),
            tolerance_us=round(found.tolerance_us, 3),
            residual_us=round(found.residual_us, 3),
            support=round(found.offset.support, 4),
            rival=round(found.offset.rival, 4),
            ambiguous=found.ambiguous,
            known=found.choice.known.value,
            period_us=round(found.choice.period_us, 3),
        )

    # ---- new cubes

    def _sync_outputs(self, one: _Row, other: _Row) -> Iterator[Output]:
        rules = self._rules
        mine = np.flatnonzero(one.partner != _NOWHERE)
        theirs = one.partner[mine]
        groups = one.stretch[mine] * (int(other.stretch.max(initial=0)) + 1) + other.stretch[theirs]
        for piece in cut(one.times_us[mine], groups, rules.longest_us, rules.gap_us):
            stem = self._free_stem(rules.sync_name, int(one.times_us[mine[piece]][0]), 6)
            for letter, taken in _letters(one.states[mine[piece]]):
                yield from _siblings((one, mine[piece][taken]), (other, theirs[piece][taken]), stem, letter)

    def _solo_outputs(self, row: _Row) -> Iterator[Output]:
        """Yield what found no partner, cut by the same rules; a cube without a single pair stays one piece."""
        alone = np.flatnonzero(row.partner == _NOWHERE)
        has_pairs = np.zeros(len(self._cubes), dtype=bool)
        has_pairs[row.source[row.partner != _NOWHERE]] = True
        is_rest = has_pairs[row.source[alone]]
        rest, others = alone[is_rest], alone[~is_rest]
        for piece in cut(row.times_us[rest], row.stretch[rest], self._rules.longest_us, self._rules.gap_us):
            yield from self._solo(row, rest[piece], "no frame of the other camera at its time")
        for places in _grouped(row.source[others]):
            whole = others[places]
            doubt = row.doubts.get(int(row.source[whole[0]]))
            yield from self._solo(row, whole, doubt or "no cube of the other camera to pair with")

    def _solo(self, row: _Row, places: Integers, reason: str) -> Iterator[Output]:
        source = self._cubes[int(row.source[places[0]])].source
        stem = self._free_stem(_stream(source), int(row.times_us[places[0]]), 9)
        for letter, taken in _letters(row.states[places]):
            yield _output(row, places[taken], stem + _ending(letter), SOLO, letter, reason=reason)

    def _whole_outputs(self) -> Iterator[Output]:
        """Yield the cubes that could not be put to the question: each stays as it is, under its own name."""
        for number, cube in enumerate(self._cubes):
            source = cube.source
            if cube.is_damaged or self._is_usable(cube) or not source.frames:
                continue
            name = source.path.rpartition(b"/")[2].removesuffix(b".fits")
            times = cube.times_us
            yield Output(
                path=self._free(self._rules.folder + b"/" + name) + b".fits",
                camera=source.camera,
                kind=SOLO,
                state="",
                runs=(Run(number, 0, source.frames),),
                start_us=None if times is None else int(times[0]),
                end_us=None if times is None else int(times[-1]),
                reason=source.reason or "no external trigger",
            )

    def _free_stem(self, name: bytes, time_us: int, digits: int) -> bytes:
        """Return a cube's path without its ending: a name and its first time of day, with some decimals."""
        clock = dt.datetime.fromtimestamp(time_us // 1_000_000, tz=dt.UTC).strftime("%H:%M:%S")
        decimals = f"{time_us % 1_000_000:06d}".ljust(digits, "0")
        return self._free(self._rules.folder + b"/" + name + b"_" + f"{clock}.{decimals}".encode())

    def _free(self, stem: bytes) -> bytes:
        """Return a stem that nothing else of the night has."""
        free, number = stem, 1
        while free in self._used:
            number += 1
            free = b"%s-%d" % (stem, number)
        self._used.add(free)
        return free


def _times(cube: Cube) -> Integers:
    return np.zeros(0, dtype=np.int64) if cube.times_us is None else cube.times_us


def _counters(cube: Cube) -> Integers:
    return np.full(cube.source.frames, -1, dtype=np.int64) if cube.counters is None else cube.counters


def _first(cube: Cube) -> int:
    return int(_times(cube)[0])


def _grouped(groups: Integers) -> list[Integers]:
    """Return the places of each group's elements, in the order of the groups."""
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    return [places for places in np.split(order, edges) if len(places)]


def _overlapping(ones: Integers, spans: Integers) -> list[int]:
    """Return which of some first and last times overlap a stretch's; all at once, as there may be thousands."""
    slack_us = 1_000_000  # an offset between the cameras shifts one against the other
    near: list[int] = np.flatnonzero(
        (ones[0] <= spans[:, 1] + slack_us) & (spans[:, 0] <= ones[-1] + slack_us)
    ).tolist()
    return near


def _note_pairs(part: _Part, far_part: _Part, number: int) -> None:
    """Note in both rows who is whose partner, by which match, and what both cameras together tell of the state."""
    (one, mine), (other, theirs) = part, far_part
    one.partner[mine], other.partner[theirs] = theirs, mine
    one.match[mine] = other.match[theirs] = number
    one.states[mine] = other.states[theirs] = agreed(one.states[mine], other.states[theirs])


def _doubt(choice: Choice) -> str:
    return (
        f"the offset is {choice.offset_us:.0f} us or whole periods of {choice.period_us:.0f} us more or less, and the"
        " cameras' first and last frames speak against the smallest: say `offset_us`"
    )


def _letters(states: NDArray[np.int8]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the states that occur, as letters, each with the frames that are in it."""
    for state in (*LETTERS, _NO_FLC):
        taken = states == state
        if taken.any():
            yield LETTERS.get(state, ""), taken


def _ending(letter: str) -> bytes:
    return (b"." + letter.encode() if letter else b"") + b".fits"


def _siblings(part: _Part, far_part: _Part, stem: bytes, letter: str) -> Iterator[Output]:
    """Yield the cubes of both cameras' frames that are pairs."""
    row, places = part
    paths = [stem + b"." + one.camera.encode() + _ending(letter) for one, _ in (part, far_part)]
    match = int(row.match[places[0]])
    yield _output(*part, paths[0], SYNC, letter, sibling=paths[1], match=match)
    yield _output(*far_part, paths[1], SYNC, letter, sibling=paths[0], match=match)


def _output(row: _Row, places: Integers, path: bytes, kind: str, letter: str, **more: Any) -> Output:
    return Output(
        path=path,
        camera=row.camera,
        kind=kind,
        state=letter,
        runs=runs_of(row.source[places], row.frame[places]),
        start_us=int(row.times_us[places[0]]),
        end_us=int(row.times_us[places[-1]]),
        **more,
    )


def _listed(cubes: Sequence[Cube]) -> Iterator[Listed]:
    for number, cube in enumerate(cubes):
        if cube.is_damaged and cube.source.frames:
            yield Listed(Run(number, 0, cube.source.frames), cube.source.reason or "damaged")


def _stream(source: Source) -> bytes:
    """Return the stream's name, which a cube's name begins with: ``vcam1`` of ``vcam1/vcam1_10:20:00.5.fits``."""
    return source.path.rpartition(b"/")[2].partition(b"_")[0]
