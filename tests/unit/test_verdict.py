"""The state of a hop follows from its counts and lists alone, and every state but ok has its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observatory.truth import State
from syncer.outcome import Failure, HopOutcome
from tests.worlds import NIGHT
from verifier.verdict import Finding, HopVerdict, SequenceGap

VERDICT = HopVerdict("sha", "a:b", "a", "b", "/a/", "/b/", "size", (NIGHT,), source_files=1, compared=1)
OUTCOME = HopOutcome("sha", "a:b", "a", "b", "/a/", "/b/", (NIGHT,), source_files=1)
FOUND, FAILED = Finding(b"x", "source", "cut"), Failure(b"x", "why")
GAP = SequenceGap(NIGHT, "sha", (1, 2))


def test_nothing_found_is_ok_and_needs_no_reason() -> None:
    """In progress, unrecognised and accepted are no difference."""
    calm = replace(VERDICT, in_progress=(b"x",), unrecognised=(b"y",), accepted={"lost": 1})
    assert (calm.state, calm.reason) == (State.OK, None)
    assert (OUTCOME.state, OUTCOME.reason) == (State.OK, None)


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"missing": (b"x", b"y")}, State.DIFFERENT, "2 missing"),
        ({"extra": (b"x",)}, State.DIFFERENT, "1 only on the destination"),
        ({"size_differs": (b"x",)}, State.DIFFERENT, "1 of other size"),
        ({"checksum_differs": (b"x",)}, State.DIFFERENT, "1 of other content"),
        ({"damaged": (FOUND,)}, State.DIFFERENT, "1 damaged"),
        ({"sequence_gaps": (GAP,)}, State.DIFFERENT, "2 frame numbers absent"),
        ({"sequence_gaps": (GAP,), "gaps_fail": False}, State.OK, None),
        ({"sequence_gaps": (GAP,), "gaps_fail": False, "extra": (b"x",)}, State.DIFFERENT, "1 only on the destination"),
        ({"not_comparable": 1}, State.UNKNOWN, "1 could not be compared"),
        ({"unreadable": (FOUND,)}, State.UNKNOWN, "1 could not be read (x: cut)"),
        ({"unknown_reason": "b: not reached"}, State.UNKNOWN, "b: not reached"),
        ({"unknown_reason": "b: lost", "missing": (b"x",)}, State.UNKNOWN, "b: lost"),
        ({"unreadable": (FOUND,), "missing": (b"x",)}, State.UNKNOWN, "1 could not be read (x: cut), 1 missing"),
        ({"away_reason": "off the telescope"}, State.AWAY, "off the telescope"),
    ],
)
def test_a_verdicts_state_is_unknown_before_different_before_ok(
    change: dict[str, Any], state: State, reason: str | None
) -> None:
    """Whatever else was found."""
    verdict = replace(VERDICT, **change)
    assert (verdict.state, verdict.reason) == (state, reason)


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"failed": (FAILED,)}, State.DIFFERENT, "1 failed"),
        ({"kept": (FAILED,)}, State.DIFFERENT, "1 kept"),
        ({"stuck": (FAILED,)}, State.DIFFERENT, "1 damaged or stuck, copied as they are"),
        ({"postponed": 3}, State.DIFFERENT, "3 left for the next run"),
        ({"refused_reason": "b: no space"}, State.DIFFERENT, "b: no space"),
        ({"unreadable": (FAILED,), "failed": (FAILED,)}, State.UNKNOWN, "1 could not be read (x: why), 1 failed"),
        ({"unknown_reason": "b: lost", "refused_reason": "b: no space"}, State.UNKNOWN, "b: lost"),
        ({"lock_reason": "b: held by another run"}, State.UNKNOWN, "b: held by another run"),
        ({"away_reason": "off"}, State.AWAY, "off"),
    ],
)
def test_an_outcomes_state_is_unknown_before_different_before_ok(
    change: dict[str, Any], state: State, reason: str
) -> None:
    """The same for what a sync says."""
    outcome = replace(OUTCOME, **change)
    assert (outcome.state, outcome.reason) == (state, reason)
