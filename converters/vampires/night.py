"""Decides what becomes of a night's frames: paired, told apart by FLC state, cut into cubes; pure, pixels unseen.

Cubes of one camera that follow one another unchanged are a stretch; stretches of two cameras that overlap are paired
as a whole, so that a pair across the edge of two cubes is none the worse. Reading the cubes is reading.py's.
"""

from __future__ import annotations

import datetime as dt
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
    rows = [_row(camera, cubes, rules) for camera in cameras]
    for row in rows:
        _tell_states(row, cubes, rules)
    matches = list(_pair_rows(rows[0], rows[1], cubes, rules)) if len(rows) > 1 else []
    used: set[bytes] = set()
    outputs = [*_sync_outputs(rows, rules, used), *_solo_outputs(rows, cubes, rules, used)]
    outputs += _whole_outputs(cubes, rows, rules, used)
    listed = tuple(_listed(cubes))
    outputs.sort(key=lambda output: (output.start_us or 0, output.path))
    plan = Plan(night, parameters, tuple(cube.source for cube in cubes), tuple(matches), tuple(outputs), listed)
    plan.check()
    return plan


def _is_usable(cube: Cube, rules: Rules) -> bool:
    return not cube.is_damaged and cube.times_us is not None and rules.is_triggered(cube.source.keys)


def _row(camera: str, cubes: Sequence[Cube], rules: Rules) -> _Row:
    numbers = [number for number, cube in enumerate(cubes) if cube.source.camera == camera and _is_usable(cube, rules)]
    numbers.sort(key=lambda number: _first(cubes[number]))
    stretches = _stretches(numbers, cubes, rules)
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


def _times(cube: Cube) -> Integers:
    return np.zeros(0, dtype=np.int64) if cube.times_us is None else cube.times_us


def _counters(cube: Cube) -> Integers:
    return np.full(cube.source.frames, -1, dtype=np.int64) if cube.counters is None else cube.counters


def _first(cube: Cube) -> int:
    return int(_times(cube)[0])


def _stretches(numbers: Sequence[int], cubes: Sequence[Cube], rules: Rules) -> list[int]:
    """Number the stretches: cubes in a row that are alike, without a gap between them."""
    stretches: list[int] = []
    for place, number in enumerate(numbers):
        if place == 0:
            stretches.append(0)
            continue
        before, cube = cubes[numbers[place - 1]], cubes[number]
        is_alike = rules.configuration(before.source.keys) == rules.configuration(cube.source.keys)
        is_near = _first(cube) - int(_times(before)[-1]) <= rules.gap_us
        is_one = is_alike and is_near and before.source.clock == cube.source.clock
        stretches.append(stretches[-1] + (not is_one))
    return stretches


def _parts(row: _Row) -> list[Integers]:
    """Return the places of each stretch's frames, in the order of the stretches."""
    order = np.argsort(row.stretch, kind="stable")
    edges = np.flatnonzero(np.diff(row.stretch[order])) + 1
    return [places for places in np.split(order, edges) if len(places)]


def _tell_states(row: _Row, cubes: Sequence[Cube], rules: Rules) -> None:
    for places in _parts(row):
        keys = cubes[int(row.source[places[0]])].source.keys
        if rules.has_flc(keys):
            row.states[places] = flc_states(row.times_us[places], rules.jitter_of(keys), rules.noise_of(keys))


def _pair_rows(one: _Row, other: _Row, cubes: Sequence[Cube], rules: Rules) -> Iterator[Match]:
    """Pair the stretches that overlap, and note in both rows who is whose partner."""
    number = 0
    parts = _parts(other)
    spans = np.array([other.times_us[[others[0], others[-1]]] for others in parts], dtype=np.int64).reshape(-1, 2)
    for places in _parts(one):
        for near in _overlapping(one.times_us[places], spans):
            others = parts[near]
            ones = places[one.partner[places] == _NOWHERE]
            twos = others[other.partner[others] == _NOWHERE]
            match = _pair_parts(one, other, ones, twos, cubes, rules, number)
            if match is not None:
                number += 1
                yield match


def _overlapping(ones: Integers, spans: Integers) -> list[int]:
    """Return which of some first and last times overlap a stretch's; all at once, as there may be thousands."""
    slack_us = 1_000_000  # an offset between the cameras shifts one against the other
    near: list[int] = np.flatnonzero(
        (ones[0] <= spans[:, 1] + slack_us) & (spans[:, 0] <= ones[-1] + slack_us)
    ).tolist()
    return near


def _pair_parts(
    one: _Row, other: _Row, ones: Integers, others: Integers, cubes: Sequence[Cube], rules: Rules, number: int
) -> Match | None:
    sources = [sorted(set(row.source[places].tolist())) for row, places in ((one, ones), (other, others))]
    if not sources[0] or not sources[1]:
        return None
    first, second = (cubes[numbers[0]].source for numbers in sources)
    if first.clock != second.clock:
        return None
    tolerance_us = min(rules.tolerance_of(first.keys), rules.tolerance_of(second.keys))
    times, counters = (one.times_us[ones], other.times_us[others]), (one.counters[ones], other.counters[others])
    exposure_us = min(rules.exposure_of(first.keys), rules.exposure_of(second.keys))
    found = pair(*times, tolerance_us, rules.offset_limit_us, counters, rules.offset_us, exposure_us)
    if found.choice.known is Known.CONTRADICTED:
        one.doubts |= dict.fromkeys(sources[0], _doubt(found.choice))
        other.doubts |= dict.fromkeys(sources[1], _doubt(found.choice))
    mine, theirs = ones[found.first], others[found.second]
    one.partner[mine], other.partner[theirs] = theirs, mine
    one.match[mine] = other.match[theirs] = number
    together = agreed(one.states[mine], other.states[theirs])
    one.states[mine] = other.states[theirs] = together
    return Match(
        first=tuple(sources[0]),
        second=tuple(sources[1]),
        pairs=len(mine),
        offset_us=round(found.offset.offset_us, 3),
        tolerance_us=round(found.tolerance_us, 3),
        residual_us=round(found.residual_us, 3),
        support=round(found.offset.support, 4),
        rival=round(found.offset.rival, 4),
        ambiguous=found.ambiguous,
        known=found.choice.known.value,
        period_us=round(found.choice.period_us, 3),
    )


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


