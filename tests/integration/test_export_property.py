"""Whatever the night was: every frame goes to the observation during which it was acquired, and to no other.

Random histories of observers, cut into files of random roots and layouts, and random archives; the oracle looks at
each frame by itself.
"""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.export.frames import choose
from converters.export.jobs import HeaderPlan
from converters.export.plan import Camera, Fate, Memory, plan
from converters.export.search import search
from converters.export.semesters import SemesterRule, read_starts
from converters.export.tree import places
from converters.xrif import read_timing
from observatory.nights import NightClock
from tests.magaox import BEGIN, ROLES, Drive, at, observer, timing

RULE = SemesterRule(NightClock.from_spec("Etc/GMT+4"), read_starts({"A": "01-01", "B": "07-01"}))
PLAN = HeaderPlan("camsci1", "MagAO-X", "", (), (), 0, False)


@dataclass(frozen=True)
class History:
    """Records (second, observing, title), and archives (seconds of their frames)."""

    records: tuple[tuple[int, bool, str], ...]
    archives: tuple[tuple[int, ...], ...]
    cuts: tuple[int, ...]
    is_flat: bool


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return a few minutes around the change of the UTC day."""
    steps = draw(st.lists(st.integers(1, 12), min_size=2, max_size=14))
    seconds = np.cumsum(steps).tolist()
    records = tuple((t, draw(st.booleans()), draw(st.sampled_from("ab"))) for t in seconds)
    frames = sorted(draw(st.sets(st.integers(0, sum(steps) + 20), min_size=1, max_size=30)))
    archives, rest = [], frames
    while rest:
        size = draw(st.integers(1, 6))
        archives.append(tuple(rest[:size]))
        rest = rest[size:]
    cuts = draw(st.lists(st.integers(1, len(records) - 1), max_size=2, unique=True))
    return History(records, tuple(archives), tuple(sorted(cuts)), draw(st.booleans()))


def owner(history: History, second: int) -> tuple[int, str] | None:
    """Return the beginning and title of the observation that a frame belongs to, looking at nothing but records."""
    before = [index for index, (t, _, _) in enumerate(history.records) if t <= second]
    index = before[-1] if before else -1
    after = history.records[index + 1 : index + 2]
    if index >= 0 and history.records[index][1]:
        title = history.records[index][2]
    elif after and after[0][1] and index >= 0:
        title, index = after[0][2], index + 1  # between the last record off and the rise
    else:
        return None
    first = index
    while first > 0 and history.records[first - 1][1:] == (True, title):
        first -= 1
    is_change = first > 0 and history.records[first - 1][1]
    return (history.records[first if is_change or first == 0 else first - 1][0], title)


def build(history: History, folder: Path) -> Drive:
    """Write the history as files."""
    drive = Drive(folder, history.is_flat)
    edges = [0, *history.cuts, len(history.records)]
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        said = [(t, observer(on, title)) for t, on, title in history.records[begin:end]]
        drive.observers(said, ROLES[number % 3])
    for seconds in history.archives:
        drive.archive(seconds, shape=(1, 1, 1))
    return drive


def exported(drive: Drive, output: Path) -> dict[tuple[int, str], list[int]]:
    """Return the frames of each observation, by its beginning and title, in seconds."""
    roots = list(drive.roots.values())
    found = search(roots, "observers", None, None)
    memory = Memory(output, lambda folder: (), lambda semester, camera: {})
    taken: dict[tuple[int, str], list[int]] = {}
    for one, place in places(found.observations, RULE).items():
        planned = plan(roots, one, place, Camera(PLAN, "frames"), memory, one.end_ns)
        assert {item.fate for item in planned.items} <= {Fate.MAKE}
        for item in planned.items:
            rows = read_timing(item.sources[0])
            chosen = rows[choose(rows, item.begin_ns, item.end_ns).taken, 1]
            assert len(chosen) == item.frames
            key = (round((one.begin_ns - BEGIN) / 1e9), one.title)
            taken.setdefault(key, []).extend(int(second) - BEGIN // 10**9 for second in chosen)
    return {key: sorted(frames) for key, frames in taken.items()}


def wanted(history: History) -> dict[tuple[int, str], list[int]]:
    """Return the same by the oracle."""
    frames: dict[tuple[int, str], list[int]] = {}
    for seconds in history.archives:
        for second in seconds:
            key = owner(history, second)
            if key is not None:
                frames.setdefault(key, []).append(second)
    return {key: sorted(found) for key, found in frames.items()}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_every_frame_goes_to_its_observation_and_to_no_other(history: History) -> None:
    """Over files, roots, layouts, midnight, partial archives and changes of title."""
    with tempfile.TemporaryDirectory() as name:
        drive = build(history, Path(name) / "drive")
        assert exported(drive, Path(name)) == wanted(history)


def test_the_oracle_knows_the_simple_night() -> None:
    """Off, on, off: frames between the last record off and the fall belong."""
    history = History(((0, False, "a"), (10, True, "a"), (20, False, "a")), ((0, 5, 15, 20),), (), False)
    assert wanted(history) == {(0, "a"): [0, 5, 15]}
    assert int(timing([0])[0, 1]) == at(0) // 10**9
