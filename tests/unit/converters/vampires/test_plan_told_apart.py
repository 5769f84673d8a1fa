"""Counts and edited plans that a slightly wrong plan would let through."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from converters.vampires.plan import Match, Output, Plan, PlanFault, Run, Source, decode, encode

SOURCE = Source(b"vcam1/a.fits", None, "cam1", "0" * 64, "", 10, 0, None, {}, None)
OTHER = dataclasses.replace(SOURCE, path=b"vcam2/a.fits", camera="cam2")
WHOLE = Run(0, 0, 10)


def plan(*runs: Run, state: str = "") -> Plan:
    """Return a plan that makes one cube of one source of ten frames."""
    outputs = (Output(b"vgen2/x.fits", "cam1", "solo", state, runs, None, None),)
    return Plan(dt.date(2025, 11, 6), {}, (SOURCE,), (), outputs)


@pytest.mark.parametrize(
    "runs", [(WHOLE, Run(0, 0, 0)), (Run(0, -1, 10),), (Run(0, 9, 10, -1),), (Run(0, 0, 10, 0),), (Run(0, 1, 10),)]
)
def test_runs_that_are_none_are_refused_though_they_cover_every_frame(runs: tuple[Run, ...]) -> None:
    """Empty, before the first frame, backwards, without a step, beyond the last: somebody edited them."""
    with pytest.raises(PlanFault, match="frames from"):
        plan(*runs).check()
    with pytest.raises(PlanFault):
        decode(encode(plan(*runs)))


def test_dubious_frames_are_those_of_outputs_in_no_state() -> None:
    """They are counted among those that are made, and apart from the states A and B."""
    parts = [plan(Run(0, 0, 3), state="D"), plan(Run(0, 3, 5), state="A"), plan(Run(0, 8, 2))]
    outputs = tuple(dataclasses.replace(one.outputs[0], path=b"%d.fits" % n) for n, one in enumerate(parts))
    facts = dataclasses.replace(parts[0], outputs=outputs).facts()
    assert (facts.frames_in, facts.frames_out, facts.listed, facts.dubious) == (10, 10, 0, 3)
    assert facts.kinds == {"solo cam1": 2, "solo cam1 A": 5, "solo cam1 D": 3}


def test_a_document_of_another_kind_is_refused_whatever_its_version() -> None:
    """It may hold all the keys."""
    raw = encode(plan(WHOLE))
    assert decode(raw) == plan(WHOLE)
    with pytest.raises(PlanFault):
        decode(raw.replace(b'"format": "', b'"format": "another '))


def test_an_offset_is_spoken_of_where_frames_hang_on_it() -> None:
    """By its pairs; of one that is contradicted by the frames that were put together; else not at all."""
    match = Match((0,), (1,), 7, 120.0, 50.0, 1.0, 1.0, 0.0, 0, "assumed", 0.0)
    made = dataclasses.replace(plan(WHOLE), sources=(SOURCE, OTHER))

    def said(*matches: Match) -> list[str]:
        return [one.partition(" ")[0] for one in dataclasses.replace(made, matches=matches).offsets()]

    assert said(match) == ["7"]
    assert said(dataclasses.replace(match, known="contradicted", pairs=0, period_us=400.0)) == ["20"]
    assert said(dataclasses.replace(match, pairs=0)) == said(dataclasses.replace(match, known="given")) == []
    assert said(match, dataclasses.replace(match, pairs=5)) == ["12"]