def _sync_outputs(rows: Sequence[_Row], rules: Rules, used: set[bytes]) -> Iterator[Output]:
    if len(rows) < 2:
        return
    one, other = rows
    mine = np.flatnonzero(one.partner != _NOWHERE)
    theirs = one.partner[mine]
    groups = one.stretch[mine] * (int(other.stretch.max(initial=0)) + 1) + other.stretch[theirs]
    for piece in cut(one.times_us[mine], groups, rules.longest_us, rules.gap_us):
        stem = _free(_name(rules, rules.sync_name, int(one.times_us[mine[piece]][0]), 6), used)
        for letter, taken in _letters(one.states[mine[piece]]):
            yield from _siblings(one, other, mine[piece][taken], theirs[piece][taken], stem, letter)


def _siblings(one: _Row, other: _Row, mine: Integers, theirs: Integers, stem: bytes, letter: str) -> Iterator[Output]:
    end = (b"." + letter.encode() if letter else b"") + b".fits"
    paths = [stem + b"." + row.camera.encode() + end for row in (one, other)]
    match = int(one.match[mine[0]])
    yield _output(one, mine, paths[0], SYNC, letter, sibling=paths[1], match=match)
    yield _output(other, theirs, paths[1], SYNC, letter, sibling=paths[0], match=match)


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


def _solo_outputs(rows: Sequence[_Row], cubes: Sequence[Cube], rules: Rules, used: set[bytes]) -> Iterator[Output]:
    """Yield what found no partner, cut by the same rules; a cube without a single pair stays one piece of its own."""
    for row in rows:
        alone = np.flatnonzero(row.partner == _NOWHERE)
        has_pairs = np.zeros(len(cubes), dtype=bool)
        has_pairs[row.source[row.partner != _NOWHERE]] = True
        of_pairs = has_pairs[row.source[alone]]
        others = alone[~of_pairs]
        others = others[np.argsort(row.source[others], kind="stable")]  # two cubes of the same moments are two pieces
        for places, is_rest in ((alone[of_pairs], True), (others, False)):
            reason = (
                "no frame of the other camera at its time" if is_rest else "no cube of the other camera to pair with"
            )
            groups = row.stretch[places] if is_rest else row.source[places]
            longest_us = rules.longest_us if is_rest else np.iinfo(np.int64).max // 4
            gap_us = rules.gap_us if is_rest else np.iinfo(np.int64).max // 4
            for piece in cut(row.times_us[places], groups, longest_us, gap_us):
                why = reason if is_rest else row.doubts.get(int(row.source[places[piece][0]]), reason)
                yield from _solo(row, places[piece], cubes, rules, used, why)


def _solo(
    row: _Row, places: Integers, cubes: Sequence[Cube], rules: Rules, used: set[bytes], reason: str
) -> Iterator[Output]:
    name = _stream(cubes[int(row.source[places[0]])].source)
    stem = _free(_name(rules, name, int(row.times_us[places[0]]), 9), used)
    for letter, taken in _letters(row.states[places]):
        path = stem + (b"." + letter.encode() if letter else b"") + b".fits"
        yield _output(row, places[taken], path, SOLO, letter, reason=reason)


def _whole_outputs(cubes: Sequence[Cube], rows: Sequence[_Row], rules: Rules, used: set[bytes]) -> Iterator[Output]:
    """Yield the cubes that could not be put to the question: each stays as it is, under its own name."""
    for number, cube in enumerate(cubes):
        source = cube.source
        if cube.is_damaged or _is_usable(cube, rules) or not source.frames:
            continue
        name = source.path.rpartition(b"/")[2].removesuffix(b".fits")
        path = _free(rules.folder + b"/" + name, used) + b".fits"
        times = cube.times_us
        yield Output(
            path=path,
            camera=source.camera,
            kind=SOLO,
            state="",
            runs=(Run(number, 0, source.frames),),
            start_us=None if times is None else int(times[0]),
            end_us=None if times is None else int(times[-1]),
            reason=source.reason or "no external trigger",
        )


def _listed(cubes: Sequence[Cube]) -> Iterator[Listed]:
    for number, cube in enumerate(cubes):
        if cube.is_damaged and cube.source.frames:
            yield Listed(Run(number, 0, cube.source.frames), cube.source.reason or "damaged")


def _stream(source: Source) -> bytes:
    """Return the stream's name, which a cube's name begins with: ``vcam1`` of ``vcam1/vcam1_10:20:00.5.fits``."""
    return source.path.rpartition(b"/")[2].partition(b"_")[0]


def _name(rules: Rules, name: bytes, time_us: int, digits: int) -> bytes:
    clock = dt.datetime.fromtimestamp(time_us // 1_000_000, tz=dt.UTC).strftime("%H:%M:%S")
    decimals = f"{time_us % 1_000_000:06d}".ljust(digits, "0")
    return rules.folder + b"/" + name + b"_" + f"{clock}.{decimals}".encode()


def _free(stem: bytes, used: set[bytes]) -> bytes:
    """Return a stem that nothing else of the night has."""
    free, number = stem, 1
    while free in used:
        number += 1
        free = b"%s-%d" % (stem, number)
    used.add(free)
    return free
