"""Offsets of more than half a period: told apart where anything tells them, else nothing is paired; never wrongly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from converters.vampires.pairing import Pairing, pair
from converters.vampires.periods import Known

Integers = NDArray[np.int64]
TOLERANCE_US = 465.0


@dataclass
class Trigger:
    """What exposes two cameras, and what becomes of their frames.

    Attributes
    ----------
    uneven_us : float
        Standard deviation of the distance of two triggers.
    pauses : int
        How often the trigger pauses, each for some periods and a fraction.
    starts : tuple of int
        With which trigger each camera begins.
    stalls : tuple of int
        Where each camera loses 40 frames in a row on the way to the disk; its counter counts on. -1: nowhere.
    """

    period_us: float = 2000.0
    offset_us: float = 300.0
    jitter_us: float = 0.0
    uneven_us: float = 0.0
    pauses: int = 0
    starts: tuple[int, int] = (0, 0)
    stalls: tuple[int, int] = (-1, -1)
    drops: float = 0.0
    triggers: int = 3000
    seed: int = 1

    def expose(self) -> tuple[list[Integers], list[Integers]]:
        """Return both cameras' times, and which triggers their frames are of."""
        random = np.random.default_rng(self.seed)
        steps = np.full(self.triggers, self.period_us) + random.normal(0, self.uneven_us, self.triggers)
        steps[0::2] += 2 * self.jitter_us
        for place in random.choice(np.arange(100, self.triggers - 100), self.pauses, replace=False):
            steps[place] += random.uniform(5, 100) * self.period_us
        times = 1.7624e15 + np.cumsum(steps)
        kept = [self._kept(camera, random) for camera in (0, 1)]
        noise = [random.normal(0, 7.2, len(which)) for which in kept]
        stamps = [
            np.rint(times[which] + noise[camera] + camera * self.offset_us).astype(np.int64)
            for camera, which in enumerate(kept)
        ]
        return stamps, kept

    def _kept(self, camera: int, random: np.random.Generator) -> Integers:
        kept = np.arange(self.starts[camera], self.triggers)
        kept = kept[random.random(len(kept)) >= self.drops]
        stall = self.stalls[camera]
        return kept if stall < 0 else kept[(kept < stall) | (kept >= stall + 40)]

    def pair(self, given_us: float | None = None) -> tuple[Pairing, int]:
        """Pair the frames; return how many pairs are wrong as well."""
        (first_us, second_us), (first, second) = self.expose()
        found = pair(first_us, second_us, TOLERANCE_US, None, (first + 9_870_000_000, second + 7), given_us)
        return found, int((first[found.first] != second[found.second]).sum())


@pytest.mark.parametrize(
    "trigger",
    [
        Trigger(offset_us=1200),
        Trigger(offset_us=-1500),
        Trigger(period_us=400, offset_us=600),
        Trigger(period_us=400, offset_us=2000),
        Trigger(period_us=1000, jitter_us=500, offset_us=2000),
        Trigger(offset_us=1200, starts=(0, 700)),
        Trigger(offset_us=3700, drops=0.002),
    ],
)
def test_where_the_edges_speak_against_the_smallest_offset_nothing_is_paired(trigger: Trigger) -> None:
    """Both cameras began or ended together, if the offset is more than half a period: which it is nobody can say."""
    found, wrong = trigger.pair()
    assert (len(found.first), wrong, found.choice.known) == (0, 0, Known.CONTRADICTED)


@pytest.mark.parametrize("offset_us", [1200, -1500, 3700, 300])
def test_what_was_declared_of_the_offset_settles_it(offset_us: float) -> None:
    """Roughly is enough: the times say the rest."""
    found, wrong = Trigger(offset_us=offset_us, drops=0.002).pair(given_us=offset_us + 700)
    assert (wrong, found.choice.known) == (0, Known.GIVEN)
    assert found.offset.offset_us == pytest.approx(offset_us, abs=3)
    assert len(found.first) > 2950


@pytest.mark.parametrize(
    ("period_us", "offset_us"), [(2000, 1200), (2000, -2900), (400, 600), (400, 1900), (2000, 300)]
)
def test_a_pause_of_the_trigger_tells_whole_periods_apart(period_us: float, offset_us: float) -> None:
    """The last frame before it and the first one after it are the same in both cameras."""
    found, wrong = Trigger(period_us=period_us, offset_us=offset_us, pauses=3, starts=(0, 5)).pair()
    assert (wrong, found.choice.known) == (0, Known.PAUSES)
    assert found.offset.offset_us == pytest.approx(offset_us, abs=3)
    assert len(found.first) > 2900


@pytest.mark.parametrize(
    ("period_us", "offset_us"), [(2000, 1200), (2000, -2900), (400, 600), (400, 1900), (2000, 300)]
)
def test_uneven_triggers_tell_whole_periods_apart(period_us: float, offset_us: float) -> None:
    """A trigger that came early came early in both; cameras need not have begun together."""
    found, wrong = Trigger(period_us=period_us, offset_us=offset_us, uneven_us=15, starts=(40, 0)).pair()
    assert (wrong, found.choice.known) == (0, Known.TIMES)
    assert found.offset.offset_us == pytest.approx(offset_us, abs=3)


def test_loggers_that_were_started_one_after_the_other_tell_nothing() -> None:
    """Then the smallest offset is taken, and it is said that it is."""
    found, wrong = Trigger(starts=(0, 700), triggers=2900, stalls=(2860, -1)).pair()
    assert (wrong, found.choice.known, found.choice.period_us) == (0, Known.ASSUMED, 2000)
    assert len(found.first) > 2000


def test_frames_lost_by_both_in_turn_are_no_pause() -> None:
    """A disk that was slow for both, one frame later for the second: the counters went on."""
    found, wrong = Trigger(stalls=(1500, 1501), triggers=6000).pair()
    assert (wrong, found.choice.known) == (0, Known.EDGES)
    assert len(found.first) > 5900


def test_where_many_frames_are_lost_the_first_and_the_last_prove_nothing() -> None:
    """They may be of other triggers in each camera: an offset that rests on them is called an assumption."""
    found, wrong = Trigger(drops=0.05, seed=4).pair()
    assert (wrong, found.choice.known) == (0, Known.ASSUMED)


@settings(max_examples=120, deadline=None)
@given(
    period_us=st.sampled_from([400, 1000, 2000, 7000]),
    part=st.floats(-3, 3).filter(lambda part: abs(abs(part) % 1 - 0.5) > 0.1),
    uneven_us=st.sampled_from([0, 20]),
    pauses=st.sampled_from([0, 2]),
    drops=st.sampled_from([0, 0.002, 0.05]),
    seed=st.integers(0, 1000),
)
def test_cameras_that_began_together_are_never_paired_wrongly(
    period_us: int, part: float, uneven_us: float, pauses: int, drops: float, seed: int
) -> None:
    """However large the offset, as long as it is no more than static offsets are; or it is called an assumption."""
    offset_us = float(np.clip(part * period_us, -9000, 9000))
    trigger = Trigger(period_us, offset_us, 0.0, uneven_us, pauses, drops=drops, triggers=800, seed=seed)
    found, wrong = trigger.pair()
    assert not wrong or (drops == 0.05 and found.choice.known is Known.ASSUMED)
